/* call: one command being served. See call.h for the contract. */
#include "core/call.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/digest.h"

/* GetAttachment's answer is no document, and GetHierarchy's has a root of another name. */
enum { ItemOperations_GetAttachment = 0, FolderHierarchy_GetHierarchy = FolderHierarchy_Folders };

static const struct command commands[] = {
#define COMMAND(name, code, since, until, flags, handler, root)                                    \
	{#name, since, until, flags, command_##handler, root##_##name, root##_Status},
#include "core/commands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct {
	unsigned version;
	const char *name;
} versions[] = {{25, "2.5"},   {120, "12.0"}, {121, "12.1"}, {140, "14.0"},
		{141, "14.1"}, {160, "16.0"}, {161, "16.1"}};

enum { VERSIONS = sizeof versions / sizeof *versions };

const struct command *command_named(struct str name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (str_eq_nocase(str_of(commands[i].name), name))
			return &commands[i];
	return NULL;
}

const char *command_names(void)
{
#define COMMAND(name, code, since, until, flags, handler, root) "," #name
	static const char names[] =
#include "core/commands.def"
		;
#undef COMMAND
	return names + 1;
}

const char *command_versions(struct arena *a, unsigned most)
{
	struct buf out = {0};
	for (size_t i = 0; i < VERSIONS; i++)
		if (most == 0 || versions[i].version <= most)
			buf_printf(&out, out.n ? ",%s" : "%s", versions[i].name);
	return str_dup(a, buf_move(a, &out));
}

bool command_version_served(unsigned version)
{
	for (size_t i = 0; i < VERSIONS; i++)
		if (versions[i].version == version)
			return true;
	return false;
}

void call_offer(struct call *c)
{
	answer_header(c->answer, "MS-ASProtocolVersions",
		      command_versions(c->arena, (unsigned)c->gate.caps.max_version));
	answer_header(c->answer, "MS-ASProtocolCommands", command_names());
}

void call_offer_again(struct call *c)
{
	answer_header(c->answer, "X-MS-RP",
		      command_versions(c->arena, (unsigned)c->gate.caps.max_version));
	call_offer(c);
}

void call_begin(struct call *c)
{
	body_free(&c->answer->body);
	c->answer->status = 200;
	c->answer->content_type = "application/vnd.ms-sync.wbxml";
	wbxml_start(&c->out, &c->answer->body);
	wbxml_begin(&c->out, c->command->root);
}

void call_status(struct call *c, unsigned status)
{
	c->status = status;
	wbxml_int(&c->out, c->command->status, status);
}

/* MeetingResponse has no Status of its own, only that of a Result (MS-ASCMD 2.2.1.11). */
void call_answer_status(struct call *c, unsigned status)
{
	bool in_result = c->command->root == MeetingResponse_MeetingResponse;
	call_begin(c);
	if (in_result)
		wbxml_begin(&c->out, MeetingResponse_Result);
	call_status(c, status);
	if (in_result)
		wbxml_end(&c->out);
}

void call_common(struct call *c, unsigned common)
{
	bool has_root = c->command && c->version <= c->command->until;
	if (c->version >= 140 && has_root && common != STATUS_SERVER_RETRY) {
		call_answer_status(c, common);
		return;
	}
	body_free(&c->answer->body);
	c->out.body = NULL;
	c->answer->content_type = NULL;
	c->answer->status = status_http(common);
	if (c->answer->status == 503)
		answer_header(c->answer, "Retry-After", "30");
	c->status = common;
}

void call_fail(struct call *c, const struct err *e)
{
	if (e && e != &c->err)
		c->err = *e;
	call_common(c, status_of(c->err.kind));
}

uint32_t call_new_key(void)
{
	uint32_t key = 0;
	while (key == 0)
		digest_random(&key, sizeof key);
	return key;
}
