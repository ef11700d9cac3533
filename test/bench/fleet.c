/* fleet: all phones of a run. See fleet.h for the contract. */
#include "test/bench/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/arena.h"

static const size_t ARENA_CAP = (size_t)64 << 20;

void fleet_move(struct phone *p, enum phone_state to)
{
	struct fleet *f = p->fleet;
	f->count[p->state]--;
	f->count[to]++;
	p->state = to;
	/* A first sync is measured from the moment when the first phone asks for items. */
	if (to == PHONE_FILLING && !f->begun)
		f->begun = loop_now();
}

void fleet_fail(struct phone *p, const char *why)
{
	struct fleet *f = p->fleet;
	if (!f->first_error[0])
		snprintf(f->first_error, sizeof f->first_error, "phone %u: %s", p->number, why);
	connection_close(&p->connection);
	fleet_move(p, PHONE_FAILED);
}

unsigned fleet_alive(const struct fleet *f)
{
	return f->settings->phones - f->count[PHONE_FAILED];
}

static void start_some(struct fleet *f)
{
	const struct settings *s = f->settings;
	while (f->started < s->phones &&
	       f->count[PHONE_STARTING] + f->count[PHONE_FILLING] < s->starting) {
		struct phone *p = &f->phones[f->started++];
		if (f->mode->hello) {
			fleet_move(p, PHONE_READY);
			f->mode->ready(p);
		} else {
			phone_start(p);
		}
	}
}

static void repeat_refused(struct fleet *f, int64_t now)
{
	for (unsigned i = 0; f->waiting && i < f->settings->phones; i++) {
		struct phone *p = &f->phones[i];
		if (p->again_at && p->again_at <= now)
			phone_again(p);
	}
}

static bool tick(void *ctx)
{
	struct fleet *f = ctx;
	int64_t now = loop_now();
	if (now >= f->give_up) {
		snprintf(f->first_error, sizeof f->first_error, "the run took too long");
		return false;
	}
	start_some(f);
	repeat_refused(f, now);
	return fleet_alive(f) > 0 && f->mode->tick(f, now);
}

static unsigned retries(const struct fleet *f)
{
	unsigned n = 0;
	for (unsigned i = 0; i < f->settings->phones; i++)
		n += f->phones[i].connection.retries;
	return n;
}

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(const struct fleet *f)
{
	json_t *o = json_pack("{sssIsIsIsIsI}", "mode", f->mode->name, "phones",
			      (json_int_t)f->settings->phones, "failed",
			      (json_int_t)f->count[PHONE_FAILED], "retries", (json_int_t)retries(f),
			      "expired", (json_int_t)f->expired, "refused", (json_int_t)f->refused);
	json_object_set_new(o, "error",
			    f->first_error[0] ? json_string(f->first_error) : json_null());
	json_object_set_new(o, "answers", json_integer((json_int_t)f->answers));
	json_object_set_new(o, "cpu", json_real(cpu_seconds()));
	f->mode->report(f, o);
	report_line(o);
}

bool fleet_run(struct fleet *f, const struct settings *s, const struct mode *m)
{
	*f = (struct fleet){.settings = s, .mode = m, .arena = arena_new(ARENA_CAP)};
	loop_init(&f->loop);
	f->give_up = loop_now() + s->limit * INT64_C(1000000000);
	f->phones = base_calloc(s->phones, sizeof *f->phones);
	f->count[PHONE_NEW] = s->phones;
	for (unsigned i = 0; i < s->phones; i++)
		phone_init(&f->phones[i], f, i);
	loop_run(&f->loop, tick, f);
	report(f);
	return !f->first_error[0];
}

void fleet_free(struct fleet *f)
{
	for (unsigned i = 0; i < f->settings->phones; i++)
		connection_close(&f->phones[i].connection);
	free(f->phones);
	samples_free(&f->samples);
	arena_free(&f->arena);
}
