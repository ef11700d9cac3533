/*
 * gate: whether a request may come in at all. What is decided, and in which order, is
 * easel.gate_verdict(), so that worker and administrator see the same; here it is asked, the
 * password is checked in between, and what was decided is put into the protocol's words.
 */
#ifndef EASEL_CORE_GATE_H
#define EASEL_CORE_GATE_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/call.h"
#include "core/request.h"
#include "core/session.h"
#include "store/account.h"

/*
 * Checks who it is: one query, which answers `quiet` too (may be NULL), and an scrypt only for a
 * password that is not remembered. Fills *out. False with ERR_LOGIN (no or wrong credentials, or
 * too many wrong ones), ERR_FORBIDDEN (disabled), ERR_UNAVAILABLE.
 */
bool gate_login(struct session *s, const struct request *rq, const struct gate_quiet *quiet,
		struct gate_row *out, struct err *e);

/* The same for somebody whose password was checked before. False as above, without ERR_LOGIN. */
bool gate_again(struct session *s, const struct request *rq, struct str login, struct gate_row *out,
		struct err *e);

/*
 * Adds a device that is new, unless it is a trial, and has the access rules decide where they have
 * to; then the gate is asked again. Else notes the contact, at most once a minute unless something
 * about the device changed. The device id must have been checked with gate_device_id_valid().
 */
bool gate_device(struct session *s, const struct request *rq, struct gate_row *g, struct err *e);

/*
 * After gate_device(): STATUS_OK when the command may be run, else the common status that keeps it
 * out; c->err is set where that is worth a warning.
 */
unsigned gate_status(struct call *c);

/* Whether the device is to find an emptied folder tree: a soft wipe below 16.1. */
bool gate_empties(const struct call *c);

/*
 * What a device that only tries the account calls itself (stock Android): it is no device, and
 * leaves no trace. Its number stays 0.
 */
bool gate_device_is_trial(struct str device_id);

/* 1 to 64 letters, digits, '.', '_' or '-' (MS-ASHTTP 2.2.1.1.1.2.4, and what clients send). */
bool gate_device_id_valid(struct str device_id);

#endif
