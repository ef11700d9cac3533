/*
 * device: what is known of a phone: what it says of itself, its policy keys, its last Ping and
 * Sync.
 */
#ifndef EASEL_STORE_DEVICE_H
#define EASEL_STORE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

/* What a request says of its sender; texts are cut to what the table holds. */
struct device_contact {
	struct str device_id, type, user_agent;
	int protocol_version;
	bool syncs; /* its command is Sync */
};

/*
 * A device comes for the first time: adds it, gives its number, and has the access rules decide
 * about it. *device 0: it was not added, since the user has as many as he may. One that is there
 * already is left alone.
 */
bool device_admit(struct pg *db, struct arena *a, int32_t account, const struct device_contact *c,
		  int32_t *device, struct err *e);

/* Has the access rules decide about a device on what is known of it. */
bool device_decide(struct pg *db, int32_t device, struct err *e);

/*
 * Notes a contact: type, user agent, protocol version, time; and what the levels of policy and
 * settings come to for the device, where that is out of date.
 */
bool device_touch(struct pg *db, struct arena *a, int32_t account, int32_t device,
		  const struct device_contact *c, struct err *e);

/*
 * Notes that a request of the device failed and why, a line for the administrator; at most once a
 * minute.
 */
bool device_note_error(struct pg *db, struct arena *a, int32_t device, struct str what,
		       struct err *e);

/* DeviceInformation of Settings and Provision (MS-ASCMD 2.2.3.45); p NULL: not said, kept. */
struct device_information {
	struct str model, imei, friendly_name, os, os_language, phone_number, mobile_operator,
		user_agent;
	int outbound_sms; /* -1: not said */
};
bool device_set_information(struct pg *db, struct arena *a, int32_t device,
			    const struct device_information *i, struct err *e);

/*
 * Keeps the recovery password that the device sent, sealed (store/sealed.h); p NULL: takes back
 * what it had sent. *kept false: its policy does not let it.
 */
bool device_keep_password(struct pg *db, int32_t account, int32_t device, struct str sealed,
			  bool *kept, struct err *e);

/*
 * The sealed password of a device by its id, to be shown to somebody, which is recorded.
 * FOUND_NONE: there is none.
 */
enum found device_password(struct pg *db, struct arena *a, struct str address, struct str device_id,
			   struct str shown_to, struct str *sealed, struct err *e);

/* Adds an entry to the trace of an account (easel.trace). */
bool device_trace(struct pg *db, struct arena *a, int32_t account, struct str device_id,
		  struct str entry, struct err *e);

/* Remembers the parameters of a Ping; folders as '{1,2}'. */
bool device_remember_ping(struct pg *db, struct arena *a, int32_t device, int heartbeat,
			  struct str folders, struct err *e);

/* Remembers the last full Sync request (JSON), and that there was one now. */
bool device_remember_sync(struct pg *db, struct arena *a, int32_t device, struct str request,
			  struct err *e);

#endif
