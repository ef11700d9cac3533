/*
 * call: one ActiveSync command being served: who calls, from which device, what was asked, and the
 * answer as it is written.
 *
 * A command decodes its request into a struct of its own, decides, acts, encodes. It never fails:
 * what goes wrong becomes an answer through call_fail() or a status of the command's own.
 * Everything lies in the request's arena. Thread: the session's.
 */
#ifndef EASEL_CORE_CALL_H
#define EASEL_CORE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/request.h"
#include "core/session.h"
#include "core/status.h"
#include "store/account.h"
#include "wbxml/wbxml.h"

struct call;

enum command_flags {
	COMMAND_BODY = 1,
	COMMAND_OPEN = 2,
	COMMAND_MIME = 4,
	COMMAND_WIPE = 8,
	COMMAND_DATA = 16
};

struct command {
	const char *name;
	unsigned since, until;
	unsigned flags;
	void (*handler)(struct call *c);
	unsigned root, status; /* tags; 0: the answer is no document */
};

/* The command by name, without regard to letter case; NULL when it is not served. */
const struct command *command_named(struct str name);

/* "Sync,FolderSync,…" of the commands that some version serves. */
const char *command_names(void);

/* "2.5,12.0,12.1,14.0,14.1,16.0,16.1": those up to `most`, 0 for all. In the arena. */
const char *command_versions(struct arena *a, unsigned most);

/* Whether the protocol version is served. */
bool command_version_served(unsigned version);

#define COMMAND(name, code, since, until, flags, handler, root)                                    \
	void command_##handler(struct call *c);
#include "core/commands.def"
#undef COMMAND

struct call {
	struct session *session;
	struct arena *arena;
	struct request *request;
	struct answer *answer;
	struct gate_row gate;
	const struct command *command;
	unsigned version;	       /* 25, 120, 121 … 161 */
	const struct wbxml_node *root; /* NULL: the request had no body */
	struct wbxml_out out;
	bool foreseen;	       /* a Sync of which the gate says whether it is quiet */
	bool waited;	       /* it has waited already and is not to wait again */
	struct waiter *waiter; /* set by a command that is to wait */
	unsigned status;       /* what was answered, for the log */
	struct err err;	       /* what went wrong, for the log; kind ERR_NONE when nothing did */
};

/* Headers that tell which versions, up to the device's cap, and which commands are served. */
void call_offer(struct call *c);

/* The same, and has the device take it as news (X-MS-RP, MS-ASHTTP 3.2.5.1). */
void call_offer_again(struct call *c);

/* Begins the WBXML answer with the command's root element. */
void call_begin(struct call *c);

/* Writes the Status of the root element and notes it for the log. */
void call_status(struct call *c, unsigned status);

/* An answer of nothing but the root element with a Status of the command's own. */
void call_answer_status(struct call *c, unsigned status);

/*
 * Answers with a common status: in the root element from 14.0 on, as an HTTP status below (MS-ASCMD
 * 2.2.2) and for a command that 14.0 did away with. What was written so far is dropped.
 */
void call_common(struct call *c, unsigned common);

/* Answers a failure with the common status of its kind; c->err when e is NULL. Unavailable: HTTP
 * 503. */
void call_fail(struct call *c, const struct err *e);

/* A 32-bit number for a policy key: never 0. */
uint32_t call_new_key(void);

#endif
