/* uidset: a set of positive numbers as ranges. See uidset.h for the contract. */
#include "core/base/uidset.h"

#include "core/base/arena.h"
#include "core/base/buf.h"

struct uidset uidset_new(struct arena *a)
{
	return (struct uidset){.arena = a};
}

/* Index of the first range that ends after uid: the one that holds it, if any does. */
static size_t find(const struct uidset *s, int64_t uid)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->v[middle].to <= uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_room(struct uidset *s)
{
	if (s->n < s->size)
		return;
	size_t size = s->size ? s->size * 2 : 4;
	struct uid_range *v = arena_array(s->arena, size, sizeof *v);
	if (s->n)
		memcpy(v, s->v, s->n * sizeof *v);
	s->v = v;
	s->size = size;
}

static void insert_at(struct uidset *s, size_t i, struct uid_range r)
{
	make_room(s);
	memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof *s->v);
	s->v[i] = r;
	s->n++;
}

/* Drops the ranges [i, k). */
static void drop(struct uidset *s, size_t i, size_t k)
{
	memmove(s->v + i, s->v + k, (s->n - k) * sizeof *s->v);
	s->n -= k - i;
}

void uidset_add_range(struct uidset *s, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	/* The first range that touches or overlaps, or comes after. */
	size_t i = find(s, from - 1), k = i;
	for (; k < s->n && s->v[k].from <= to; k++) {
		if (s->v[k].from < from)
			from = s->v[k].from;
		if (s->v[k].to > to)
			to = s->v[k].to;
	}
	if (k == i) {
		insert_at(s, i, (struct uid_range){from, to});
		return;
	}
	s->v[i] = (struct uid_range){from, to};
	drop(s, i + 1, k);
}

static void take_range(struct uidset *s, int64_t from, int64_t to)
{
	size_t i = find(s, from);
	while (i < s->n && s->v[i].from < to) {
		struct uid_range old = s->v[i];
		if (old.from < from && old.to > to) {
			s->v[i].to = from;
			insert_at(s, i + 1, (struct uid_range){to, old.to});
			return;
		}
		if (old.from < from)
			s->v[i++].to = from;
		else if (old.to > to)
			s->v[i++].from = to;
		else
			drop(s, i, i + 1);
	}
}

void uidset_add(struct uidset *s, int64_t uid)
{
	uidset_add_range(s, uid, uid + 1);
}

void uidset_take(struct uidset *s, int64_t uid)
{
	take_range(s, uid, uid + 1);
}

void uidset_add_all(struct uidset *s, const struct uidset *other)
{
	for (size_t i = 0; i < other->n; i++)
		uidset_add_range(s, other->v[i].from, other->v[i].to);
}

void uidset_take_all(struct uidset *s, const struct uidset *other)
{
	for (size_t i = 0; i < other->n; i++)
		take_range(s, other->v[i].from, other->v[i].to);
}

struct uidset uidset_copy(struct arena *a, const struct uidset *s)
{
	struct uidset copy = {.arena = a, .n = s->n, .size = s->n};
	copy.v = arena_array(a, s->n, sizeof *copy.v);
	if (s->n)
		memcpy(copy.v, s->v, s->n * sizeof *copy.v);
	return copy;
}

bool uidset_empty(const struct uidset *s)
{
	return s->n == 0;
}

bool uidset_has(const struct uidset *s, int64_t uid)
{
	size_t i = find(s, uid);
	return i < s->n && s->v[i].from <= uid;
}

int64_t uidset_count(const struct uidset *s)
{
	int64_t count = 0;
	for (size_t i = 0; i < s->n; i++)
		if (__builtin_add_overflow(count, s->v[i].to - s->v[i].from, &count))
			return INT64_MAX;
	return count;
}

bool uidset_next(const struct uidset *s, int64_t at, int64_t *out)
{
	size_t i = find(s, at);
	if (i == s->n)
		return false;
	*out = s->v[i].from > at ? s->v[i].from : at;
	return true;
}

struct str uidset_text(const struct uidset *s)
{
	struct buf text = {0};
	buf_byte(&text, '{');
	for (size_t i = 0; i < s->n; i++)
		buf_printf(&text, "%s[%lld,%lld)", i ? "," : "", (long long)s->v[i].from,
			   (long long)s->v[i].to);
	buf_byte(&text, '}');
	return buf_move(s->arena, &text);
}

/* "[1" and "5)" of one range. */
static bool parse_range(struct str from, struct str to, struct uid_range *out)
{
	return from.n > 1 && from.p[0] == '[' && str_to_i64(str_sub(from, 1, from.n), &out->from) &&
	       to.n > 1 && to.p[to.n - 1] == ')' &&
	       str_to_i64(str_sub(to, 0, to.n - 1), &out->to) && out->from > 0 &&
	       out->from < out->to;
}

bool uidset_parse(struct arena *a, struct str text, struct uidset *out, struct err *e)
{
	struct str from, to;
	*out = uidset_new(a);
	if (text.n < 2 || text.p[0] != '{' || text.p[text.n - 1] != '}' ||
	    text.p[text.n - 2] == ',')
		return err_set(e, ERR_INTERNAL, "a stored set of uids can't be read");
	struct str rest = str_sub(text, 1, text.n - 2);
	while (rest.n) {
		struct uid_range r;
		if (!str_next(&rest, ',', &from) || !str_next(&rest, ',', &to) ||
		    !parse_range(from, to, &r))
			return err_set(e, ERR_INTERNAL, "a stored set of uids can't be read");
		uidset_add_range(out, r.from, r.to);
	}
	return true;
}
