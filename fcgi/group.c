/* group: several worker processes on one socket. See group.h for the contract. */
#include "fcgi/group.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

enum {
	BACKOFF_LEAST = 100, /* ms */
	BACKOFF_MOST = 30000,
	STEADY = 10000,	   /* ms after which a worker has proved itself */
	STOP_LIMIT = 15000 /* ms that all have to end */
};

struct member {
	pid_t pid; /* 0 while it does not run */
	int64_t started, start_at;
	int backoff;
};

struct group {
	unsigned n;
	int (*work)(void *ctx);
	void *ctx;
	struct member members[GROUP_MOST];
	bool stopping;
	int64_t kill_at;
	int result;
};

static void start(struct group *g, struct member *m)
{
	pid_t parent = getpid();
	m->started = clock_monotonic();
	m->pid = fork();
	if (m->pid < 0) {
		m->pid = 0;
		m->start_at = m->started + m->backoff;
	} else if (!m->pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		exit(getppid() == parent ? g->work(g->ctx) : EX_OK);
	}
}

static void signal_all(const struct group *g, int sig)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->members[i].pid)
			kill(g->members[i].pid, sig);
}

static void stop(struct group *g, int result)
{
	if (!g->stopping) {
		g->stopping = true;
		g->result = result;
		g->kill_at = clock_monotonic() + STOP_LIMIT;
	}
	signal_all(g, SIGTERM);
}

static void log_end_of(const struct member *m, int status)
{
	struct log_line l;
	log_begin(&l, LOG_WARNING, "worker-ended");
	log_int(&l, "pid", m->pid);
	if (WIFSIGNALED(status))
		log_int(&l, "signal", WTERMSIG(status));
	else
		log_int(&l, "exit", WEXITSTATUS(status));
	log_int(&l, "again-in-ms", m->backoff);
	log_end(&l);
}

static void ended(struct group *g, struct member *m, int status)
{
	int64_t now = clock_monotonic();
	if (now - m->started >= STEADY)
		m->backoff = BACKOFF_LEAST;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG)
		stop(g, EX_CONFIG);
	if (!g->stopping)
		log_end_of(m, status);
	m->pid = 0;
	m->start_at = now + m->backoff;
	m->backoff = 2 * m->backoff < BACKOFF_MOST ? 2 * m->backoff : BACKOFF_MOST;
}

static void reap(struct group *g)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (unsigned i = 0; i < g->n; i++)
			if (g->members[i].pid == pid)
				ended(g, &g->members[i], status);
}

/* Starts whose time has come; returns milliseconds until something else is to be done. */
static int64_t start_due(struct group *g)
{
	int64_t now = clock_monotonic(), left = 60000;
	for (unsigned i = 0; i < g->n; i++) {
		struct member *m = &g->members[i];
		if (!m->pid && m->start_at <= now)
			start(g, m);
		else if (!m->pid && m->start_at - now < left)
			left = m->start_at - now;
	}
	return left;
}

static bool any_running(const struct group *g)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->members[i].pid)
			return true;
	return false;
}

int group_run(unsigned n, int (*work)(void *ctx), void (*stopping)(void *ctx), void *ctx)
{
	struct group g = {.n = n, .work = work, .ctx = ctx};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (unsigned i = 0; i < n; i++)
		g.members[i].backoff = BACKOFF_LEAST;
	while (!g.stopping || any_running(&g)) {
		int64_t left = g.stopping ? 100 : start_due(&g);
		struct timespec t = {left / 1000, left % 1000 * 1000000};
		int sig = sigtimedwait(&set, NULL, &t);
		if (sig > 0 && sig != SIGCHLD) {
			stopping(ctx);
			stop(&g, EX_OK);
		}
		reap(&g);
		if (g.stopping && clock_monotonic() > g.kill_at)
			signal_all(&g, SIGKILL);
	}
	return g.result;
}
