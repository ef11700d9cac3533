/* url: the query of an ActiveSync request. See url.h for the contract. */
#include "fcgi/url.h"

#include "core/base/arena.h"
#include "core/base/text.h"

/* ---- Commands and versions ---- */

enum { NO_CODE = 256 };

/*
 * Every command there is, served here or not: a known one that is not served gets another answer
 * than an unknown one. Codes: MS-ASHTTP 2.2.1.1.1.2.1; Find's is what clients of 16.1 send.
 */
static const struct {
	unsigned code;
	struct str name;
} commands[] = {
	{0, STR_INIT("Sync")},
	{1, STR_INIT("SendMail")},
	{2, STR_INIT("SmartForward")},
	{3, STR_INIT("SmartReply")},
	{4, STR_INIT("GetAttachment")},
	{9, STR_INIT("FolderSync")},
	{10, STR_INIT("FolderCreate")},
	{11, STR_INIT("FolderDelete")},
	{12, STR_INIT("FolderUpdate")},
	{13, STR_INIT("MoveItems")},
	{14, STR_INIT("GetItemEstimate")},
	{15, STR_INIT("MeetingResponse")},
	{16, STR_INIT("Search")},
	{17, STR_INIT("Settings")},
	{18, STR_INIT("Ping")},
	{19, STR_INIT("ItemOperations")},
	{20, STR_INIT("Provision")},
	{21, STR_INIT("ResolveRecipients")},
	{22, STR_INIT("ValidateCert")},
	{23, STR_INIT("Find")},
	{NO_CODE, STR_INIT("GetHierarchy")},
	{NO_CODE, STR_INIT("CreateCollection")},
	{NO_CODE, STR_INIT("DeleteCollection")},
	{NO_CODE, STR_INIT("MoveCollection")},
};

enum { NCOMMANDS = sizeof commands / sizeof *commands };

struct str url_command_of_code(unsigned code)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (commands[i].code == code && code != NO_CODE)
			return commands[i].name;
	return (struct str){NULL, 0};
}

struct str url_command_of_name(struct str name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (str_eq_nocase(commands[i].name, name))
			return commands[i].name;
	return (struct str){NULL, 0};
}

static const struct {
	unsigned number;
	struct str text;
} versions[] = {
	{25, STR_INIT("2.5")},	 {120, STR_INIT("12.0")}, {121, STR_INIT("12.1")},
	{140, STR_INIT("14.0")}, {141, STR_INIT("14.1")}, {160, STR_INIT("16.0")},
	{161, STR_INIT("16.1")},
};

enum { NVERSIONS = sizeof versions / sizeof *versions, VERSION_UNREADABLE = 1 };

unsigned url_version(struct str s)
{
	s = str_trim(s);
	for (size_t i = 0; i < NVERSIONS; i++)
		if (str_eq(versions[i].text, s))
			return versions[i].number;
	return s.n ? VERSION_UNREADABLE : 0;
}

static unsigned version_of_byte(unsigned byte)
{
	for (size_t i = 0; i < NVERSIONS; i++)
		if (versions[i].number == byte)
			return byte;
	return VERSION_UNREADABLE;
}

/* ---- Paths ---- */

/* Without slashes at the end, and with one where there are several. */
static struct str tidy_path(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] != '/' || n == 0 || out[n - 1] != '/')
			out[n++] = path.p[i];
	while (n && out[n - 1] == '/')
		n--;
	return (struct str){out, n};
}

enum endpoint url_endpoint(struct arena *a, struct str path)
{
	static const struct {
		struct str path;
		enum endpoint endpoint;
	} endpoints[] = {
		{STR_INIT("/easel"), ENDPOINT_USER_PAGE},
		{STR_INIT("/Microsoft-Server-ActiveSync"), ENDPOINT_ACTIVESYNC},
		{STR_INIT("/autodiscover/autodiscover.xml"), ENDPOINT_AUTODISCOVER},
		{STR_INIT("/autodiscover/autodiscover.json"), ENDPOINT_AUTODISCOVER_JSON},
		{STR_INIT("/mail/config-v1.1.xml"), ENDPOINT_AUTOCONFIG},
		{STR_INIT("/autoconfig/mail/config-v1.1.xml"), ENDPOINT_AUTOCONFIG},
		{STR_INIT("/.well-known/autoconfig/mail/config-v1.1.xml"), ENDPOINT_AUTOCONFIG},
		{STR_INIT("/easel/apple.mobileconfig"), ENDPOINT_APPLE},
		{STR_INIT("/.well-known/caldav"), ENDPOINT_CALDAV},
		{STR_INIT("/.well-known/carddav"), ENDPOINT_CARDDAV},
	};
	static const struct str versioned = STR_INIT("/autodiscover/autodiscover.json/v1.0/");
	if (path.n > URL_MAX)
		return ENDPOINT_NONE;
	path = tidy_path(a, text_percent_decode(a, path, false));
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
		if (str_eq_nocase(path, endpoints[i].path))
			return endpoints[i].endpoint;
	return str_starts_nocase(path, versioned) ? ENDPOINT_AUTODISCOVER_JSON : ENDPOINT_NONE;
}

/* ---- The plain form ---- */

static bool is_true(struct str s)
{
	return str_eq_nocase(s, STR("T"));
}

/* A parameter of either form. What was sent twice counts once: the first. */
static void keep(struct arena *a, struct str *slot, struct str value)
{
	if (!slot->p)
		*slot = text_to_xml(a, value);
}

static void put_plain(struct arena *a, struct eas_query *q, struct str name, struct str value)
{
	static const struct {
		struct str name;
		size_t offset;
	} texts[] = {
		{STR_INIT("User"), offsetof(struct eas_query, user)},
		{STR_INIT("DeviceId"), offsetof(struct eas_query, device_id)},
		{STR_INIT("DeviceType"), offsetof(struct eas_query, device_type)},
		{STR_INIT("AttachmentName"), offsetof(struct eas_query, attachment_name)},
		{STR_INIT("CollectionId"), offsetof(struct eas_query, collection_id)},
		{STR_INIT("ItemId"), offsetof(struct eas_query, item_id)},
		{STR_INIT("LongId"), offsetof(struct eas_query, long_id)},
		{STR_INIT("Occurrence"), offsetof(struct eas_query, occurrence)},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (str_eq_nocase(name, texts[i].name))
			keep(a, (struct str *)((char *)q + texts[i].offset), value);
	if (str_eq_nocase(name, STR("Cmd")) && !q->command.p)
		q->command = url_command_of_name(value);
	if (str_eq_nocase(name, STR("SaveInSent")))
		q->save_in_sent = is_true(value);
}

static void read_plain(struct arena *a, struct str query, struct eas_query *q)
{
	struct str pair;
	while (str_next(&query, '&', &pair)) {
		ptrdiff_t eq = str_find_byte(pair, '=');
		if (eq < 0)
			continue;
		struct str name = text_percent_decode(a, str_sub(pair, 0, (size_t)eq), true);
		struct str value = str_sub(pair, (size_t)eq + 1, pair.n);
		put_plain(a, q, name, text_percent_decode(a, value, true));
	}
}

/* ---- The base64 form ---- */

/* What is left to be read; taking more than there is sets `bad` and gives nothing. */
struct bytes {
	struct str left;
	bool bad;
};

static struct str take(struct bytes *b, size_t n)
{
	struct str got = str_sub(b->left, 0, n);
	if (got.n < n)
		b->bad = true;
	b->left = str_sub(b->left, n, b->left.n);
	return b->bad ? (struct str){"", 0} : got;
}

/* An unsigned number of n bytes, the lowest first. */
static uint32_t take_number(struct bytes *b, size_t n)
{
	struct str s = take(b, n);
	uint32_t v = 0;
	for (size_t i = s.n; i-- > 0;)
		v = v << 8 | (unsigned char)s.p[i];
	return v;
}

/* A run whose length stands in the byte before it. */
static struct str take_run(struct bytes *b)
{
	return take(b, take_number(b, 1));
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return true;
}

/* Tags of the parameters (MS-ASHTTP 2.2.1.1.1.1.1 and .1.1.1.2). */
enum {
	TAG_ATTACHMENT = 0,
	TAG_COLLECTION = 1,
	TAG_ITEM = 3,
	TAG_LONG = 4,
	TAG_OCCURRENCE = 6,
	TAG_OPTIONS = 7,
	TAG_USER = 8
};
enum { OPTION_SAVE_IN_SENT = 1, OPTION_MULTIPART = 2 };

static void put_tagged(struct arena *a, struct eas_query *q, uint32_t tag, struct str value)
{
	switch (tag) {
	case TAG_ATTACHMENT:
		keep(a, &q->attachment_name, value);
		break;
	case TAG_COLLECTION:
		keep(a, &q->collection_id, value);
		break;
	case TAG_ITEM:
		keep(a, &q->item_id, value);
		break;
	case TAG_LONG:
		keep(a, &q->long_id, value);
		break;
	case TAG_OCCURRENCE:
		keep(a, &q->occurrence, value);
		break;
	case TAG_USER:
		keep(a, &q->user, value);
		break;
	case TAG_OPTIONS:
		q->save_in_sent = value.n && (value.p[0] & OPTION_SAVE_IN_SENT);
		q->accept_multipart = value.n && (value.p[0] & OPTION_MULTIPART);
		break;
	default: /* older lists have more, which nobody needs */
		break;
	}
}

static void read_policy_key(struct bytes *b, struct eas_query *q)
{
	uint32_t n = take_number(b, 1);
	if (n != 0 && n != 4) {
		b->bad = true;
		return;
	}
	q->has_policy_key = n == 4;
	q->policy_key = take_number(b, n);
}

static void read_base64(struct arena *a, struct str query, struct eas_query *q)
{
	struct bytes b = {{NULL, 0}, false};
	q->base64 = true;
	q->broken = !text_base64_decode(a, query, false, &b.left);
	if (q->broken)
		return;
	q->version = version_of_byte(take_number(&b, 1));
	q->command = url_command_of_code(take_number(&b, 1));
	q->locale = take_number(&b, 2);
	struct str id = take_run(&b);
	if (id.n)
		q->device_id = is_printable(id) ? id : text_hex_encode(a, id);
	read_policy_key(&b, q);
	struct str type = take_run(&b);
	if (!b.bad)
		keep(a, &q->device_type, type);
	while (b.left.n && !b.bad) {
		uint32_t tag = take_number(&b, 1);
		struct str value = take_run(&b);
		if (!b.bad)
			put_tagged(a, q, tag, value);
	}
	q->broken = b.bad;
}

/* ---- Which of the two ---- */

/* Base64 is one token with '=' only at its end, which holds for a lone "Cmd=" too. */
static bool looks_like_base64(struct str query)
{
	struct str s = query;
	if (str_starts_nocase(s, STR("Cmd=")))
		return false;
	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	return s.n && str_find_byte(s, '=') < 0 && str_find_byte(s, '&') < 0;
}

void url_query(struct arena *a, struct str query, struct eas_query *q)
{
	*q = (struct eas_query){0};
	bool base64 = looks_like_base64(query);
	if (query.n > URL_MAX) {
		q->base64 = q->broken = base64;
		return;
	}
	if (base64)
		read_base64(a, text_percent_decode(a, query, false), q);
	else
		read_plain(a, query, q);
}
