/* imap_structure: BODYSTRUCTURE as a tree of parts. See imap_structure.h for the contract. */
#include "store/imap_structure.h"

#include "core/base/arena.h"

enum { DEPTH_MOST = 30 };

struct builder {
	struct arena *a;
	struct structures *out;
};

static struct str keep_lower(struct arena *a, struct str s)
{
	return str_lower(a, s);
}

/* ("name" "value" …) */
static struct str parameter(struct arena *a, const struct imap_value *list, const char *name)
{
	const struct imap_value *v = list && list->kind == IMAP_LIST ? list->first : NULL;
	for (; v && v->next; v = v->next->next)
		if (str_eq_nocase(imap_text(v), str_of(name))) {
			struct str value = imap_text(v->next);
			return (struct str){arena_dup(a, value.p, value.n), value.n};
		}
	return (struct str){NULL, 0};
}

static enum part_encoding encoding_of(struct str s)
{
	if (str_eq_nocase(s, STR("base64")))
		return ENC_BASE64;
	if (str_eq_nocase(s, STR("quoted-printable")))
		return ENC_QP;
	if (str_eq_nocase(s, STR("x-uuencode")) || str_eq_nocase(s, STR("x-uue")) ||
	    str_eq_nocase(s, STR("uuencode")))
		return ENC_UU;
	return ENC_IDENTITY;
}

static const struct imap_value *skip(const struct imap_value *v, unsigned n)
{
	while (v && n-- > 0)
		v = v->next;
	return v;
}

static struct str child_path(struct builder *b, struct str above, unsigned number)
{
	return str_of(arena_printf(b->a, "%.*s%s%u", STR_ARG(above), above.n ? "." : "", number));
}

static bool read_leaf(struct builder *b, const struct imap_value *first, struct structure *s)
{
	struct str type = imap_text(first), sub = imap_text(skip(first, 1));
	uint64_t octets = 0;
	if (!type.p || !sub.p || !imap_number(skip(first, 6), &octets))
		return false;
	s->type = keep_lower(b->a,
			     str_of(arena_printf(b->a, "%.*s/%.*s", STR_ARG(type), STR_ARG(sub))));
	s->encoding = encoding_of(imap_text(skip(first, 5)));
	s->octets = octets > UINT32_MAX ? UINT32_MAX : (int64_t)octets;
	return true;
}

static bool read_part(struct builder *b, const struct imap_value *v, struct str path,
		      unsigned parent, unsigned depth)
{
	if (!v || v->kind != IMAP_LIST || !v->first || depth > DEPTH_MOST)
		return false;
	if (b->out->n == STRUCTURE_PARTS)
		return true;
	unsigned me = b->out->n++;
	struct structure *s = &b->out->v[me];
	*s = (struct structure){.path = path, .parent = parent, .decoded = -1};
	if (v->first->kind != IMAP_LIST) {
		if (me == 0)
			s->path = STR("1");
		return read_leaf(b, v->first, s);
	}
	const struct imap_value *child = v->first;
	s->multipart = true;
	for (unsigned i = 1; child && child->kind == IMAP_LIST; i++, child = child->next)
		if (!read_part(b, child, child_path(b, path, i), me, depth + 1))
			return false;
	if (!imap_text(child).p)
		return false;
	s = &b->out->v[me];
	s->type = keep_lower(
		b->a, str_of(arena_printf(b->a, "multipart/%.*s", STR_ARG(imap_text(child)))));
	s->boundary = parameter(b->a, child->next, "boundary");
	return true;
}

bool structure_read(struct arena *a, const struct imap_value *v, struct structures *out)
{
	struct builder b = {a, out};
	*out = (struct structures){arena_array(a, STRUCTURE_PARTS, sizeof *out->v), 0};
	return read_part(&b, v, (struct str){"", 0}, 0, 0);
}

bool structure_is_text(const struct structure *s)
{
	return !s->multipart && (str_starts(s->type, STR("text/")) ||
				 str_eq(s->type, STR("message/delivery-status")));
}

int64_t structure_base64_size(const struct structure *s)
{
	struct str end = s->end, start = s->start;
	ptrdiff_t line = str_find(start, STR("\r\n")), last = -1;
	int64_t octets = s->octets, pad = 0;
	while (end.n && (end.p[end.n - 1] == '\r' || end.p[end.n - 1] == '\n')) {
		end.n--;
		octets--;
	}
	for (size_t i = 0; i < end.n; i++)
		if (end.p[i] == '\n')
			last = (ptrdiff_t)i;
	while (pad < 2 && (size_t)pad < end.n && end.p[end.n - 1 - (size_t)pad] == '=')
		pad++;
	if (line <= 0 || last < 0)
		return -1;
	int64_t breaks = octets / (line + 2), rest = octets % (line + 2);
	int64_t last_line = (int64_t)end.n - last - 1;
	/* A last line that is full has no break behind it. */
	if (last_line != rest)
		return -1;
	int64_t chars = octets - 2 * breaks;
	return chars % 4 == 0 ? chars / 4 * 3 - pad : -1;
}

/* The children of a multipart between its delimiters; of others the content. */
static void put_content(struct buf *b, const struct structures *s, unsigned me)
{
	const struct structure *whole = &s->v[me];
	if (!whole->multipart) {
		buf_str(b, whole->text);
		return;
	}
	for (unsigned i = me + 1; i < s->n; i++) {
		if (s->v[i].parent != me)
			continue;
		buf_printf(b, "\r\n--%.*s\r\n", STR_ARG(whole->boundary));
		buf_str(b, s->v[i].head);
		if (!s->v[i].head.n)
			buf_cstr(b, "\r\n");
		put_content(b, s, i);
	}
	buf_printf(b, "\r\n--%.*s--\r\n", STR_ARG(whole->boundary));
}

struct str structure_message(struct arena *a, const struct structures *s, struct str header)
{
	struct buf b = {0};
	buf_str(&b, header);
	put_content(&b, s, 0);
	return buf_move(a, &b);
}

static const struct structure *find(const struct structures *s, struct str path, unsigned *i)
{
	for (*i = 0; *i < s->n; ++*i)
		if (str_eq(s->v[*i].path, path))
			return &s->v[*i];
	return NULL;
}

void structure_place(const struct structures *s, int64_t size, struct message *m)
{
	for (unsigned k = 0; k < m->nparts; k++) {
		struct part *part = &m->parts[k];
		unsigned i;
		const struct structure *real = find(s, part->path, &i);
		part->offset = real && !real->multipart ? structure_offset(i) : 0;
		part->length = real && !real->multipart ? real->octets : 0;
		part->size = part->length;
		if (real && real->decoded >= 0)
			part->size = real->decoded;
	}
	if (m->nparts && m->parts[0].role == PART_CONTAINER)
		m->parts[0].length = m->parts[0].size = size;
	m->size = size;
	m->xml_clean = false;
}
