/*
 * easel-deliver: a message from standard input, or the messages in files, into a folder of an
 * account.
 *
 * Exit codes are those of sysexits.h, by which a mail server decides between keeping a message in
 * its queue and sending it back. Our own faults count as temporary: no mail is refused because of
 * them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/item_mail.h"
#include "core/item_text_form.h"
#include "core/programs/program.h"
#include "core/receive.h"
#include "store/delivery.h"
#include "store/mail_files.h"
#include "store/pg.h"
#include "store/pg_migrate.h"

static const char NAME[] = "easel-deliver";

static const char HELP[] =
	"Usage: easel-deliver [OPTION]... ACCOUNT < MESSAGE\n"
	"       easel-deliver [OPTION]... --import=PATH ACCOUNT\n"
	"       easel-deliver [OPTION]... --file=NAME ACCOUNT < FILE\n"
	"Delivers a message into a folder of an account, imports the messages in files, or puts a file into\n"
	"a folder of files, which devices see when they are shown groupware as email. ACCOUNT is an address;\n"
	"user+detail@domain means user@domain when it is no account of its own.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -f, --folder=NAME        the folder: a role (inbox, sent, junk …), a name, or a path with '/'\n"
	"                           (default: inbox)\n"
	"  -i, --import=PATH        an mbox, a Maildir, a message file, or a folder with any of these\n"
	"  -s, --max-size=BYTES     refuse larger messages (default: 67108864)\n"
	"  -n, --file=NAME          standard input is a file of this name; the folder is one of class Files\n"
	"                           (default: Files)\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes (sysexits.h): 0 delivered; 64 wrong usage; 65 the message is empty or too large, or\n"
	"some of those to import were; 66 there is nothing to import; 67 there is no such account; 73\n"
	"there is no such folder; 75 try again: the database is away, or something else failed.\n";

enum { MAX_SIZE = 64 << 20, MAX_SIZE_MOST = 1 << 30 }; /* a bytea ends at 1 GiB */

struct options {
	const char *database, *folder, *import, *file, *account;
	uint64_t max_size;
	bool help;
};

struct target {
	struct pg *db;
	struct store *store;
	struct arena *a;
	int32_t account, folder;
};

/* ---------------------------------------------------------------------------------------------
 * The command line */

static bool parse_size(const char *text, uint64_t *out)
{
	if (str_to_u64(str_of(text), out) && *out > 0 && *out < MAX_SIZE_MOST)
		return true;
	fprintf(stderr, "%s: --max-size takes a number of bytes below %d\n", NAME, MAX_SIZE_MOST);
	return false;
}

static bool parse_option(struct options *o, int c)
{
	switch (c) {
	case 'd':
		o->database = optarg;
		return true;
	case 'f':
		o->folder = optarg;
		return true;
	case 'i':
		o->import = optarg;
		return true;
	case 'n':
		o->file = optarg;
		return true;
	case 's':
		return parse_size(optarg, &o->max_size);
	case 'h':
		o->help = true;
		return true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"database", required_argument, NULL, 'd'},
		{"folder", required_argument, NULL, 'f'},
		{"import", required_argument, NULL, 'i'},
		{"file", required_argument, NULL, 'n'},
		{"max-size", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "d:f:i:n:s:h", known, NULL)) != -1;)
		if (!parse_option(o, c))
			return false;
	if (argc - optind == 1)
		o->account = argv[optind];
	if (!o->folder)
		o->folder = o->file ? "Files" : "inbox";
	return o->help || (o->account && !(o->file && o->import));
}

/* ---------------------------------------------------------------------------------------------
 * Where to */

static int fail(const struct err *e)
{
	int code = program_fail(NAME, e);
	return code == EX_DATAERR ? code : EX_TEMPFAIL;
}

static int refuse(int code, const char *what, const char *name)
{
	fprintf(stderr, "%s: there is no %s %s\n", NAME, what, name);
	return code;
}

/* EX_OK once account and folder are known. */
static int find_target(const struct options *o, struct target *t)
{
	struct err e = {.kind = ERR_NONE};
	if (!pg_migrate_check(t->db, &e))
		return fail(&e);
	switch (delivery_account(t->db, t->a, str_of(o->account), &t->account, &e)) {
	case FOUND_FAILED:
		return fail(&e);
	case FOUND_NONE:
		return refuse(EX_NOUSER, "account", o->account);
	case FOUND_ONE:
		break;
	}
	switch (delivery_folder(t->store, t->a, t->account, str_of(o->folder),
				o->file ? CLASS_FILES : CLASS_EMAIL, &t->folder, &e)) {
	case FOUND_FAILED:
		return fail(&e);
	case FOUND_NONE:
		return refuse(EX_CANTCREAT, o->file ? "folder of files" : "mail folder", o->folder);
	case FOUND_ONE:
		break;
	}
	return EX_OK;
}

/* ---------------------------------------------------------------------------------------------
 * One message */

/* Reads all of standard input; one byte too many is enough to know. */
static bool read_message(uint64_t max_size, struct buf *out, struct err *e)
{
	enum { PIECE = 64 * 1024 };
	for (;;) {
		ssize_t got = read(STDIN_FILENO, buf_room(out, PIECE), PIECE);
		if (got < 0 && errno != EINTR)
			return err_set(e, ERR_UNAVAILABLE, "can't read the message: %s",
				       strerror(errno));
		if (got == 0)
			return true;
		if (got > 0)
			buf_added(out, (size_t)got);
		if (out->n > max_size)
			return err_set(e, ERR_TOO_LARGE, "the message is larger than %llu bytes",
				       (unsigned long long)max_size);
	}
}

/* What comes into the inbox is received; another folder is the choice of whoever delivers. */
static bool put_one(const struct options *o, struct target *t, struct str raw, struct err *e)
{
	if (!str_eq_nocase(str_of(o->folder), STR("inbox")))
		return delivery_put(t->store, t->a, t->account, t->folder, raw, clock_now(), 0, e);
	const struct arrival arrival = {.account = t->account,
					.inbox = t->folder,
					.sender = receive_sender(t->a, raw),
					.raw = raw,
					.now = clock_now()};
	if (pg_begin(t->db, e) && receive_message(t->db, t->store, t->a, &arrival, e) &&
	    pg_commit(t->db, e))
		return true;
	pg_rollback(t->db);
	return false;
}

/* A file as the message that it is shown as. */
static bool put_file(const struct options *o, struct target *t, struct str bytes, struct err *e)
{
	struct item_mail m = {
		.class = CLASS_FILES,
		.text = bytes,
		.name = str_of(o->file),
		.key = item_new_uid(t->a),
		.kept = clock_now(),
	};
	return item_mail_write(t->a, &m, e) &&
	       delivery_put(t->store, t->a, t->account, t->folder, m.raw, m.date, ITEM_SEEN, e);
}

static int deliver(const struct options *o, struct target *t)
{
	struct err e = {.kind = ERR_NONE};
	struct buf raw = {0};
	bool ok = read_message(o->max_size, &raw, &e);
	int code = EX_OK;
	if (ok)
		code = find_target(o, t);
	if (ok && code == EX_OK)
		ok = o->file ? put_file(o, t, buf_get(&raw), &e)
			     : put_one(o, t, delivery_normalise(t->a, buf_get(&raw)), &e);
	buf_free(&raw);
	return ok ? code : fail(&e);
}

/* ---------------------------------------------------------------------------------------------
 * Many messages: in batches, one transaction each. When a batch fails its messages are tried one by
 * one, so that the one to blame is found and the others are kept. */

enum { BATCH = 200, BATCH_BYTES = 16 << 20 };

struct pending {
	struct str raw;
	const char *path;
	size_t number;
	int64_t date;
	unsigned flags;
};

struct import {
	const struct options *o;
	struct target *t;
	struct arena *a; /* of a batch */
	struct pending v[BATCH];
	size_t n, bytes;
	unsigned imported, failed;
	bool away, progress;
};

static void tell_failure(struct import *im, const char *path, size_t number, const struct err *e)
{
	im->failed++;
	if (im->progress)
		fputs("\r", stderr);
	if (number > 0)
		fprintf(stderr, "%s: %s, message %zu: %s\n", NAME, path, number, e->text);
	else
		fprintf(stderr, "%s: %s: %s\n", NAME, path, e->text);
}

/* What reading it took is given back at once; the batch's own memory stays. */
static bool put(struct import *im, const struct pending *m, struct err *e)
{
	struct arena_mark mark = arena_mark(im->a);
	bool ok = delivery_put(im->t->store, im->a, im->t->account, im->t->folder, m->raw, m->date,
			       m->flags, e);
	arena_release(im->a, mark);
	return ok;
}

static bool put_batch(struct import *im)
{
	struct err e;
	bool ok = pg_begin(im->t->db, &e);
	for (size_t i = 0; ok && i < im->n; i++)
		ok = put(im, &im->v[i], &e);
	ok = ok && pg_commit(im->t->db, &e);
	if (!ok)
		pg_rollback(im->t->db);
	else
		im->imported += (unsigned)im->n;
	return ok;
}

static void put_singly(struct import *im)
{
	for (size_t i = 0; i < im->n && !im->away; i++) {
		struct err e = {.kind = ERR_NONE};
		if (put(im, &im->v[i], &e)) {
			im->imported++;
			continue;
		}
		tell_failure(im, im->v[i].path, im->v[i].number, &e);
		im->away = e.kind == ERR_UNAVAILABLE;
	}
}

static void flush(struct import *im)
{
	if (im->n > 0 && !put_batch(im))
		put_singly(im);
	im->n = im->bytes = 0;
	arena_reset(im->a);
	if (im->progress)
		fprintf(stderr, "\r%u messages", im->imported);
}

static bool take(void *ctx, const struct mail_file *m)
{
	struct import *im = ctx;
	struct err e;
	struct str raw = delivery_normalise(im->a, m->raw);
	if (raw.n == 0 || raw.n > im->o->max_size) {
		err_set(&e, ERR_INVALID, raw.n ? "it is too large" : "it is empty");
		tell_failure(im, m->path, m->number, &e);
		return true;
	}
	im->v[im->n++] = (struct pending){
		.raw = {arena_dup(im->a, raw.p, raw.n), raw.n},
		.path = arena_strdup(im->a, m->path),
		.number = m->number,
		.date = m->date,
		.flags = m->flags,
	};
	im->bytes += raw.n;
	if (im->n == BATCH || im->bytes >= BATCH_BYTES)
		flush(im);
	return !im->away;
}

static void unreadable(void *ctx, const char *path, const struct err *e)
{
	tell_failure(ctx, path, 0, e);
}

static int import_code(const struct import *im)
{
	if (im->away)
		return EX_TEMPFAIL;
	if (im->failed > 0)
		return im->imported > 0 ? EX_DATAERR : EX_NOINPUT;
	return im->imported > 0 ? EX_OK : refuse(EX_NOINPUT, "message in", im->o->import);
}

static int import(const struct options *o, struct target *t)
{
	int code = find_target(o, t);
	if (code != EX_OK)
		return code;
	struct import *im = base_calloc(1, sizeof *im);
	im->o = o;
	im->t = t;
	im->a = arena_new((size_t)1 << 30);
	im->progress = isatty(STDERR_FILENO);
	mail_files_walk(o->import, &(struct mail_visitor){im, take, unreadable});
	if (!im->away)
		flush(im);
	if (im->progress)
		fputs("\r", stderr);
	printf("imported %u messages", im->imported);
	printf(im->failed ? ", %u failed\n" : "\n", im->failed);
	code = import_code(im);
	arena_free(&im->a);
	free(im);
	return code;
}

int main(int argc, char **argv)
{
	struct options o = {.database = "", .max_size = MAX_SIZE};
	if (!parse(argc, argv, &o))
		return program_usage(NAME);
	if (o.help)
		return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
	struct target t = {.db = pg_new(o.database, NAME), .a = arena_new((size_t)1 << 30)};
	t.store = store_pg_new(t.db);
	int code = o.import ? import(&o, &t) : deliver(&o, &t);
	store_pg_free(&t.store);
	pg_free(&t.db);
	arena_free(&t.a);
	return code;
}
