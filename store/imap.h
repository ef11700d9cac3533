/*
 * imap: a connection to an IMAP server (RFC 3501, 9051): TCP, TLS with a verified certificate, the
 * login, commands and their answers.
 *
 * Failure rule: false and *e is ERR_UNAVAILABLE when the server can't be reached, stalls, ends the
 * connection or says what nobody can read; then the connection is dead (imap_dead()) and good for
 * nothing but imap_free(). A refused command (NO, BAD) is no failure of the connection: it stands
 * in the result, and imap_refused() gives it a meaning. Everything that a server says is bounded:
 * the bytes of a response and of a command's responses, the time until the next byte and that of a
 * command.
 * Ownership: what a handler is given lies in a buffer of the connection and is gone when it
 * returns. Thread: one at a time.
 */
#ifndef EASEL_STORE_IMAP_H
#define EASEL_STORE_IMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "store/imap_syntax.h"

struct arena;
struct imap;
struct imap_trust;

enum imap_tls { IMAP_PLAIN, IMAP_STARTTLS, IMAP_TLS };

/* Whom to trust: the certificates in PEM, or, when it is empty, those of the system. */
struct imap_trust *imap_trust_new(const char *pem, struct err *e);
void imap_trust_free(struct imap_trust **t);

struct imap_server {
	const char *host;
	int port;
	enum imap_tls tls;
	struct imap_trust *trust; /* NULL only with IMAP_PLAIN */
	int patience;		  /* ms until the next byte has to come */
};

enum imap_auth { IMAP_AUTH_PASSWORD, IMAP_AUTH_XOAUTH2, IMAP_AUTH_OAUTHBEARER };

struct imap_credentials {
	enum imap_auth auth;
	struct str user;
	struct str as;	     /* the mailbox to act as (SASL's authzid); empty: the user's own */
	struct str password; /* or token */
};

/* What servers may have beyond RFC 3501: bits of imap_can(). */
enum imap_capability {
	IMAP_CAN_LITERAL_PLUS = 1 << 0,
	IMAP_CAN_SASL_IR = 1 << 1,
	IMAP_CAN_ID = 1 << 2,
	IMAP_CAN_NAMESPACE = 1 << 3,
	IMAP_CAN_SPECIAL_USE = 1 << 4,
	IMAP_CAN_LIST_EXTENDED = 1 << 5,
	IMAP_CAN_ACL = 1 << 6,
	IMAP_CAN_CONDSTORE = 1 << 7,
	IMAP_CAN_QRESYNC = 1 << 8,
	IMAP_CAN_UIDPLUS = 1 << 9,
	IMAP_CAN_MOVE = 1 << 10,
	IMAP_CAN_ESEARCH = 1 << 11,
	IMAP_CAN_IDLE = 1 << 12,
	IMAP_CAN_NOTIFY = 1 << 13,
	IMAP_CAN_ENABLE = 1 << 15,
	IMAP_CAN_XCLIENT = 1 << 16,
	IMAP_CAN_STARTTLS = 1 << 17,
	IMAP_CAN_LOGINDISABLED = 1 << 18,
	IMAP_CAN_AUTH_PLAIN = 1 << 19,
	IMAP_CAN_XOAUTH2 = 1 << 20,
	IMAP_CAN_OAUTHBEARER = 1 << 21,
	IMAP_CAN_UNSELECT = 1 << 22
};

/*
 * Connects and, as far as the server lets it, tells it the address of the client (ID with
 * x-originating-ip, XCLIENT); client may be NULL. NULL on failure.
 */
struct imap *imap_connect(const struct imap_server *server, const char *client, struct err *e);
void imap_free(struct imap **c);

/*
 * ERR_LOGIN: the server says that the credentials are wrong. Anything else that keeps one out (no
 * room, a backend that is away) is ERR_UNAVAILABLE.
 */
bool imap_login(struct imap *c, const struct imap_credentials *who, struct err *e);

unsigned imap_can(const struct imap *c);
bool imap_dead(const struct imap *c);
int imap_fd(const struct imap *c);

/* Whether the server has ended it, or said something that was not asked for (BYE). Reads nothing.
 */
bool imap_stale(const struct imap *c);

/* ---- Commands ---- */

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD };

struct imap_result {
	enum imap_status status;
	char code[32];	  /* upper case; empty when there is none */
	char text[200];	  /* what the server says to people */
	char detail[512]; /* the words behind the code: of APPENDUID, COPYUID, MODIFIED */
};

/* Called for each untagged response. False gives up the command and the connection. */
typedef bool imap_handler(void *ctx, struct arena *a, const struct imap_response *r, struct err *e);

/* Appends a command (without tag and line end) to those that are to be sent; gives its number. */
unsigned imap_queue(struct imap *c, struct str command);

/*
 * Sends what is queued and waits for the command's completion; those queued before it have to be
 * awaited first. handler may be NULL.
 */
bool imap_await(struct imap *c, unsigned command, imap_handler *handler, void *ctx,
		struct imap_result *result, struct err *e);

/*
 * The same for all commands from `first` on, at most IMAP_TOGETHER, in whatever order the server
 * completes them (RFC 3501 5.5: those that don't depend on each other may overtake). The first
 * refusal stands in *refused, whose status is IMAP_OK without one.
 */
enum { IMAP_TOGETHER = 64 };
bool imap_await_all(struct imap *c, unsigned first, imap_handler *handler, void *ctx,
		    struct imap_result *refused, struct err *e);

/* Both for one command. */
bool imap_run(struct imap *c, struct str command, imap_handler *handler, void *ctx,
	      struct imap_result *result, struct err *e);

/* The same, where a refusal is an error too: see imap_refused(). */
bool imap_do(struct imap *c, struct str command, imap_handler *handler, void *ctx, struct err *e);

/*
 * Fills *e with what a refusal means, by its code: ERR_FORBIDDEN, ERR_NOT_FOUND, ERR_EXISTS,
 * ERR_QUOTA, ERR_LOGIN; ERR_UNAVAILABLE without one that says more. Returns false.
 */
bool imap_refused(const struct imap_result *result, const char *what, struct err *e);

/* ---- Waiting ---- */

/* Sends bytes as they are: DONE of an IDLE. */
bool imap_write(struct imap *c, struct str bytes, struct err *e);

/* Waits for the continuation that a command asks for: IDLE's. */
bool imap_await_continue(struct imap *c, unsigned command, struct err *e);

/*
 * Takes what has come without waiting, tagged responses too. False: the connection has ended. What
 * memory it does not need any more is given back.
 */
bool imap_pump(struct imap *c, imap_handler *handler, void *ctx, struct err *e);

/* Gives back the memory that an idle connection does not need. */
void imap_shrink(struct imap *c);

/* Commands sent on this connection so far: for tests and figures. */
unsigned imap_commands(const struct imap *c);

#endif
