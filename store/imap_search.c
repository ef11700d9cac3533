/* imap_search: the mailbox search on an IMAP server. See imap_search.h for the contract. */
#include "store/imap_search.h"

#include <time.h>

#include "core/base/arena.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

struct found_uids {
	struct arena *a;
	int64_t *v; /* room for SEARCH_DEPTH, used as a ring */
	size_t seen;
};

static bool on_search(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct found_uids *f = ctx;
	(void)a;
	(void)e;
	if (!imap_is(r, "SEARCH"))
		return true;
	for (const struct imap_value *v = r->values; v; v = v->next) {
		uint64_t uid;
		if (imap_number(v, &uid) && uid > 0 && uid <= UINT32_MAX)
			f->v[f->seen++ % SEARCH_DEPTH] = (int64_t)uid;
	}
	return true;
}

static void put_key(struct buf *b, const char *key, struct str word, bool plus)
{
	buf_printf(b, " %s ", key);
	imap_put_string(b, word, plus);
}

/* Where the word has to be, by the letters of search_words(). */
static void put_word(struct buf *b, struct str word, struct str weight, bool plus)
{
	bool author = str_find_byte(weight, 'B') >= 0, recipients = str_find_byte(weight, 'C') >= 0;
	if (str_find_byte(weight, 'A') >= 0) {
		put_key(b, "SUBJECT", word, plus);
		return;
	}
	if (author && recipients)
		buf_cstr(b, " OR");
	if (author)
		put_key(b, "FROM", word, plus);
	if (recipients) {
		put_key(b, "OR TO", word, plus);
		put_key(b, "CC", word, plus);
	}
	if (!author && !recipients)
		put_key(b, "TEXT", word, plus);
}

/* 'word':*A & 'two':* <-> 'together':* */
static void put_words(struct buf *b, struct str words, bool plus)
{
	struct str before, word, tail = words;
	struct buf phrase = {0};
	while (str_next(&tail, '\'', &before) && str_next(&tail, '\'', &word)) {
		/* Up to the next word: its weight, and how the two are joined. */
		ptrdiff_t next = str_find_byte(tail, '\'');
		struct str joint = str_sub(tail, 0, next < 0 ? tail.n : (size_t)next), weight;
		buf_str(&phrase, word);
		if (str_find(joint, STR("<->")) >= 0) {
			buf_byte(&phrase, ' ');
			continue;
		}
		if (phrase.n && str_next(&joint, ' ', &weight))
			put_word(b, buf_get(&phrase), weight, plus);
		buf_cut(&phrase, 0);
	}
	buf_free(&phrase);
}

/* A day more on either side, since the server counts days in a time zone of its own. */
static void put_day(struct buf *b, const char *key, int64_t ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;
	time_t t = (time_t)(ms / 1000);
	if (ms < 0 || !gmtime_r(&t, &tm) || tm.tm_year > 8000)
		return;
	buf_printf(b, " %s %d-%.3s-%d", key, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900);
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

bool imap_search(struct imap_link *link, const struct imap_box *box, struct arena *a,
		 const struct search *q, int64_t **uids, size_t *n, struct err *e)
{
	struct found_uids found = {.a = a};
	struct imap_result result;
	struct buf b = {0};
	bool plus = imap_can(link->imap) & IMAP_CAN_LITERAL_PLUS;
	if (!imap_box_select(link, box, e))
		return false;
	found.v = arena_array(a, SEARCH_DEPTH, sizeof *found.v);
	buf_cstr(&b, is_ascii(q->words) ? "UID SEARCH" : "UID SEARCH CHARSET UTF-8");
	buf_cstr(&b, " UNDELETED");
	put_words(&b, q->words, plus);
	if (q->attachments)
		put_key(&b, "HEADER Content-Type", STR("multipart/mixed"), plus);
	if (q->after != INT64_MIN)
		put_day(&b, "SINCE", q->after - DAY_MS);
	if (q->before != INT64_MAX)
		put_day(&b, "BEFORE", q->before + 2 * (int64_t)DAY_MS);
	bool ok = imap_run(link->imap, buf_get(&b), on_search, &found, &result, e);
	buf_free(&b);
	*uids = found.v;
	*n = found.seen < SEARCH_DEPTH ? found.seen : SEARCH_DEPTH;
	return ok;
}
