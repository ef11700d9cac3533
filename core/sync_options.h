/*
 * sync_options: how a device wants a folder's items (MS-ASCMD 2.2.3.125.6). They stick: what a
 * request leaves out is taken from the ledger, where they are kept as JSON.
 */
#ifndef EASEL_CORE_SYNC_OPTIONS_H
#define EASEL_CORE_SYNC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/mail_body.h"
#include "store/store.h"
#include "wbxml/wbxml.h"

struct arena;

enum { CONFLICT_CLIENT = 0, CONFLICT_SERVER = 1 };

struct sync_options {
	int filter;   /* FilterType 0 to 8 */
	int conflict; /* who wins */
	struct body_prefs body;
	bool conversations;   /* ConversationMode: they are followed out of the filter, */
	int look_back;	      /* no further than this FilterType; 0: all the way */
	int64_t message_size; /* a cap: larger messages are left out; 0: none is */
};

/* What holds when nothing was ever said. */
extern const struct sync_options sync_options_standard;

/*
 * Reads the Options of a folder of a class (NULL: there are none). From 14.0 on two may be sent for
 * a folder of mail, of which the one of Class SMS is passed over. ERR_INVALID, status 4: a value
 * that is not allowed, a FilterType that the class does not have (contacts and notes have none and
 * ignore it, MS-ASCMD 2.2.3.68.2), Options for a class twice or for one that the folder has not.
 */
bool sync_options_decode(const struct wbxml_node *options, unsigned version, enum item_class class,
			 struct sync_options *out, struct err *e);

/* The last FilterType: tasks that are not completed. */
enum { FILTER_INCOMPLETE = 8 };

/* Whether a class has this FilterType, or ignores all that there are. */
bool sync_options_filter_fits(enum item_class class, struct str filter);

struct str sync_options_to_json(struct arena *a, const struct sync_options *o);
bool sync_options_from_json(struct str json, struct sync_options *out, struct err *e);

/*
 * Start of the filter: items before it are outside. Whole days in UTC, so that it moves once a day;
 * LEDGER_NO_CUTOFF for FilterType 0; for incomplete tasks a time that only those lie behind. `now`
 * in ms.
 */
int64_t sync_options_cutoff(const struct sync_options *o, int64_t now);

/*
 * The same in a folder: that only incomplete tasks lie behind also where tasks are shown as
 * messages under a filter of less than 7 days, and where only those are shown as events.
 */
int64_t sync_options_cutoff_in(const struct sync_options *o, const struct folder *f, int64_t now);

#endif
