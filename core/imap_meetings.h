/*
 * imap_meetings: what the messages that come into an Inbox on an IMAP server do to the calendar
 * beside it, as mail that is delivered here does (meeting_store.h): an invitation becomes one
 * event, whichever device or worker sees it first.
 *
 * Failure rule: what goes wrong is logged and tried with the next look; it holds no request back.
 * Thread: the session's. Not within a transaction.
 */
#ifndef EASEL_CORE_IMAP_MEETINGS_H
#define EASEL_CORE_IMAP_MEETINGS_H

#include "core/session.h"

/* After a refresh. */
void imap_meetings_take(struct session *s, int32_t account);

#endif
