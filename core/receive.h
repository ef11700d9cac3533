/*
 * receive: a message that has come for an account: the folder that it goes to, and what is answered
 * to it while the account is out of office.
 *
 * Within the caller's transaction: the message, the note of whom was answered, and the answer in
 * the queue belong together. Ownership: the arena's. Thread: that of the connection.
 */
#ifndef EASEL_CORE_RECEIVE_H
#define EASEL_CORE_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

struct arrival {
	int32_t account, inbox;
	struct str sender; /* envelope sender; empty: a bounce, which nobody answers */
	struct str raw;	   /* with CRLF */
	int64_t now;	   /* ms */
};

/*
 * Puts it into the inbox, or where a device has moved its conversation for good. What it says of a
 * meeting is done in the calendar.
 */
bool receive_message(struct pg *db, struct store *store, struct arena *a, const struct arrival *x,
		     struct err *e);

/*
 * The envelope sender of a message that came without one: what the mail server wrote into
 * Return-Path at the top, else the author, if there is just one.
 */
struct str receive_sender(struct arena *a, struct str raw);

/* Whether a message asks for an answer that a person did not write (RFC 3834 2). */
bool receive_wants_answer(struct arena *a, struct str raw, struct str sender);

#endif
