/* item_files: items of .ics and .vcf files. See item_files.h for the contract. */
#include "core/item_files.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/content_lines.h"
#include "core/ical.h"

static const char BEGIN_OF_OBJECT[] = "BEGIN:VCALENDAR\r\n";
static const char END_OF_OBJECT[] = "END:VCALENDAR\r\n";

static void put_line_end(struct buf *b)
{
	if (b->n && b->p[b->n - 1] != '\n')
		buf_cstr(b, "\r\n");
}

/* The same text always has the same one. */
static struct str made_uid(struct arena *a, struct str text)
{
	unsigned char digest[DIGEST_SIZE];
	digest_sha256(text, digest);
	return text_hex_encode(a, (struct str){(const char *)digest, 16});
}

/* ---- Lines ---- */

/* Takes the next line off *rest, its line end included. False: there is none. */
static bool next_line(struct str *rest, struct str *line)
{
	ptrdiff_t nl = str_find_byte(*rest, '\n');
	*line = str_sub(*rest, 0, nl < 0 ? rest->n : (size_t)nl + 1);
	*rest = str_sub(*rest, line->n, SIZE_MAX);
	return line->n > 0;
}

/* The name behind BEGIN: or END:; empty when the line is neither. */
static struct str name_behind(struct str line, struct str what)
{
	line = str_trim(line);
	return str_starts_nocase(line, what) ? str_trim(str_sub(line, what.n, SIZE_MAX)) : STR("");
}

/* Takes a component off *rest, which begins with its BEGIN line, to its END or the end of all. */
static struct str take_component(struct str *rest)
{
	struct str from = *rest, line;
	int depth = 0;
	while (next_line(rest, &line)) {
		depth += name_behind(line, STR("BEGIN:")).n > 0;
		depth -= name_behind(line, STR("END:")).n > 0;
		if (depth <= 0)
			break;
	}
	return str_sub(from, 0, (size_t)(rest->p - from.p));
}

/* ---- vCards ---- */

static bool read_card(struct arena *a, struct str text, struct item_file *out, struct err *e)
{
	struct content_lines l;
	if (!content_lines_read(a, text, STR("VCARD"), &l, e))
		return false;
	*out = (struct item_file){.class = CLASS_CONTACTS, .text = text};
	size_t at = content_find(&l, STR("UID"), 0);
	if (at)
		out->uid = str_trim(content_text(&l, &l.v[at]));
	if (out->uid.n)
		return true;
	out->uid = made_uid(a, text);
	content_put(&l, STR("UID"), (struct str){NULL, 0}, out->uid);
	out->text = content_lines_text(&l);
	return true;
}

static bool split_card(struct arena *a, struct str *rest, const struct item_visitor *v)
{
	struct item_file item;
	struct err e = {0};
	if (read_card(a, take_component(rest), &item, &e))
		return v->item(v->ctx, &item);
	v->failed(v->ctx, &e);
	return true;
}

/* ---- iCalendar ---- */

enum { ZONES_MOST = 500, SCRATCH_CAP = 256 << 20 };

/* A component of an object: an item or a part of one, or a time zone. */
struct piece {
	struct str text, uid; /* of a time zone: its TZID */
	enum item_class class;
	size_t order;
	struct ical_node *node;
};

struct pieces {
	struct piece *v;
	size_t n, size;
};

struct object {
	struct arena *a;
	struct buf head; /* its own lines, but METHOD */
	struct pieces items, zones;
};

static const struct {
	const char *component;
	enum item_class class;
} kinds[] = {{"VEVENT", CLASS_CALENDAR}, {"VTODO", CLASS_TASKS}, {"VJOURNAL", CLASS_NOTES}};

/* False: it is no item. */
static bool class_of(struct str name, enum item_class *out)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_eq_nocase(name, str_of(kinds[i].component))) {
			*out = kinds[i].class;
			return true;
		}
	return false;
}

static struct piece *add_piece(struct arena *a, struct pieces *p)
{
	p->v = arena_grow(a, p->v, p->n, &p->size, 64, sizeof *p->v);
	p->v[p->n] = (struct piece){.order = p->n};
	return &p->v[p->n++];
}

static void read_piece(struct object *o, struct str name, struct str text,
		       const struct item_visitor *v)
{
	struct ical_node *root;
	struct err e = {0};
	enum item_class class = CLASS_EMAIL;
	bool zone = str_eq_nocase(name, STR("VTIMEZONE"));
	if (!(zone ? o->zones.n < ZONES_MOST : class_of(name, &class)))
		return;
	const char *object =
		arena_printf(o->a, "%s%.*s\r\n%s", BEGIN_OF_OBJECT, STR_ARG(text), END_OF_OBJECT);
	if (!ical_parse(o->a, str_of(object), &root, &e)) {
		v->failed(v->ctx, &e);
		return;
	}
	struct piece *p = add_piece(o->a, zone ? &o->zones : &o->items);
	p->text = text;
	p->class = class;
	p->node = root->first->first;
	p->uid = ical_value(p->node, zone ? "TZID" : "UID");
	if (!zone && !p->uid.n) {
		p->uid = made_uid(o->a, text);
		ical_set(o->a, p->node, "UID", (struct str){NULL, 0}, p->uid);
		p->text = ical_write(o->a, p->node);
	}
}

/* Whether a line of the component, or of one inside, names the time zone. */
static bool names_zone(struct arena *a, const struct ical_node *in, struct str tzid)
{
	for (const struct ical_node *n = in->first; n; n = n->next) {
		if (n->component ? names_zone(a, n, tzid)
				 : n->params.n && str_eq(ical_param(a, n, "TZID"), tzid))
			return true;
	}
	return false;
}

/* An item of n pieces, in an object that is like the one it came in. */
static void put_item(struct object *o, const struct piece *v, size_t n, struct item_file *out)
{
	struct buf b = {0};
	buf_cstr(&b, BEGIN_OF_OBJECT);
	buf_str(&b, buf_get(&o->head));
	for (size_t z = 0; z < o->zones.n; z++)
		for (size_t i = 0; i < n; i++)
			if (names_zone(o->a, v[i].node, o->zones.v[z].uid)) {
				buf_str(&b, o->zones.v[z].text);
				break;
			}
	for (size_t i = 0; i < n; i++)
		buf_str(&b, v[i].text);
	put_line_end(&b);
	buf_cstr(&b, END_OF_OBJECT);
	*out = (struct item_file){v->class, v->uid, buf_move(o->a, &b)};
}

static int by_item(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int c = x->class < y->class ? -1 : x->class > y->class;
	c = c ? c : x->uid.n < y->uid.n ? -1 : x->uid.n > y->uid.n;
	c = c ? c : memcmp(x->uid.p, y->uid.p, x->uid.n);
	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

/* Those with the same UID belong together, the first one first. */
static bool put_items(struct object *o, const struct item_visitor *v)
{
	qsort(o->items.v, o->items.n, sizeof *o->items.v, by_item);
	for (size_t i = 0, n; i < o->items.n; i += n) {
		const struct piece *p = &o->items.v[i];
		struct item_file item;
		for (n = 1;
		     i + n < o->items.n && p[n].class == p->class && str_eq(p[n].uid, p->uid);)
			n++;
		put_item(o, p, n, &item);
		if (arena_overflowed(o->a))
			return true; /* told of by the caller */
		if (!v->item(v->ctx, &item))
			return false;
	}
	return true;
}

static bool is_object(struct str name)
{
	return str_eq_nocase(name, STR("VCALENDAR")) || str_eq_nocase(name, STR("VCARD"));
}

/*
 * A VCALENDAR, or components without one around them; component by component, so that it may be of
 * any length.
 */
static bool split_object(struct arena *a, struct str *rest, const struct item_visitor *v)
{
	struct object o = {.a = a};
	struct str line, name;
	bool method = false;
	struct str from = *rest;
	if (next_line(rest, &line) && is_object(name_behind(line, STR("BEGIN:")))) {
		from = *rest;
	} else {
		*rest = from;
		buf_cstr(&o.head, "VERSION:2.0\r\nPRODID:-//Easel//EN\r\n");
	}
	for (; next_line(rest, &line); from = *rest) {
		name = name_behind(line, STR("BEGIN:"));
		if (is_object(name))
			*rest = from;
		if (is_object(name) || name_behind(line, STR("END:")).n)
			break;
		if (name.n) {
			*rest = from;
			read_piece(&o, name, take_component(rest), v);
			continue;
		}
		bool folded = line.p[0] == ' ' || line.p[0] == '\t';
		method = folded ? method : str_starts_nocase(line, STR("METHOD:"));
		if (!method && str_trim(line).n)
			buf_str(&o.head, line);
	}
	bool ok = put_items(&o, v);
	buf_free(&o.head);
	return ok;
}

struct counted {
	const struct item_visitor *v;
	bool any;
};

static bool count_item(void *ctx, const struct item_file *item)
{
	struct counted *c = ctx;
	c->any = true;
	return c->v->item(c->v->ctx, item);
}

static void count_failed(void *ctx, const struct err *e)
{
	struct counted *c = ctx;
	c->any = true;
	c->v->failed(c->v->ctx, e);
}

bool item_files_split(struct arena *a, struct str text, const struct item_visitor *v)
{
	struct counted c = {.v = v};
	const struct item_visitor counting = {&c, count_item, count_failed};
	struct err e = {0};
	if (str_starts(text, STR("\xEF\xBB\xBF")))
		text = str_sub(text, 3, SIZE_MAX);
	while (text.n) {
		struct str rest = text, line;
		next_line(&rest, &line);
		struct str name = name_behind(line, STR("BEGIN:"));
		bool card = str_eq_nocase(name, STR("VCARD"));
		if (!name.n)
			text = rest;
		else if (!(card ? split_card : split_object)(a, &text, &counting))
			return false;
		if (arena_overflowed(a)) {
			err_set(&e, ERR_TOO_LARGE, "there is too much in it");
			v->failed(v->ctx, &e);
			return true;
		}
	}
	if (!c.any) {
		err_set(&e, ERR_MALFORMED, "there is no event, task, note or contact in it");
		v->failed(v->ctx, &e);
	}
	return true;
}

/* ---- Joining ---- */

struct zone_seen {
	struct zone_seen *next;
	struct str tzid, text;
};

struct item_joiner {
	struct arena *scratch, *kept; /* of an item; of the zones */
	enum item_class class;
	struct zone_seen *zones;
	struct buf first, items, apart; /* zones; items; objects of their own */
};

struct item_joiner *item_joiner_new(enum item_class class)
{
	struct item_joiner *j = base_calloc(1, sizeof *j);
	j->scratch = arena_new(SCRATCH_CAP);
	j->kept = arena_new(SCRATCH_CAP);
	j->class = class;
	return j;
}

static bool is_zone(const struct ical_node *n)
{
	return n->component && str_eq_nocase(n->name, STR("VTIMEZONE"));
}

static const struct zone_seen *find_zone(const struct item_joiner *j, struct str tzid)
{
	const struct zone_seen *z = j->zones;
	while (z && !str_eq(z->tzid, tzid))
		z = z->next;
	return z;
}

/* Whether the zones of the object are the same wherever they were defined before. */
static bool zones_agree(struct item_joiner *j, const struct ical_node *object)
{
	for (const struct ical_node *n = object->first; n; n = n->next) {
		const struct zone_seen *z = is_zone(n) ? find_zone(j, ical_value(n, "TZID")) : NULL;
		if (z && !str_eq(z->text, ical_write(j->scratch, n)))
			return false;
	}
	return true;
}

static void join_object(struct item_joiner *j, const struct ical_node *object)
{
	for (const struct ical_node *n = object->first; n; n = n->next) {
		struct str text = n->component ? ical_write(j->scratch, n) : STR("");
		struct str tzid = ical_value(n, "TZID");
		if (n->component && !is_zone(n)) {
			buf_str(&j->items, text);
			put_line_end(&j->items);
		} else if (is_zone(n) && !find_zone(j, tzid)) {
			struct zone_seen *z = arena_alloc(j->kept, sizeof *z);
			*z = (struct zone_seen){.next = j->zones};
			z->tzid = str_of(str_dup(j->kept, tzid));
			z->text = str_of(str_dup(j->kept, text));
			j->zones = z;
			buf_str(&j->first, text);
			put_line_end(&j->first);
		}
	}
}

bool item_joiner_add(struct item_joiner *j, struct str text, struct err *e)
{
	struct ical_node *root;
	if (j->class == CLASS_CONTACTS) {
		buf_str(&j->items, text);
		put_line_end(&j->items);
		return true;
	}
	arena_reset(j->scratch);
	if (!ical_parse(j->scratch, text, &root, e))
		return false;
	const struct ical_node *object = ical_component(root, "VCALENDAR");
	if (!object)
		return err_set(e, ERR_MALFORMED, "there is no VCALENDAR in it");
	if (zones_agree(j, object)) {
		join_object(j, object);
	} else {
		buf_str(&j->apart, ical_write(j->scratch, object));
		put_line_end(&j->apart);
	}
	return !arena_overflowed(j->scratch) || err_set(e, ERR_TOO_LARGE, "it is too large");
}

void item_joiner_end(struct item_joiner **joiner, struct buf *out)
{
	struct item_joiner *j = *joiner;
	if (j->class != CLASS_CONTACTS)
		buf_printf(out, "%sVERSION:2.0\r\nPRODID:-//Easel//EN\r\n", BEGIN_OF_OBJECT);
	buf_str(out, buf_get(&j->first));
	buf_str(out, buf_get(&j->items));
	if (j->class != CLASS_CONTACTS)
		buf_cstr(out, END_OF_OBJECT);
	buf_str(out, buf_get(&j->apart));
	buf_free(&j->first);
	buf_free(&j->items);
	buf_free(&j->apart);
	arena_free(&j->scratch);
	arena_free(&j->kept);
	free(j);
	*joiner = NULL;
}
