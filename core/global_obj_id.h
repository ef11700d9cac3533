/*
 * global_obj_id: the GlobalObjId of a meeting request (MS-ASEMAIL 2.2.2.37), which devices up to
 * 14.1 turn back into the event's UID.
 *
 * Ownership: results lie in the arena. Thread: any.
 */
#ifndef EASEL_CORE_GLOBAL_OBJ_ID_H
#define EASEL_CORE_GLOBAL_OBJ_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

struct arena;

/* A day of the calendar, of the occurrence that is meant; year 0: the event as a whole. */
struct global_day {
	int year, month, day;
};

/*
 * The id as base64: a UID that is an Outlook id in hex becomes those bytes again, any other is
 * wrapped as a vCal-Uid.
 */
struct str global_obj_id(struct arena *a, struct str uid, struct global_day day);

/* The UID of an id in base64; false when it is none. */
bool global_obj_id_uid(struct arena *a, struct str base64, struct str *uid);

#endif
