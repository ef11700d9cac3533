/*
 * compose: the message that is delivered, made of the one that a client submitted
 * (MS-ASCMD 2.2.1.17, 2.2.1.19, 2.2.1.20) and the one that it answers or forwards.
 *
 * What the client wrote stays as it is, byte for byte, but for what has to be changed: Bcc, a From
 * that is not its own, fields that are missing, and the text that an original is added to. What is
 * signed or encrypted is never changed inside. Nothing here knows of the database. Ownership:
 * results lie in the arena or point into what was given. Thread: any.
 */
#ifndef EASEL_CORE_COMPOSE_H
#define EASEL_CORE_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/message.h"
#include "store/sender.h"

struct arena;

enum compose_kind { COMPOSE_NEW, COMPOSE_REPLY, COMPOSE_FORWARD };

enum { COMPOSE_RECIPIENTS = 1000 };

/* The message that is answered or forwarded. */
struct compose_original {
	const struct message *message;
	struct str raw;	       /* all of it, to be attached; only for COMPOSE_FORWARD */
	struct str text, html; /* content of its bodies, encoded as it is; only for COMPOSE_REPLY */
	/* An invitation that goes along; only for COMPOSE_FORWARD. Without a message: the event. */
	struct str calendar;
};

struct compose {
	enum compose_kind kind;
	struct str mime; /* as submitted */
	const struct sender *sender;
	const struct compose_original *original; /* NULL for COMPOSE_NEW */
	bool replace;  /* ReplaceMime (MS-ASCMD 2.2.3.148): the original is not to be added */
	struct str id; /* Message-ID of one that has none; empty: one that is new */
	int64_t now;
};

struct composed {
	struct str from;	/* envelope sender, an address of the account */
	struct str *recipients; /* no two alike */
	size_t nrecipients;
	struct str sent;	/* for Sent Items, with Bcc */
	struct str delivered;	/* without it */
	struct str subject;	/* decoded */
	struct str in_reply_to; /* the first id; empty when it answers nothing */
};

enum compose_result {
	COMPOSE_DONE,
	COMPOSE_BROKEN, /* it is no message */
	COMPOSE_NO_RECIPIENT,
	COMPOSE_TOO_MANY,	/* more than COMPOSE_RECIPIENTS of them, repeats included */
	COMPOSE_SENDER_REFUSED, /* From is somebody else's, and the policy is to refuse that */
	COMPOSE_TOO_LARGE	/* for the arena */
};

enum compose_result compose_message(struct arena *a, const struct compose *c, struct composed *out);

/*
 * The texts of a reply: the client's own with the original behind it. `original` must have its
 * message; either of its bodies may be empty.
 */
struct str compose_reply_text(struct arena *a, struct str own,
			      const struct compose_original *original);
struct str compose_reply_html(struct arena *a, struct str own,
			      const struct compose_original *original);

#endif
