/*
 * sms: text messages that phones upload with Sync (Class SMS, 14.0 on), kept by themselves: they
 * are no mail, and are not told to any device.
 */
#ifndef EASEL_STORE_SMS_H
#define EASEL_STORE_SMS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

/* Ids of text messages begin here, where no uid of a folder ever comes; they end at NOTE_FIRST. */
#define SMS_FIRST (INT64_C(1) << 60)

struct sms {
	struct str from, to, text;
	int64_t date; /* ms */
	bool read;
};

/* Keeps one that the device has in a folder; gives its id. */
bool sms_add(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
	     const struct sms *sms, int64_t *id, struct err *e);

/* FOUND_NONE: it is not there. */
enum found sms_set_read(struct pg *db, int32_t account, int32_t folder, int64_t id, bool read,
			struct err *e);
enum found sms_remove(struct pg *db, int32_t account, int32_t folder, int64_t id, struct err *e);

#endif
