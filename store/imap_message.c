/* imap_message: what is read of messages on an IMAP server. See imap_message.h. */
#include "store/imap_message.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "store/imap_structure.h"
#include "store/message.h"
#include "store/mime.h"

enum {
	WHOLE_MOST = 48 * 1024,	 /* larger messages are read in parts */
	WHOLE_AT_ALL = 12 << 20, /* unless the server can't tell their structure */
	TEXT_START = 16 * 1024,	 /* of a text: for the preview and what a structure can't say */
	CHUNK = 2 << 20,	 /* bytes of one partial FETCH */
	MEMORY = 64 << 20,	 /* what is remembered for a request */
	PIPELINE = 32
};

/* A message of which something was read. */
struct read {
	struct read *next;
	int32_t folder;
	int64_t uid;
	struct str raw; /* all of it; p NULL: it was read in parts */
	struct structures parts;
};

struct imap_reader {
	struct arena *arena;
	struct read *reads;
};

struct imap_reader *imap_reader_new(void)
{
	struct imap_reader *r = base_calloc(1, sizeof *r);
	r->arena = arena_new(MEMORY);
	return r;
}

void imap_reader_free(struct imap_reader **r)
{
	if (!r || !*r)
		return;
	arena_free(&(*r)->arena);
	free(*r);
	*r = NULL;
}

void imap_reader_reset(struct imap_reader *r)
{
	arena_reset(r->arena);
	r->reads = NULL;
}

static struct read *find_read(struct imap_reader *r, int32_t folder, int64_t uid)
{
	struct read *x = r->reads;
	while (x && (x->uid != uid || x->folder != folder))
		x = x->next;
	return x;
}

static struct read *new_read(struct imap_reader *r, int32_t folder, int64_t uid)
{
	struct read *x = arena_alloc(r->arena, sizeof *x);
	*x = (struct read){.next = r->reads, .folder = folder, .uid = uid};
	r->reads = x;
	return x;
}

static struct str keep(struct arena *a, struct str s)
{
	return (struct str){arena_dup(a, s.p, s.n), s.n};
}

static int64_t uid_of(const struct imap_response *r)
{
	uint64_t uid;
	return imap_is(r, "FETCH") && imap_number(imap_item(r->values, "UID"), &uid) &&
			       uid <= UINT32_MAX
		       ? (int64_t)uid
		       : 0;
}

/* ---- Whole messages ---- */

struct wanted {
	struct imap_reader *reader;
	const struct imap_box *box;
	struct summary *v;
	size_t n;
	struct str *header; /* of each, when it is read in parts */
	struct read **reads;
};

/* Its position among those that are read, which ascend. */
static ptrdiff_t position(const struct wanted *w, int64_t uid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].uid == uid)
			return (ptrdiff_t)i;
	return -1;
}

static bool on_whole(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct wanted *w = ctx;
	const struct imap_value *body = imap_item(r->values, "BODY[]");
	ptrdiff_t i = uid_of(r) ? position(w, uid_of(r)) : -1;
	(void)a;
	(void)e;
	if (!body || i < 0 || w->reads[i])
		return true;
	w->reads[i] = new_read(w->reader, w->box->folder, w->v[i].uid);
	w->reads[i]->raw = keep(w->reader->arena, imap_text(body));
	return true;
}

static int by_uid(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* One FETCH for all those with the wanted size. */
static bool fetch_some(struct imap_link *link, struct wanted *w, bool small, const char *what,
		       imap_handler *handler, struct err *e)
{
	int64_t *uids = base_malloc((w->n + 1) * sizeof *uids);
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].found && !w->reads[i] && (w->v[i].item.size <= WHOLE_MOST) == small)
			uids[n++] = w->v[i].uid;
	qsort(uids, n, sizeof *uids, by_uid);
	struct buf b = {0};
	buf_cstr(&b, "UID FETCH ");
	imap_put_uids(&b, uids, n);
	buf_printf(&b, " (UID %s)", what);
	bool ok = n == 0 || imap_do(link->imap, buf_get(&b), handler, w, e);
	buf_free(&b);
	free(uids);
	return ok;
}

/* ---- Messages in parts: header and structure first ---- */

static bool on_structure(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct wanted *w = ctx;
	const struct imap_value *structure = imap_item(r->values, "BODYSTRUCTURE");
	const struct imap_value *header = imap_item(r->values, "BODY[HEADER]");
	ptrdiff_t i = uid_of(r) ? position(w, uid_of(r)) : -1;
	struct structures parts;
	(void)a;
	(void)e;
	if (!header || i < 0 || w->reads[i])
		return true;
	w->reads[i] = new_read(w->reader, w->box->folder, w->v[i].uid);
	w->header[i] = keep(w->reader->arena, imap_text(header));
	if (structure && structure_read(w->reader->arena, structure, &parts))
		w->reads[i]->parts = parts;
	return true;
}

/* Then what belongs to the parts, of several messages. */
struct details {
	struct imap_reader *reader;
	struct read **v;
	size_t n;
};

static struct read *read_of(const struct details *d, int64_t uid)
{
	for (size_t i = 0; i < d->n; i++)
		if (uid && d->v[i]->uid == uid)
			return d->v[i];
	return NULL;
}

/* "BODY[1.2.MIME]" and the like: the part, and whether it is its header. */
static struct structure *part_named(struct read *x, struct str name, bool *mime)
{
	ptrdiff_t open = str_find_byte(name, '['), close = str_find_byte(name, ']');
	if (open < 0 || close < open)
		return NULL;
	struct str path = str_sub(name, (size_t)open + 1, (size_t)(close - open - 1));
	*mime = str_ends_nocase(path, STR(".MIME"));
	if (*mime)
		path = str_sub(path, 0, path.n - 5);
	for (unsigned i = 0; i < x->parts.n; i++)
		if (str_eq(x->parts.v[i].path, path))
			return &x->parts.v[i];
	return NULL;
}

static bool on_details(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct details *d = ctx;
	(void)a;
	(void)e;
	struct read *read = read_of(d, uid_of(r));
	if (!read)
		return true;
	const struct imap_value *v = r->values->first;
	for (; v && v->next; v = v->next->next) {
		bool mime;
		struct str name = imap_text(v);
		struct structure *s = part_named(read, name, &mime);
		if (!s)
			continue;
		struct str *place = mime				 ? &s->head
				    : !str_ends_nocase(name, STR("<0>")) ? &s->end
				    : structure_is_text(s)		 ? &s->text
									 : &s->start;
		*place = keep(d->reader->arena, imap_text(v->next));
	}
	return true;
}

static bool needs_size(const struct structure *s)
{
	return !s->multipart && s->encoding != ENC_IDENTITY && s->octets > 0 && s->decoded < 0;
}

static bool is_long_base64(const struct structure *s)
{
	return s->encoding == ENC_BASE64 && s->octets > 2 * STRUCTURE_ENDS;
}

static void queue_details(struct imap_link *link, const struct read *x)
{
	struct buf b = {0};
	buf_printf(&b, "UID FETCH %lld (UID", (long long)x->uid);
	for (unsigned i = 0; i < x->parts.n; i++) {
		const struct structure *s = &x->parts.v[i];
		if (i > 0)
			buf_printf(&b, " BODY.PEEK[%.*s.MIME]", STR_ARG(s->path));
		if (structure_is_text(s))
			buf_printf(&b, " BODY.PEEK[%.*s]<0.%d>", STR_ARG(s->path), TEXT_START);
		else if (is_long_base64(s))
			buf_printf(&b, " BODY.PEEK[%.*s]<0.%d>", STR_ARG(s->path), STRUCTURE_ENDS);
		if (is_long_base64(s))
			buf_printf(&b, " BODY.PEEK[%.*s]<%lld.%d>", STR_ARG(s->path),
				   (long long)s->octets - STRUCTURE_ENDS, STRUCTURE_ENDS);
	}
	buf_byte(&b, ')');
	imap_queue(link->imap, buf_get(&b));
	buf_free(&b);
}

/* ---- Pieces ---- */

struct piece {
	struct arena *a;
	int64_t uid;
	size_t most;
	bool seen; /* the message is there */
	struct str bytes;
};

static bool on_piece(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct piece *p = ctx;
	(void)a;
	(void)e;
	if (uid_of(r) != p->uid)
		return true;
	const struct imap_value *v = r->values->first;
	for (; v && v->next; v = v->next->next)
		if (str_starts_nocase(imap_text(v), STR("BODY["))) {
			p->seen = true;
			p->bytes = keep(p->a, str_sub(imap_text(v->next), 0, p->most));
		}
	return true;
}

/* Several at once, whose answers may come in any order. */
struct asked {
	struct arena *a;
	size_t n;
	struct slice *v[PIPELINE];
	struct str names[PIPELINE]; /* BODY[1.2]<0> */
};

static bool on_asked(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct asked *asked = ctx;
	int64_t uid = uid_of(r);
	(void)a;
	(void)e;
	const struct imap_value *v = uid ? r->values->first : NULL;
	for (; v && v->next; v = v->next->next)
		for (size_t i = 0; i < asked->n; i++)
			if (asked->v[i]->uid == uid && str_eq_nocase(imap_text(v), asked->names[i]))
				asked->v[i]->bytes =
					keep(asked->a, str_sub(imap_text(v->next), 0,
							       (size_t)asked->v[i]->length));
	return true;
}

static unsigned queue_piece(struct imap_link *link, int64_t uid, struct str path, int64_t from,
			    int64_t n)
{
	struct buf b = {0};
	buf_printf(&b, "UID FETCH %lld (UID BODY.PEEK[%.*s]<%lld.%lld>)", (long long)uid,
		   STR_ARG(path), (long long)from, (long long)n);
	unsigned number = imap_queue(link->imap, buf_get(&b));
	buf_free(&b);
	return number;
}

static bool await(struct imap_link *link, unsigned number, imap_handler *handler, void *ctx,
		  struct err *e)
{
	struct imap_result result;
	if (!imap_await(link->imap, number, handler, ctx, &result, e))
		return false;
	return result.status == IMAP_OK || imap_refused(&result, "FETCH", e);
}

static bool await_all(struct imap_link *link, unsigned first, imap_handler *handler, void *ctx,
		      struct err *e)
{
	struct imap_result refused;
	if (!imap_await_all(link->imap, first, handler, ctx, &refused, e))
		return false;
	return refused.status == IMAP_OK || imap_refused(&refused, "FETCH", e);
}

/* The exact size of a part that its ends do not tell: its content is read and counted. */
static bool count_part(struct imap_link *link, int64_t uid, struct structure *s, struct err *e)
{
	struct mime_decoder d = {.encoding = s->encoding};
	int64_t size = 0;
	for (int64_t at = 0; at < s->octets;) {
		struct arena *a = arena_new(2 * CHUNK);
		struct piece p = {.a = a, .uid = uid, .most = CHUNK};
		bool ok = await(link, queue_piece(link, uid, s->path, at, CHUNK), on_piece, &p, e);
		size += ok ? (int64_t)mime_decode(&d, p.bytes, NULL) : 0;
		at += (int64_t)p.bytes.n;
		bool end = p.bytes.n == 0;
		arena_free(&a);
		if (!ok)
			return false;
		if (end)
			break;
	}
	s->decoded = size + (int64_t)mime_decode_end(&d, NULL);
	return true;
}

static bool count_parts(struct imap_link *link, struct read *x, struct err *e)
{
	for (unsigned i = 0; i < x->parts.n; i++) {
		struct structure *s = &x->parts.v[i];
		if (is_long_base64(s) && structure_is_text(s))
			s->start = str_sub(s->text, 0, STRUCTURE_ENDS);
		if (is_long_base64(s))
			s->decoded = structure_base64_size(s);
		if (needs_size(s) && !count_part(link, x->uid, s, e))
			return false;
	}
	return true;
}

/* Several messages in one go. */
static bool fetch_details(struct imap_reader *r, struct imap_link *link, struct read **v, size_t n,
			  struct err *e)
{
	struct details d = {r, v, n};
	unsigned first = imap_commands(link->imap) + 1;
	for (size_t i = 0; i < n; i++)
		queue_details(link, v[i]);
	if (!await_all(link, first, on_details, &d, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!count_parts(link, v[i], e))
			return false;
	return true;
}

/* ---- Summaries ---- */

static bool all_details(struct wanted *w, struct imap_link *link, struct err *e)
{
	struct read *batch[PIPELINE];
	size_t n = 0;
	for (size_t i = 0; i <= w->n; i++) {
		if (i < w->n && w->reads[i] && w->reads[i]->parts.n && w->header[i].p)
			batch[n++] = w->reads[i];
		if (n == PIPELINE || (i == w->n && n)) {
			if (!fetch_details(w->reader, link, batch, n, e))
				return false;
			n = 0;
		}
	}
	return true;
}

/* Header and structure did not give a message: then all of it, if that is possible. */
static bool read_whole_after_all(struct wanted *w, struct imap_link *link, size_t i, struct err *e)
{
	struct read *x = w->reads[i];
	struct piece p = {.a = w->reader->arena, .uid = x->uid, .most = WHOLE_AT_ALL};
	struct str path = {"", 0};
	if (!await(link, queue_piece(link, x->uid, path, 0, WHOLE_AT_ALL), on_piece, &p, e))
		return false;
	x->raw = p.bytes;
	return true;
}

static bool scan(struct wanted *w, struct imap_link *link, struct arena *a, size_t i, struct err *e)
{
	struct summary *s = &w->v[i];
	struct read *x = w->reads[i];
	s->message = arena_alloc(a, sizeof *s->message);
	if (!x->raw.p && !x->parts.n && !read_whole_after_all(w, link, i, e))
		return false;
	if (x->raw.p)
		return message_scan(a, x->raw, s->message, e);
	struct str assembled = structure_message(a, &x->parts, w->header[i]);
	if (!message_scan(a, assembled, s->message, e))
		return false;
	structure_place(&x->parts, s->item.size, s->message);
	return true;
}

bool imap_reader_summaries(struct imap_reader *r, struct imap_link *link,
			   const struct imap_box *box, struct arena *a, struct summary *v, size_t n,
			   struct err *e)
{
	struct wanted w = {.reader = r, .box = box, .v = v, .n = n};
	w.header = arena_array(r->arena, n, sizeof *w.header);
	w.reads = arena_array(r->arena, n, sizeof *w.reads);
	for (size_t i = 0; i < n; i++) {
		struct read *x = find_read(r, box->folder, v[i].uid);
		w.reads[i] = x && x->raw.p ? x : NULL;
	}
	if (!fetch_some(link, &w, true, "BODY.PEEK[]", on_whole, e) ||
	    !fetch_some(link, &w, false, "BODYSTRUCTURE BODY.PEEK[HEADER]", on_structure, e) ||
	    !all_details(&w, link, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		v[i].found = v[i].found && w.reads[i];
		if (v[i].found && !scan(&w, link, a, i, e))
			return false;
	}
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "too much for one request");
}

bool imap_message_assemble(struct arena *a, const struct imap_value *structure, struct str header,
			   int64_t size, struct message *out, struct err *e)
{
	struct structures parts;
	if (!structure_read(a, structure, &parts))
		return err_set(e, ERR_MALFORMED, "BODYSTRUCTURE is not as it should be");
	if (!message_scan(a, structure_message(a, &parts, header), out, e))
		return false;
	structure_place(&parts, size, out);
	return true;
}

/* ---- Slices ---- */

/* Which part a place is in, and where in it. False: it was not read in this request. */
static bool find_place(const struct read *x, int64_t offset, struct str *path, int64_t *from)
{
	int64_t number = offset >> 40;
	*path = (struct str){"", 0};
	*from = offset & ((INT64_C(1) << 40) - 1);
	if (number == 0)
		return true;
	if (!x || number > x->parts.n)
		return false;
	*path = x->parts.v[number - 1].path;
	return true;
}

enum found imap_reader_slice(struct imap_reader *r, struct imap_link *link,
			     const struct imap_box *box, struct arena *a, struct slice *v,
			     struct err *e)
{
	const struct read *x = find_read(r, box->folder, v->uid);
	struct buf b = {0};
	struct str path;
	int64_t from;
	bool seen = true;
	if (x && x->raw.p) {
		v->bytes = str_sub(x->raw, (size_t)v->offset, (size_t)v->length);
		return FOUND_ONE;
	}
	if (!find_place(x, v->offset, &path, &from)) {
		err_set(e, ERR_INTERNAL, "a part whose structure was not read");
		return FOUND_FAILED;
	}
	for (int64_t done = 0; done < v->length && seen;) {
		int64_t n = v->length - done < CHUNK ? v->length - done : CHUNK;
		struct piece p = {.a = a, .uid = v->uid, .most = (size_t)n};
		if (!await(link, queue_piece(link, v->uid, path, from + done, n), on_piece, &p,
			   e)) {
			buf_free(&b);
			return FOUND_FAILED;
		}
		seen = p.seen;
		done += n;
		if (done == n && done >= v->length) {
			v->bytes = p.bytes;
			return seen ? FOUND_ONE : FOUND_NONE;
		}
		buf_str(&b, p.bytes);
		if ((int64_t)p.bytes.n < n)
			break;
	}
	if (seen)
		v->bytes = v->length ? buf_move(a, &b) : STR("");
	buf_free(&b);
	return seen ? FOUND_ONE : FOUND_NONE;
}

/* Whether one FETCH gives it. */
static bool is_one_piece(const struct read *x, const struct slice *v, struct str *path,
			 int64_t *from)
{
	return !(x && x->raw.p) && v->length > 0 && v->length <= CHUNK &&
	       find_place(x, v->offset, path, from);
}

/* Those that one FETCH gives are asked for together. */
bool imap_reader_slices(struct imap_reader *r, struct imap_link *link, const struct imap_box *box,
			struct arena *a, struct slice *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n;) {
		struct asked asked = {.a = a};
		unsigned first = imap_commands(link->imap) + 1;
		for (; i < n && asked.n < PIPELINE; i++) {
			struct str path;
			int64_t from;
			if (!is_one_piece(find_read(r, box->folder, v[i].uid), &v[i], &path, &from))
				continue;
			queue_piece(link, v[i].uid, path, from, v[i].length);
			asked.names[asked.n] = str_of(arena_printf(a, "BODY[%.*s]<%lld>",
								   STR_ARG(path), (long long)from));
			asked.v[asked.n++] = &v[i];
		}
		if (asked.n && !await_all(link, first, on_asked, &asked, e))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i].bytes.p && imap_reader_slice(r, link, box, a, &v[i], e) == FOUND_FAILED)
			return false;
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "too much for one request");
}
