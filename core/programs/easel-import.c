/*
 * easel-import: events, tasks, notes and contacts from .ics and .vcf files, into the folders of an
 * account. Each item is put in by itself, so that one that is bad holds up no other, and one that
 * is there already, known by its UID, is replaced.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/ical.h"
#include "core/item_class.h"
#include "core/item_files.h"
#include "core/item_text_form.h"
#include "core/programs/account.h"

static const char NAME[] = "easel-import";

static const char HELP[] =
	"Usage: easel-import [OPTION]... ACCOUNT FILE...\n"
	"Puts the events, tasks and notes of iCalendar files and the contacts of vCard files into the\n"
	"folders of an account. An item that is there already, by its UID, is replaced; the same file a\n"
	"second time changes nothing. FILE may be - for standard input. Mail: see easel-deliver.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -f, --folder=NAME        a role (calendar, contacts …), a name, or a path with '/'; items of\n"
	"                           another kind than it holds are not taken (default: that of each kind)\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes (sysexits.h): 0 all is there; 64 wrong usage; 65 some could not be read; 66 a file\n"
	"can't be opened; 67 there is no such account; 73 there is no such folder; 75 try again: the\n"
	"database is away.\n";

enum { FILE_MOST = 1 << 30 };

struct import {
	struct meeting_user u;
	const char *folder; /* NULL: the default ones */
	int32_t folders[ACCOUNT_CLASSES];
	struct arena *a; /* of an item */
	const char *path;
	unsigned added, changed, same, failed;
	bool away;
};

/* ---- One item ---- */

static void tell(struct import *im, const char *what, const struct err *e)
{
	im->failed++;
	fprintf(stderr, "%s: %s: %s%s%s\n", NAME, im->path, what, *what ? ": " : "", e->text);
}

static void failed(void *ctx, const struct err *e)
{
	tell(ctx, "", e);
}

static int32_t folder_for(const struct import *im, enum item_class class)
{
	for (int i = 0; i < ACCOUNT_CLASSES; i++)
		if (account_classes[i] == class)
			return im->folders[i];
	return 0;
}

static bool is_same(struct import *im, int32_t folder, int64_t uid, struct str text, bool *same,
		    struct err *e)
{
	struct store *s = im->u.store;
	struct slice slice = {.uid = uid, .length = INT64_MAX};
	if (!s->ops->slices(s, im->a, im->u.account, folder, &slice, 1, e))
		return false;
	*same = slice.bytes.p && str_eq(slice.bytes, text);
	return true;
}

/* In the place of the one with its UID, or as a new one. */
static bool put(struct import *im, const struct item_file *item, const struct new_item *new,
		int32_t folder, struct err *e)
{
	struct store *s = im->u.store;
	int64_t uid, now, before, after;
	int32_t in;
	bool same = false;
	enum found found = s->ops->find(s, im->u.account, folder, item->class,
					item_summary_uid(im->a, new->summary), &in, &uid, e);
	if (found == FOUND_ONE && !is_same(im, folder, uid, new->raw, &same, e))
		return false;
	if (found == FOUND_ONE && same) {
		im->same++;
		return true;
	}
	if (found == FOUND_ONE)
		found = s->ops->replace(s, im->u.account, folder, uid, 0, new, &now, &before,
					&after, e);
	if (found == FOUND_NONE && !s->ops->append(s, im->u.account, folder, new, &uid, &after, e))
		return false;
	im->changed += found == FOUND_ONE;
	im->added += found == FOUND_NONE;
	return found != FOUND_FAILED;
}

static bool import_one(struct import *im, const struct item_file *item, struct err *e)
{
	struct item_facts facts;
	struct item_context ctx = meeting_user_context(&im->u, item->text);
	int32_t folder = folder_for(im, item->class);
	ctx.arena = im->a;
	if (!folder)
		return err_set(e, ERR_INVALID, "there is no folder for it");
	if (!item_class_ops(item->class)->facts(&ctx, item->text, &facts, e))
		return false;
	struct new_item new = {.raw = item->text, .summary = facts.summary, .date = facts.date};
	if (!pg_begin(im->u.db, e))
		return false;
	if (put(im, item, &new, folder, e) && pg_commit(im->u.db, e))
		return true;
	pg_rollback(im->u.db);
	return false;
}

static bool take(void *ctx, const struct item_file *item)
{
	struct import *im = ctx;
	struct err e = {.kind = ERR_NONE};
	struct arena_mark mark = arena_mark(im->u.a);
	char what[120];
	if (!import_one(im, item, &e)) {
		snprintf(what, sizeof what, "%s %.*s", store_class_name(item->class),
			 STR_ARG(str_sub(item->uid, 0, 80)));
		tell(im, what, &e);
		im->away = e.kind == ERR_UNAVAILABLE;
	}
	arena_release(im->u.a, mark);
	arena_reset(im->a);
	return !im->away;
}

/* ---- Files ---- */

static bool read_file(FILE *f, struct buf *out)
{
	enum { PIECE = 64 * 1024 };
	while (!feof(f) && !ferror(f) && out->n < FILE_MOST)
		buf_added(out, fread(buf_room(out, PIECE), 1, PIECE, f));
	return !ferror(f) && !out->failed && out->n < FILE_MOST;
}

/* False: it can't be read. */
static bool import_file(struct import *im, const char *path)
{
	const struct item_visitor visitor = {im, take, failed};
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	struct buf text = {0};
	bool ok = f && read_file(f, &text);
	im->path = path;
	if (ok) {
		struct arena *a = arena_new(ACCOUNT_ARENA);
		item_files_split(a, buf_get(&text), &visitor);
		arena_free(&a);
	} else {
		fprintf(stderr, "%s: %s: %s\n", NAME, path, f ? "too large" : strerror(errno));
	}
	if (f && f != stdin)
		fclose(f);
	buf_free(&text);
	return ok;
}

/* Where each kind goes. */
static int find_folders(struct import *im)
{
	static const char *const roles[] = {"calendar", "contacts", "tasks", "notes"};
	enum item_class class = CLASS_FILES;
	int32_t folder = 0;
	int code = EX_OK;
	if (im->folder)
		code = account_folder(&im->u, NAME, im->folder, &folder, &class);
	for (int i = 0; code == EX_OK && i < ACCOUNT_CLASSES; i++) {
		struct err e = {.kind = ERR_NONE};
		if (im->folder)
			im->folders[i] = account_classes[i] == class ? folder : 0;
		else if (delivery_folder(im->u.store, im->u.a, im->u.account, str_of(roles[i]),
					 account_classes[i], &im->folders[i], &e) == FOUND_FAILED)
			code = program_fail(NAME, &e);
	}
	return code;
}

static int run(struct import *im, char **files, int n)
{
	bool all = true;
	int code = find_folders(im);
	for (int i = 0; code == EX_OK && i < n && !im->away; i++)
		all &= import_file(im, files[i]);
	if (code != EX_OK)
		return code;
	printf("%u added, %u changed, %u as they were", im->added, im->changed, im->same);
	printf(im->failed ? ", %u failed\n" : "\n", im->failed);
	return im->away ? EX_TEMPFAIL : !all ? EX_NOINPUT : im->failed ? EX_DATAERR : EX_OK;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"database", required_argument, NULL, 'd'},
					      {"folder", required_argument, NULL, 'f'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	const char *database = "";
	struct import im = {0};
	for (int c; (c = getopt_long(argc, argv, "d:f:h", known, NULL)) != -1;) {
		if (c == 'h')
			return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
		if (c == '?')
			return program_usage(NAME);
		*(c == 'd' ? &database : &im.folder) = optarg;
	}
	if (argc - optind < 2)
		return program_usage(NAME);
	account_open(&im.u, database, NAME);
	im.a = arena_new(ACCOUNT_ARENA);
	int code = account_find(&im.u, NAME, argv[optind]);
	if (code == EX_OK)
		code = run(&im, argv + optind + 1, argc - optind - 1);
	account_close(&im.u);
	arena_free(&im.a);
	return code;
}
