/*
 * account: what the programs that read or write items of an account have in common: the account and
 * its folders, by the names that were given. Says what is missing on standard error.
 */
#ifndef EASEL_CORE_PROGRAMS_ACCOUNT_H
#define EASEL_CORE_PROGRAMS_ACCOUNT_H

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/meeting_store.h"
#include "core/programs/program.h"
#include "store/delivery.h"
#include "store/pg.h"
#include "store/pg_migrate.h"

enum { ACCOUNT_ARENA = 1 << 30 };

static const enum item_class account_classes[] = {CLASS_CALENDAR, CLASS_CONTACTS, CLASS_TASKS,
						  CLASS_NOTES};
enum { ACCOUNT_CLASSES = sizeof account_classes / sizeof *account_classes };

static inline void account_open(struct meeting_user *u, const char *database, const char *program)
{
	*u = (struct meeting_user){
		.db = pg_new(database, program), .a = arena_new(ACCOUNT_ARENA), .now = clock_now()};
	u->store = store_pg_new(u->db);
}

static inline void account_close(struct meeting_user *u)
{
	store_pg_free(&u->store);
	pg_free(&u->db);
	arena_free(&u->a);
}

static inline int account_refuse(const char *program, int code, const char *what, const char *name)
{
	fprintf(stderr, "%s: there is no %s %s\n", program, what, name);
	return code;
}

/* EX_OK once it is known, with what it is like. */
static inline int account_find(struct meeting_user *u, const char *program, const char *address)
{
	struct err e = {.kind = ERR_NONE};
	if (!pg_migrate_check(u->db, &e))
		return program_fail(program, &e);
	enum found found = delivery_account(u->db, u->a, str_of(address), &u->account, &e);
	if (found == FOUND_ONE)
		found = meeting_user_read(u, &e);
	if (found == FOUND_FAILED)
		return program_fail(program, &e);
	return found == FOUND_ONE ? EX_OK : account_refuse(program, EX_NOUSER, "account", address);
}

/* A folder with items that are no mail: by a role, a name or a path. */
static inline int account_folder(struct meeting_user *u, const char *program, const char *name,
				 int32_t *folder, enum item_class *class)
{
	struct err e = {.kind = ERR_NONE};
	for (int i = 0; i < ACCOUNT_CLASSES; i++) {
		*class = account_classes[i];
		enum found found = delivery_folder(u->store, u->a, u->account, str_of(name), *class,
						   folder, &e);
		if (found == FOUND_FAILED)
			return program_fail(program, &e);
		if (found == FOUND_ONE)
			return EX_OK;
	}
	return account_refuse(program, EX_CANTCREAT, "folder of events, contacts, tasks or notes",
			      name);
}

#endif
