/* The query of a request in both forms, the versions, the commands and the paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "fcgi/url.h"

static void assert_str(struct str got, const char *want)
{
	if (!want) {
		assert_null(got.p);
		return;
	}
	assert_non_null(got.p);
	char text[URL_MAX];
	snprintf(text, sizeof text, "%.*s", STR_ARG(got));
	assert_string_equal(text, want);
}

struct row {
	const char *query;
	bool base64, broken;
	const char *command;
	unsigned version, locale;
	const char *device_id, *device_type, *user;
	bool has_policy_key;
	uint32_t policy_key;
	bool save_in_sent, accept_multipart;
	const char *attachment_name, *collection_id, *item_id, *long_id, *occurrence;
};

static const struct row rows[] = {
	/* Nothing: OPTIONS, a browser. */
	{.query = ""},
	{.query = "&&=&x"},

	/* Plain. */
	{.query = "Cmd=Sync&User=anna@example.test&DeviceId=v140Device&DeviceType=SmartPhone",
	 .command = "Sync",
	 .user = "anna@example.test",
	 .device_id = "v140Device",
	 .device_type = "SmartPhone"},
	/* Names without case, any order; a command's name in its own spelling. */
	{.query = "devicetype=iPhone&DEVICEID=Appl1&cmd=foldersync&uSeR=anna",
	 .command = "FolderSync",
	 .user = "anna",
	 .device_id = "Appl1",
	 .device_type = "iPhone"},
	/* Percent-encoding and '+', in names too. */
	{.query = "Cmd=Ping&User=example%5canna%40x.test&DeviceType=Out+look%2B&Device%49d=1",
	 .command = "Ping",
	 .user = "example\\anna@x.test",
	 .device_id = "1",
	 .device_type = "Out look+"},
	{.query = "Cmd=SmartReply&SaveInSent=T&CollectionId=5&ItemId=5:7&LongId=a%20b&Occurrence=x"
		  "&AttachmentName=5%3a7%3A0",
	 .command = "SmartReply",
	 .save_in_sent = true,
	 .collection_id = "5",
	 .item_id = "5:7",
	 .long_id = "a b",
	 .occurrence = "x",
	 .attachment_name = "5:7:0"},
	{.query = "Cmd=SmartReply&SaveInSent=F", .command = "SmartReply"},
	/* Empty and absent differ; the first of two counts. */
	{.query = "Cmd=Sync&DeviceId=&DeviceId=2", .command = "Sync", .device_id = ""},
	/* A command that is not served is named, an unknown one is not. */
	{.query = "Cmd=GetHierarchy&DeviceId=1", .command = "GetHierarchy", .device_id = "1"},
	{.query = "Cmd=Steal&DeviceId=1", .device_id = "1"},
	{.query = "Cmd=", .command = NULL},
	{.query = "Cmd", .base64 = true, .broken = true, .version = 1},
	/* Bytes that PostgreSQL and XML can't take. */
	{.query = "Cmd=Sync&DeviceType=a%00b%ffc%01",
	 .command = "Sync",
	 .device_type = "ab\xef\xbf\xbd"
			"c"},
	{.query = "Cmd=Sync&DeviceType=%", .command = "Sync", .device_type = "%"},

	/* Base64: the two worked examples. */
	{.query = "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
	 .base64 = true,
	 .command = "Sync",
	 .version = 140,
	 .locale = 0x0409,
	 .device_id = "v140Device",
	 .device_type = "SmartPhone"},
	{.query = "jQMMBAZBQkMxMjMEYEjqTQFUAQExAwMxOjUHAQE=",
	 .base64 = true,
	 .command = "SmartReply",
	 .version = 141,
	 .locale = 0x040c,
	 .device_id = "ABC123",
	 .has_policy_key = true,
	 .policy_key = 1307199584,
	 .device_type = "T",
	 .collection_id = "1",
	 .item_id = "1:5",
	 .save_in_sent = true},
	/* The same without padding, and with all signs percent-encoded. */
	{.query = "jQMMBAZBQkMxMjMEYEjqTQFUAQExAwMxOjUHAQE",
	 .base64 = true,
	 .command = "SmartReply",
	 .version = 141,
	 .locale = 0x040c,
	 .device_id = "ABC123",
	 .has_policy_key = true,
	 .policy_key = 1307199584,
	 .device_type = "T",
	 .collection_id = "1",
	 .item_id = "1:5",
	 .save_in_sent = true},
	{.query = "jQMMBAZBQkMxMjMEYEjqTQFUAQExAwMxOjUHAQE%3d",
	 .base64 = true,
	 .command = "SmartReply",
	 .version = 141,
	 .locale = 0x040c,
	 .device_id = "ABC123",
	 .has_policy_key = true,
	 .policy_key = 1307199584,
	 .device_type = "T",
	 .collection_id = "1",
	 .item_id = "1:5",
	 .save_in_sent = true},
	/* 16.1, Ping, id fb ff fe in hex; both alphabets, '+' also as %2B. */
	{.query = "oRIJBAP7//4AAVQ=",
	 .base64 = true,
	 .command = "Ping",
	 .version = 161,
	 .locale = 0x0409,
	 .device_id = "fbfffe",
	 .device_type = "T"},
	{.query = "oRIJBAP7__4AAVQ",
	 .base64 = true,
	 .command = "Ping",
	 .version = 161,
	 .locale = 0x0409,
	 .device_id = "fbfffe",
	 .device_type = "T"},
	{.query = "oRIJBAP7%2F%2F4AAVQ%3D",
	 .base64 = true,
	 .command = "Ping",
	 .version = 161,
	 .locale = 0x0409,
	 .device_id = "fbfffe",
	 .device_type = "T"},
	{.query = "oRIJBAL7+wABVA==",
	 .base64 = true,
	 .command = "Ping",
	 .version = 161,
	 .locale = 0x0409,
	 .device_id = "fbfb",
	 .device_type = "T"},
	{.query = "oRIJBAL7%2BwABVA",
	 .base64 = true,
	 .command = "Ping",
	 .version = 161,
	 .locale = 0x0409,
	 .device_id = "fbfb",
	 .device_type = "T"},
	/* Options 3, then User, an unknown tag 5, the first of two collections. */
	{.query = "oRMJBAFBAAFUBwEDCAFhBQFiAQEzAQE0",
	 .base64 = true,
	 .command = "ItemOperations",
	 .version = 161,
	 .locale = 0x0409,
	 .device_id = "A",
	 .device_type = "T",
	 .save_in_sent = true,
	 .accept_multipart = true,
	 .user = "a",
	 .collection_id = "3"},
	/* A version and a command that nobody knows: 7f, 5. An empty id is an absent one. */
	{.query = "fwUAAAFBAAFU",
	 .base64 = true,
	 .version = 1,
	 .device_id = "A",
	 .device_type = "T"},
	{.query = "jQAAAAAAAA==",
	 .base64 = true,
	 .command = "Sync",
	 .version = 141,
	 .device_type = ""},

	/* Broken: not base64, too short, a policy key of three bytes, a parameter that breaks off.
	 */
	{.query = "!!!!", .base64 = true, .broken = true},
	{.query = "jA", .base64 = true, .broken = true, .version = 140, .command = "Sync"},
	{.query = "jQAAAAFBAwECAwFU",
	 .base64 = true,
	 .broken = true,
	 .version = 141,
	 .command = "Sync",
	 .device_id = "A"},
	{.query = "jQAAAAFBAAFUAQkx",
	 .base64 = true,
	 .broken = true,
	 .version = 141,
	 .command = "Sync",
	 .device_id = "A",
	 .device_type = "T"},
	{.query = "jQAAAAFBAAFUAQ==",
	 .base64 = true,
	 .broken = true,
	 .version = 141,
	 .command = "Sync",
	 .device_id = "A",
	 .device_type = "T"},
};

static void check_row(const struct row *r, const struct eas_query *q)
{
	assert_int_equal(q->base64, r->base64);
	assert_int_equal(q->broken, r->broken);
	assert_str(q->command, r->command);
	assert_int_equal(q->version, r->version);
	assert_int_equal(q->locale, r->locale);
	assert_str(q->device_id, r->device_id);
	assert_str(q->device_type, r->device_type);
	assert_str(q->user, r->user);
	assert_int_equal(q->has_policy_key, r->has_policy_key);
	assert_int_equal(q->policy_key, r->policy_key);
	assert_int_equal(q->save_in_sent, r->save_in_sent);
	assert_int_equal(q->accept_multipart, r->accept_multipart);
	assert_str(q->attachment_name, r->attachment_name);
	assert_str(q->collection_id, r->collection_id);
	assert_str(q->item_id, r->item_id);
	assert_str(q->long_id, r->long_id);
	assert_str(q->occurrence, r->occurrence);
}

static void queries_are_read_in_both_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *a = arena_new(1 << 20);
		struct eas_query q;
		print_message("           %s\n", rows[i].query);
		url_query(a, str_of(rows[i].query), &q);
		check_row(&rows[i], &q);
		arena_free(&a);
	}
}

static void a_query_that_is_too_long_is_not_read(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	static char text[URL_MAX + 2];
	struct eas_query q;

	memset(text, 'A', sizeof text - 1);
	url_query(a, str_of(text), &q);
	assert_true(q.base64 && q.broken);

	memcpy(text, "Cmd=Sync&x=", 11);
	url_query(a, str_of(text), &q);
	assert_false(q.base64 || q.broken);
	assert_null(q.command.p);
	arena_free(&a);
}

static void versions_are_an_exact_list(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned want;
	} table[] = {
		{"", 0},       {"2.5", 25},   {"12.0", 120}, {"12.1", 121},   {"14.0", 140},
		{"14.1", 141}, {"16.0", 160}, {"16.1", 161}, {" 16.1 ", 161}, {"16.10", 1},
		{"16", 1},     {"161", 1},    {"1.0", 1},    {"16,1", 1},     {"x", 1},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(url_version(str_of(table[i].text)), table[i].want);
}

static void every_served_command_is_known_by_code_and_name(void **state)
{
	(void)state;
#define COMMAND(name, code, since, until, flags, handler, root)                                    \
	if (code < 256)                                                                            \
		assert_str(url_command_of_code(code), #name);                                      \
	assert_str(url_command_of_name(STR(#name)), #name);
#include "core/commands.def"
#undef COMMAND
	for (unsigned code = 5; code <= 8; code++)
		assert_null(url_command_of_code(code).p);
	assert_null(url_command_of_code(24).p);
	assert_null(url_command_of_code(255).p);
	assert_null(url_command_of_code(256).p);
}

static void paths_are_compared_without_case_and_slash(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum endpoint want;
	} table[] = {
		{"/Microsoft-Server-ActiveSync", ENDPOINT_ACTIVESYNC},
		{"/microsoft-server-activesync/", ENDPOINT_ACTIVESYNC},
		{"/easel/", ENDPOINT_USER_PAGE},
		{"/Easel", ENDPOINT_USER_PAGE},
		{"/MICROSOFT-SERVER-ACTIVESYNC//", ENDPOINT_ACTIVESYNC},
		{"/Microsoft%2dServer%2DActiveSync", ENDPOINT_ACTIVESYNC},
		{"/Autodiscover/Autodiscover.xml", ENDPOINT_AUTODISCOVER},
		{"/autodiscover/autodiscover.xml/", ENDPOINT_AUTODISCOVER},
		{"//autodiscover//AutoDiscover.xml", ENDPOINT_AUTODISCOVER},
		{"/Autodiscover/Autodiscover.json", ENDPOINT_AUTODISCOVER_JSON},
		{"/autodiscover/autodiscover.json/v1.0/a@b.c", ENDPOINT_AUTODISCOVER_JSON},
		{"/autodiscover/autodiscover.json/v2.0/a@b.c", ENDPOINT_NONE},
		{"/.well-known/autoconfig/mail/config-v1.1.xml", ENDPOINT_AUTOCONFIG},
		{"/mail/config-v1.1.xml", ENDPOINT_AUTOCONFIG},
		{"/easel/apple.mobileconfig", ENDPOINT_APPLE},
		{"/.well-known/caldav", ENDPOINT_CALDAV},
		{"/.well-known/carddav/", ENDPOINT_CARDDAV},
		{"/.well-known/", ENDPOINT_NONE},
		{"/Microsoft-Server-ActiveSync/x", ENDPOINT_NONE},
		{"/Microsoft-Server-ActiveSynch", ENDPOINT_NONE},
		{"/autodiscover", ENDPOINT_NONE},
		{"/", ENDPOINT_NONE},
		{"", ENDPOINT_NONE},
	};
	struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(url_endpoint(a, str_of(table[i].path)), table[i].want);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_read_in_both_forms),
		cmocka_unit_test(a_query_that_is_too_long_is_not_read),
		cmocka_unit_test(versions_are_an_exact_list),
		cmocka_unit_test(every_served_command_is_known_by_code_and_name),
		cmocka_unit_test(paths_are_compared_without_case_and_slash),
	};
	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
