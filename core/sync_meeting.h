/*
 * sync_meeting: what a device of 16.x does to the user's own meetings, their attendees are told by
 * the server (MS-ASCAL 3.1.4); a device of an older version does so itself.
 *
 * Thread: the session's; within the store's transaction.
 */
#ifndef EASEL_CORE_SYNC_MEETING_H
#define EASEL_CORE_SYNC_MEETING_H

#include "core/sync_command.h"

/* The event that a command is about to change, to be compared later; empty when nobody is to be
 * told of it. False: the request has to be given up. */
bool sync_meeting_before(const struct sync_command *x, struct str *before);

/* Tells those whom it concerns, once the command was carried out. */
bool sync_meeting_after(const struct sync_command *x, struct str before);

#endif
