/* mail_files: messages in files. See mail_files.h for the contract. */
#include "store/mail_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "store/mime.h"
#include "store/store.h"

enum { DEPTH_MOST = 64 };

static const int64_t DAY_MS = 86400000;

struct walk {
	const struct mail_visitor *v;
	struct arena *a; /* of one message */
	int64_t now;
	bool stopped;
};

/* ---------------------------------------------------------------------------------------------
 * "From " lines: "From anna@example.test Fri Jan  9 12:00:00 2026", some with seconds left out, a
 * zone before or after the year, or "remote from host" behind it */

static int month_of(struct str s)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; s.n == 3 && i < 12; i++)
		if (memcmp(names + 3 * i, s.p, 3) == 0)
			return i;
	return -1;
}

/* "12:00" or "12:00:00". */
static bool time_of(struct str s, struct tm *t)
{
	struct str part;
	int64_t v[3] = {0, 0, 0};
	int n = 0;
	if (str_find_byte(s, ':') < 0)
		return false;
	while (n < 3 && str_next(&s, ':', &part))
		if (!str_to_i64(part, &v[n++]))
			return false;
	if (n < 2 || s.n > 0 || v[0] < 0 || v[0] > 23 || v[1] < 0 || v[1] > 59 || v[2] < 0 ||
	    v[2] > 60)
		return false;
	t->tm_hour = (int)v[0];
	t->tm_min = (int)v[1];
	t->tm_sec = (int)v[2];
	return true;
}

/* "+0100" in minutes; 0 for anything else. */
static int64_t zone_of(struct str s)
{
	int64_t v;
	if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-') || !str_to_i64(str_sub(s, 1, 4), &v))
		return 0;
	int64_t minutes = v / 100 * 60 + v % 100;
	return s.p[0] == '-' ? -minutes : minutes;
}

bool mail_from_line(struct str line, int64_t *ms)
{
	struct str word;
	struct tm t = {.tm_mon = -1};
	bool timed = false;
	int64_t year = 0, day = 0, number, zone = 0;
	if (!str_starts(line, STR("From ")))
		return false;
	line = str_trim(str_sub(line, strlen("From "), SIZE_MAX));
	if (!str_next(&line, ' ', &word))
		return false;
	while (str_next(&line, ' ', &word)) {
		timed = timed || time_of(word, &t);
		if (t.tm_mon < 0)
			t.tm_mon = month_of(word);
		if (word.n <= 2 && day == 0 && str_to_i64(word, &number))
			day = number;
		if (word.n == 4 && year == 0 && str_to_i64(word, &number))
			year = number;
		if (zone == 0)
			zone = zone_of(word);
	}
	if (!timed || t.tm_mon < 0 || day < 1 || day > 31 || year < 1970)
		return false;
	t.tm_mday = (int)day;
	t.tm_year = (int)year - 1900;
	*ms = ((int64_t)timegm(&t) - zone * 60) * 1000;
	return true;
}

/* ---------------------------------------------------------------------------------------------
 * One message */

/* When our side received it, as its own headers have it; 0 when they don't. */
static int64_t header_date(const struct walk *w, struct str raw)
{
	size_t body;
	struct str head = mime_head(raw, &body);
	struct str received = mime_field_find(head, STR("Received"));
	int64_t ms = 0;
	for (ptrdiff_t at; (at = str_find_byte(received, ';')) >= 0;)
		received = str_sub(received, (size_t)at + 1, SIZE_MAX);
	if (received.n > 0)
		ms = mime_date(w->a, received);
	if (ms <= 0 || ms > w->now + DAY_MS)
		ms = mime_date(w->a, mime_field_find(head, STR("Date")));
	return ms > 0 && ms <= w->now + DAY_MS ? ms : 0;
}

static void visit(struct walk *w, struct mail_file *m, int64_t otherwise)
{
	m->date = header_date(w, m->raw);
	if (m->date == 0)
		m->date = otherwise;
	w->stopped = w->stopped || !w->v->message(w->v->ctx, m);
	arena_reset(w->a);
}

static void failed(struct walk *w, const char *path, const char *why)
{
	struct err e;
	err_set(&e, ERR_NOT_FOUND, "%s", why);
	w->v->failed(w->v->ctx, path, &e);
}

/* ---------------------------------------------------------------------------------------------
 * mbox */

/* The line at `at`, without its end; gives where the next one begins. */
static struct str line_at(struct str text, size_t at, size_t *next)
{
	struct str rest = str_sub(text, at, SIZE_MAX);
	ptrdiff_t end = str_find_byte(rest, '\n');
	*next = end < 0 ? text.n : at + (size_t)end + 1;
	size_t n = end < 0 ? rest.n : (size_t)end;
	return str_sub(rest, 0, n > 0 && rest.p[n - 1] == '\r' ? n - 1 : n);
}

/* Where the next message's "From " line begins, or the end. */
static size_t find_from_line(struct str text, size_t at)
{
	bool after_blank = false;
	for (size_t next; at < text.n; at = next) {
		struct str line = line_at(text, at, &next);
		int64_t ignored;
		if (after_blank && mail_from_line(line, &ignored))
			return at;
		after_blank = line.n == 0;
	}
	return text.n;
}

static bool is_quoted_from(struct str line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] == '>')
		n++;
	return n > 0 && str_starts(str_sub(line, n, SIZE_MAX), STR("From "));
}

/* Takes one '>' off each line ">From ", ">>From " … */
static struct str unquote(struct arena *a, struct str text)
{
	if (str_find(text, STR(">From ")) < 0)
		return text;
	char *out = arena_alloc(a, text.n);
	size_t n = 0;
	for (size_t at = 0, next; at < text.n; at = next) {
		size_t skip = is_quoted_from(line_at(text, at, &next)) ? 1 : 0;
		memcpy(out + n, text.p + at + skip, next - at - skip);
		n += next - at - skip;
	}
	return (struct str){out, n};
}

/* The empty line in front of the next "From " line is not the message's. */
static struct str without_last_blank(struct str text)
{
	if (str_ends_nocase(text, STR("\r\n\r\n")))
		return str_sub(text, 0, text.n - 2);
	return str_ends_nocase(text, STR("\n\n")) ? str_sub(text, 0, text.n - 1) : text;
}

static void walk_mbox(struct walk *w, const char *path, struct str text, int64_t mtime)
{
	struct mail_file m = {.path = path};
	for (size_t at = 0, next; at < text.n && !w->stopped; at = next) {
		size_t begin;
		int64_t date = mtime;
		mail_from_line(line_at(text, at, &begin), &date);
		next = find_from_line(text, begin);
		struct str raw = str_sub(text, begin, next - begin);
		if (next < text.n)
			raw = without_last_blank(raw);
		m.number++;
		m.raw = unquote(w->a, raw);
		m.flags = message_mbox_flags(m.raw);
		visit(w, &m, date);
	}
}

/* ---------------------------------------------------------------------------------------------
 * Files */

static bool open_regular(const char *path, int *fd, struct stat *st)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return false;
	if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
		return true;
	errno = S_ISREG(st->st_mode) ? errno : EINVAL;
	close(*fd);
	return false;
}

/* flags: of a Maildir's file; -1 elsewhere. */
static void walk_text(struct walk *w, const char *path, struct str text, const struct stat *st,
		      int flags)
{
	int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000;
	if (flags < 0 && str_starts(text, STR("From "))) {
		walk_mbox(w, path, text, mtime);
		return;
	}
	struct mail_file m = {.path = path, .raw = text};
	m.flags = flags < 0 ? message_mbox_flags(text) : (unsigned)flags;
	visit(w, &m, mtime);
}

static void walk_file(struct walk *w, const char *path, int flags)
{
	int fd;
	struct stat st = {0};
	if (!open_regular(path, &fd, &st)) {
		failed(w, path, strerror(errno));
		return;
	}
	struct str text = {"", (size_t)st.st_size};
	if (text.n > 0)
		text.p = mmap(NULL, text.n, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (text.p == MAP_FAILED) {
		failed(w, path, strerror(errno));
		return;
	}
	walk_text(w, path, text, &st, flags);
	if (text.n > 0)
		munmap((char *)text.p, text.n);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The names in a folder, sorted, in the arena; -1 when it can't be read. */
static int list_folder(struct arena *a, const char *folder, char ***names)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, not_hidden, by_name);
	if (n < 0)
		return -1;
	*names = arena_array(a, (size_t)n, sizeof **names);
	for (int i = 0; i < n; i++) {
		(*names)[i] = arena_strdup(a, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return n;
}

/* ---------------------------------------------------------------------------------------------
 * Maildir */

static int maildir_flags(struct str name)
{
	static const struct {
		char letter;
		unsigned flag;
	} letters[] = {
		{'S', ITEM_SEEN},    {'R', ITEM_ANSWERED}, {'P', ITEM_FORWARDED},
		{'F', ITEM_FLAGGED}, {'D', ITEM_DRAFT},
	};
	unsigned flags = 0;
	ptrdiff_t info = str_find(name, STR(":2,"));
	struct str set = info < 0 ? STR("") : str_sub(name, (size_t)info + 3, SIZE_MAX);
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (str_find_byte(set, letters[i].letter) >= 0)
			flags |= letters[i].flag;
	return (int)flags;
}

struct maildir_entry {
	const char *folder, *name;
};

/* Names begin with the time of delivery. */
static int by_delivery(const void *x, const void *y)
{
	const struct maildir_entry *a = x, *b = y;
	return strcmp(a->name, b->name);
}

static void walk_maildir(struct walk *w, const char *path)
{
	struct arena *a = arena_new(1 << 20);
	static const char *const folders[] = {"cur", "new"};
	char **names[2];
	int n[2], total = 0;
	for (int i = 0; i < 2; i++) {
		n[i] = list_folder(a, arena_printf(a, "%s/%s", path, folders[i]), &names[i]);
		if (n[i] < 0)
			failed(w, path, strerror(errno));
		n[i] = n[i] < 0 ? 0 : n[i];
	}
	struct maildir_entry *v = arena_array(a, (size_t)n[0] + (size_t)n[1], sizeof *v);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < n[i]; j++)
			v[total++] = (struct maildir_entry){folders[i], names[i][j]};
	if (total > 1)
		qsort(v, (size_t)total, sizeof *v, by_delivery);
	for (int i = 0; i < total && !w->stopped; i++)
		walk_file(w, arena_printf(a, "%s/%s/%s", path, v[i].folder, v[i].name),
			  maildir_flags(str_of(v[i].name)));
	arena_free(&a);
}

/* ---------------------------------------------------------------------------------------------
 * Folders */

static void walk_folder(struct walk *w, const char *path, int depth);

static bool is_maildir(struct arena *a, const char *path)
{
	return is_folder(arena_printf(a, "%s/cur", path)) &&
	       is_folder(arena_printf(a, "%s/new", path));
}

static void walk_entry(struct walk *w, const char *path, int depth)
{
	struct stat st;
	struct str name = str_of(path);
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		walk_folder(w, path, depth + 1);
	else if (str_ends_nocase(name, STR(".eml")) || str_ends_nocase(name, STR(".mbox")))
		walk_file(w, path, -1);
}

static void walk_folder(struct walk *w, const char *path, int depth)
{
	struct arena *a = arena_new(1 << 20);
	char **names = NULL;
	if (is_maildir(a, path)) {
		walk_maildir(w, path);
	} else {
		int n = depth < DEPTH_MOST ? list_folder(a, path, &names) : -1;
		if (n < 0)
			failed(w, path, depth < DEPTH_MOST ? strerror(errno) : "nested too deep");
		for (int i = 0; i < n && !w->stopped; i++)
			walk_entry(w, arena_printf(a, "%s/%s", path, names[i]), depth);
	}
	arena_free(&a);
}

bool mail_files_walk(const char *path, const struct mail_visitor *v)
{
	struct walk w = {.v = v, .a = arena_new(64 << 20), .now = clock_now()};
	if (is_folder(path))
		walk_folder(&w, path, 0);
	else
		walk_file(&w, path, -1);
	arena_free(&w.a);
	return !w.stopped;
}
