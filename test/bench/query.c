/*
 * query: SELECT 1, prepared, again and again over a few connections, as the yardstick for what the
 * server asks of the database. Prints one JSON object.
 *
 *     query CONNINFO CONNECTIONS SECONDS
 *     query CONNINFO                     one connection, one query: what a program that starts
 * costs
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 64, SECONDS_MOST = 600 };

static atomic_bool over, broken;

struct asker {
	pthread_t thread;
	PGconn *db;
	uint64_t n;
};

static bool asked(PGresult *r, ExecStatusType want)
{
	bool ok = PQresultStatus(r) == want;
	PQclear(r);
	return ok;
}

static void *ask(void *ctx)
{
	struct asker *a = ctx;
	bool ok = asked(PQprepare(a->db, "one", "SELECT 1", 0, NULL), PGRES_COMMAND_OK);
	for (; ok && !atomic_load(&over); a->n++)
		ok = asked(PQexecPrepared(a->db, "one", 0, NULL, NULL, NULL, 0), PGRES_TUPLES_OK);
	if (!ok) {
		fputs(PQerrorMessage(a->db), stderr);
		atomic_store(&broken, true);
	}
	return NULL;
}

static bool start(struct asker *a, const char *conninfo)
{
	a->db = PQconnectdb(conninfo);
	if (PQstatus(a->db) != CONNECTION_OK) {
		fputs(PQerrorMessage(a->db), stderr);
		return false;
	}
	return pthread_create(&a->thread, NULL, ask, a) == 0;
}

static int ask_once(const char *conninfo)
{
	PGconn *db = PQconnectdb(conninfo);
	bool ok = PQstatus(db) == CONNECTION_OK && asked(PQexec(db, "SELECT 1"), PGRES_TUPLES_OK);
	if (!ok)
		fputs(PQerrorMessage(db), stderr);
	PQfinish(db);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct asker askers[CONNECTIONS_MOST] = {{0}};
	int n = argc == 4 ? atoi(argv[2]) : 0, seconds = argc == 4 ? atoi(argv[3]) : 0;
	uint64_t sum = 0;
	if (argc == 2)
		return ask_once(argv[1]);
	if (n < 1 || n > CONNECTIONS_MOST || seconds < 1 || seconds > SECONDS_MOST) {
		fputs("usage: query CONNINFO [CONNECTIONS SECONDS]\n", stderr);
		return 2;
	}
	for (int i = 0; i < n; i++)
		if (!start(&askers[i], argv[1]))
			return 1;
	sleep((unsigned)seconds);
	atomic_store(&over, true);
	for (int i = 0; i < n; i++) {
		pthread_join(askers[i].thread, NULL);
		PQfinish(askers[i].db);
		sum += askers[i].n;
	}
	printf("{\"mode\":\"query\",\"connections\":%d,\"per_second\":%.1f}\n", n,
	       (double)sum / seconds);
	return atomic_load(&broken) ? 1 : 0;
}
