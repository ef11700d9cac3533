/*
 * gal: entries of the global address list as Search and Find give them
 * (MS-ASCMD 2.2.1.2, 2.2.1.16): the elements of the Gal page, and pictures within the limits that
 * the client sets.
 *
 * Thread: the call's; everything lies in the call's arena.
 */
#ifndef EASEL_CORE_GAL_H
#define EASEL_CORE_GAL_H

#include "core/call.h"
#include "store/people.h"

/* Entries of one answer (MS-ASCMD 2.2.1.16). */
enum { GAL_MOST = 100 };

/* ---- Pictures (MS-ASCMD 2.2.3.104, 2.2.3.105, 2.2.3.135) ---- */

struct picture_wish {
	bool asked;
	int64_t max_size; /* bytes of one */
	int64_t left;	  /* how many may still be given */
};

/* Reads a Picture of Options (NULL: none is asked for). False: a value that is not allowed. */
bool picture_wish_read(const struct wbxml_node *picture, unsigned max_size, unsigned max_pictures,
		       struct picture_wish *out);

/* The tags of a Picture in an answer. */
struct picture_tags {
	unsigned picture, status, data;
};

/*
 * Writes the Picture of somebody whose card this is (p NULL: none), with the status that says why
 * there is none. Nothing when none was asked for.
 */
void picture_encode(struct call *c, const struct picture_tags *tags, struct str card,
		    struct picture_wish *wish);

/* ---- Searching ---- */

/* What the two commands that search have of their own. */
struct gal_command {
	unsigned range, picture, max_size, max_pictures; /* tags in Options */
	unsigned result, properties, range_told, total;	 /* tags in the answer */
	bool empty_result;		   /* nobody found is told by an empty Result */
	unsigned invalid, blocked, beyond; /* statuses: a bad request; too many searches in this
					      minute; a range behind the end */
	void (*begin)(struct call *c, unsigned status); /* up to and with the Status */
};

/*
 * Answers a search for `text` (p NULL: there was no query). No more than the first GAL_MOST entries
 * can be had, so that nobody reads the whole list out.
 */
void gal_answer(struct call *c, struct str text, const struct wbxml_node *options,
		const struct gal_command *command);

/* ---- What a summary says ---- */

/* Text of an element ("DisplayName"), empty when it has none. */
struct str gal_text(struct arena *a, const struct person *who, const char *element);

/* The number of the group when it is a distribution list; else 0. */
int32_t gal_group(const struct person *who);

/* Whether one of the addresses is this one, in any letter case. */
bool gal_has_address(const struct person *who, struct str address);

#endif
