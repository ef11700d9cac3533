/*
 * oof: whether an account is out of office, and what it answers (MS-ASCMD 2.2.3.122).
 *
 * The settings are kept by whatever answers the mail: for the pg store this database, for a mail
 * server one day ManageSieve. A backend is a struct oof_ops; an account
 * without one can't set them. Ownership: results lie in the arena. Thread: that of
 * the connection.
 */
#ifndef EASEL_STORE_OOF_H
#define EASEL_STORE_OOF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

enum oof_state { OOF_OFF = 0, OOF_ON = 1, OOF_TIMED = 2 };

enum oof_audience { OOF_INTERNAL, OOF_KNOWN, OOF_UNKNOWN, OOF_AUDIENCES };

/* Most characters of a message. */
enum { OOF_MESSAGE_MOST = 65536 };

struct oof_message {
	bool enabled;
	bool html;
	struct str text;
};

struct oof {
	enum oof_state state;
	int64_t start, end; /* ms, of OOF_TIMED */
	struct oof_message messages[OOF_AUDIENCES];
};

struct oof_ops {
	/* All of it; OOF_OFF and nothing more when it was never set. */
	bool (*get)(struct pg *db, struct arena *a, int32_t account, struct oof *out,
		    struct err *e);

	/* Sets all of it; everybody is answered once again. */
	bool (*set)(struct pg *db, struct arena *a, int32_t account, const struct oof *o,
		    struct err *e);
};

/* This database, for accounts whose mail is kept in it. */
extern const struct oof_ops oof_pg;

/*
 * What the pg store answers to a sender now, noted as answered: FOUND_NONE: nothing, or it was
 * answered before. Within the transaction that the message is delivered in.
 */
enum found oof_answer(struct pg *db, struct arena *a, int32_t account, struct str sender,
		      struct oof_message *out, struct err *e);

#endif
