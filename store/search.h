/*
 * search: what to look for in an account's items, and the words by which they are found.
 *
 * Words are looked for as the beginnings of words, without regard to letter case; all of them have
 * to be there. Ownership: results lie in the arena. Thread: any.
 */
#ifndef EASEL_STORE_SEARCH_H
#define EASEL_STORE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

struct arena;
struct message;

/* Every condition that is set has to hold. */
struct search {
	const int32_t *folders;
	size_t nfolders;
	struct str words;	 /* as search_words() made them; empty: any item */
	struct str conversation; /* 32 hex digits; empty: any */
	int64_t after, before;	 /* ms: later than `after`, earlier than `before` */
	bool attachments;	 /* only messages with an attachment */
};

/* Everything that is not before or after something. */
#define SEARCH_EVER INT64_MIN, INT64_MAX

/* Of more than so many items with the words asked for, only the newest are looked at. */
enum { SEARCH_DEPTH = 5000 };

struct hit {
	int32_t folder;
	int64_t uid;
	int64_t date; /* ms */
};

struct hits {
	struct hit *v; /* the newest first */
	size_t n;
	size_t total; /* of what was found; 0 when n is 0 */
};

/*
 * A person's text as a tsquery: words, "phrases", and the properties of the Keyword Query Language
 * (MS-KQL) that mail has: subject:, from:, to:, cc:, recipients:, hasattachment:true. At most 20
 * words. Sets words and attachments. False when there is nothing to look for in it.
 */
bool search_words(struct arena *a, struct str text, struct search *out);

/* What of an item is put into the index, without punctuation. */
struct search_text {
	struct str subject, author, recipients, body;
};

/* Of a message; `raw` is all of it. */
void search_text_of_message(struct arena *a, struct str raw, const struct message *m,
			    struct search_text *out);

/* Of an item kept as lines of text (iCalendar, vCard); `subject` is what it is called. */
void search_text_of_lines(struct arena *a, struct str text, struct str subject,
			  struct search_text *out);

#endif
