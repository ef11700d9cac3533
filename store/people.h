/*
 * people: contacts found by words, in global address lists and in an account's own folders; what
 * is behind an address; when somebody is busy.
 *
 * Each statement is bound to who asks: it reaches lists that the account may read, its own
 * contacts, and no others. Failure rule: as pg.h. Ownership: results lie in the arena. Thread: that
 * of the connection.
 */
#ifndef EASEL_STORE_PEOPLE_H
#define EASEL_STORE_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/ldap.h"
#include "store/store.h"

struct arena;
struct pg;

struct person {
	int32_t owner, folder; /* 0: not of a folder */
	int64_t uid;
	bool gal; /* of a global address list; else one of the account's own contacts */
	struct str
		summary; /* JSON, as struct item_facts has it; with "group": a distribution list */
	struct str card; /* vCard, when it is here already; else see people_card() */
};

struct people {
	struct person *v;
	size_t n;
	size_t total; /* in all; not counted beyond a thousand or so */
};

/* Whether the account may search once more in this minute; counts it. */
bool people_may_search(struct pg *db, int32_t account, bool *may, struct err *e);

struct people_question {
	int32_t account;
	struct str text; /* words, each the beginning of one; or the beginning of an address */
	bool lists, own; /* in global address lists; in the account's own contacts */
	bool whole;	 /* photos and certificates will be asked for: directory_find() */
	size_t skip, most;
};

/* In the order of the names. A text of less than two characters finds nobody. */
bool people_find(struct pg *db, struct arena *a, const struct people_question *q,
		 struct people *out, struct err *e);

/* The whole vCard of somebody found. FOUND_NONE: gone, or not to be read any more. */
enum found people_card(struct pg *db, struct arena *a, int32_t account, const struct person *p,
		       struct str *out, struct err *e);

/*
 * The accounts in a group, with the groups in it, of those who are in lists: their addresses. At
 * most `most`; *total is how many there are.
 */
bool people_members(struct pg *db, struct arena *a, int32_t group, size_t most, struct str **out,
		    size_t *n, size_t *total, struct err *e);

/*
 * The account behind an address, of the asking account's domain, as a person whom no list has to
 * name. FOUND_NONE: there is none, or it is excluded from lists.
 */
enum found people_colleague(struct pg *db, struct arena *a, int32_t account, struct str address,
			    struct person *out, struct err *e);

/* ---- LDAP (easel.domain) ---- */

struct people_ldap {
	struct ldap_server server; /* with the filter for what was asked */
	struct str digest; /* of a password that was found right not long ago; empty: none */
};

/*
 * The server that an account's password is checked with (`login`), or that people are looked up in.
 * FOUND_NONE: its domain has none for that.
 */
enum found people_ldap_of(struct pg *db, struct arena *a, int32_t account, bool login,
			  struct people_ldap *out, struct err *e);

/* ---- Whom an account writes to (MS-ASCNTC 3.1.4.4) ---- */

struct people_used {
	struct str address, name; /* name empty: none */
};

/* Notes a message to these, in the transaction of its sending. */
bool people_note_used(struct pg *db, struct arena *a, int32_t account, const struct people_used *v,
		      size_t n, struct err *e);

/* ---- Being busy ---- */

struct busy_source {
	int32_t account; /* 0: nobody here has the address */
	bool allowed;	 /* the asking account may know */
	struct str timezone;
	struct str *events; /* iCalendar of what may lie in the time asked for */
	size_t n;
};

/* Most events that are looked at of one calendar. */
enum { PEOPLE_EVENTS = 5000 };

/* What is in the calendar of an address between two times (ms). */
bool people_busy(struct pg *db, struct arena *a, int32_t account, struct str address, int64_t from,
		 int64_t until, struct busy_source *out, struct err *e);

#endif
