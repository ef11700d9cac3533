/*
 * easel: the worker. Reads its options, opens the socket, and serves, alone or as one of a group.
 * Whatever keeps it from starting ends it with a line on standard error and a code of sysexits.h.
 */
#include <malloc.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log.h"
#include "fcgi/group.h"
#include "fcgi/listen.h"
#include "fcgi/options.h"
#include "fcgi/worker.h"
#include "store/password.h"

/*
 * Memory that a request may take: thrice the largest body, since a message that is forwarded is
 * held as it came, with its original, and as it goes; and what everything else takes.
 */
enum { ARENA_BODIES = 3 };
static const size_t ARENA_BESIDES = 64u << 20;

/* Most connections that wait for a thread, however many descriptors there are. */
enum { QUEUED_MOST = 16384 };

/* A path that somebody listens on is tried again for two seconds. */
enum { LISTEN_TRIES = 40, LISTEN_PAUSE = 50 * 1000 * 1000 /* ns */ };

static int complain(const struct err *e, int code)
{
	fprintf(stderr, "easel: %s\n", e->text);
	return code;
}

static int code_of(const struct err *e)
{
	return e->kind == ERR_INVALID  ? EX_USAGE
	       : e->kind == ERR_EXISTS ? EX_UNAVAILABLE
				       : EX_OSERR;
}

static void warn_lowered(const struct options *o, size_t possible, size_t descriptors)
{
	struct log_line l;
	log_begin(&l, LOG_WARNING, "max-parked-lowered");
	log_int(&l, "asked", o->max_parked);
	log_int(&l, "possible", (int64_t)possible);
	log_int(&l, "descriptors", (int64_t)descriptors);
	log_end(&l);
}

/*
 * Each parked request is a descriptor, so their number is lowered to what the system lets us have;
 * what is left is for connections that wait for a thread.
 */
static void fit_descriptors(const struct options *o, struct worker_config *c)
{
	struct rlimit limit;
	size_t besides = (size_t)o->threads * WORKER_DESCRIPTORS_EACH + WORKER_DESCRIPTORS;
	size_t room = (size_t)o->max_parked + QUEUED_MOST;
	c->max_parked = (size_t)o->max_parked;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
		if (limit.rlim_cur != RLIM_INFINITY)
			room = limit.rlim_cur > besides ? limit.rlim_cur - besides : 1;
	}
	if (c->max_parked > room) {
		c->max_parked = room;
		warn_lowered(o, room, limit.rlim_cur);
	}
	room -= c->max_parked;
	c->max_queued = room < QUEUED_MOST ? room : QUEUED_MOST;
}

static bool load_key(const char *path, unsigned char key[PASSWORD_KEY], struct err *e)
{
	if (path)
		return password_key_load(path, key, e);
	if (getrandom(key, PASSWORD_KEY, 0) == PASSWORD_KEY)
		return true;
	return err_set(e, ERR_UNAVAILABLE, "no random bytes");
}

/* Workers whose parent was killed leave the path within a moment. */
static bool open_listener(struct listener *l, const struct options *o, struct err *e)
{
	const struct timespec moment = {.tv_nsec = LISTEN_PAUSE};
	if (!o->socket)
		return listen_inherit(l, e);
	for (int tries = 1; !listen_open(l, o->socket, (mode_t)o->socket_mode, e); tries++) {
		if (e->kind != ERR_EXISTS || tries == LISTEN_TRIES)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

struct program {
	struct options options;
	struct listener listener;
	struct worker_config config;
	pid_t parent; /* of a group */
};

static int work(void *ctx)
{
	struct program *p = ctx;
	return worker_run(&p->config);
}

static void stopping(void *ctx)
{
	struct program *p = ctx;
	listen_unlink(&p->listener);
}

/* A worker stops because its parent died: what is started instead is to find the path free. */
static void stopping_alone(void *ctx)
{
	const struct program *p = ctx;
	if (getppid() != p->parent)
		stopping(ctx);
}

/* Options to a configuration. EX_OK, or the code to end with, *e saying why. */
static int prepare(struct program *p, struct err *e)
{
	const struct options *o = &p->options;
	struct worker_config *c = &p->config;
	enum log_level level;
	if (!log_level_parse(o->log_level, &level)) {
		err_set(e, ERR_INVALID, "--log-level: %s", o->log_level);
		return EX_USAGE;
	}
	log_setup(level, o->log_json);
	if (!load_key(o->key_file, c->server.key, e))
		return EX_CONFIG;
	c->nthreads = (unsigned)o->threads;
	fit_descriptors(o, c);
	c->server.database = o->database;
	c->server.max_body = (size_t)o->max_body;
	c->server.arena_cap = ARENA_BODIES * (size_t)o->max_body + ARENA_BESIDES;
	if (!open_listener(&p->listener, o, e))
		return code_of(e);
	c->listener = p->listener.fd;
	c->drain = !p->listener.inherited;
	return EX_OK;
}

static int run(struct program *p)
{
	unsigned workers = (unsigned)p->options.workers;
	worker_block_signals();
	p->parent = getpid();
	p->config.stopping = workers > 1 ? stopping_alone : stopping;
	p->config.ctx = p;
	if (workers > 1)
		return group_run(workers, work, stopping, p);
	int result = worker_run(&p->config);
	listen_unlink(&p->listener);
	return result;
}

/* glibc would keep blocks of up to 32 MiB for the next request once it has seen some. */
static void return_large_blocks(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

int main(int argc, char **argv)
{
	struct program p = {.listener.fd = -1};
	struct err e;

	return_large_blocks();
	options_default(&p.options);
	if (!options_parse(&p.options, argc, argv, &e))
		return complain(&e, EX_USAGE);
	if (p.options.help) {
		options_help(stdout);
		return EX_OK;
	}
	if (p.options.version) {
		puts("easel " EASEL_VERSION);
		return EX_OK;
	}
	int code = prepare(&p, &e);
	return code == EX_OK ? run(&p) : complain(&e, code);
}
