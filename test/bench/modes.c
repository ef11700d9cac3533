/*
 * modes: what a run measures. See modes.h for the contract.
 *
 * What `park` and `wake` have to do with others (a statement that touches every account, a
 * delivery) is done by the driver, which reads the events that they print, with times of
 * CLOCK_MONOTONIC.
 */
#include "test/bench/modes.h"

#include <string.h>

static const int64_t MS = 1000000;

static void no_wake(struct phone *p)
{
	fleet_fail(p, "a Ping was answered that nobody sent");
}

static bool all_in(const struct fleet *f, enum phone_state state)
{
	return f->count[state] == fleet_alive(f);
}

/* ---- nochange, hello: the same request again and again, from all connections ---- */

static void repeat(struct phone *p)
{
	if (p->fleet->mode->hello)
		phone_hello(p);
	else
		phone_sync(p);
}

static void repeat_ready(struct phone *p)
{
	(void)p; /* until all are */
}

static void repeat_answered(struct phone *p)
{
	struct fleet *f = p->fleet;
	if (p->connection.asked >= f->from && p->answered_at <= f->until)
		samples_add(&f->samples, p->answered_at - p->connection.asked);
	if (p->answered_at < f->until)
		repeat(p);
	else
		phone_end(p);
}

static bool repeat_tick(struct fleet *f, int64_t now)
{
	const struct settings *s = f->settings;
	if (f->until)
		return !all_in(f, PHONE_DONE);
	if (!all_in(f, PHONE_READY))
		return true;
	f->from = now + s->warm_up_ms * MS;
	f->until = f->from + s->seconds * 1000 * MS;
	f->items = f->bytes = 0;
	for (unsigned i = 0; i < s->phones; i++)
		if (f->phones[i].state == PHONE_READY)
			repeat(&f->phones[i]);
	return true;
}

static void repeat_report(const struct fleet *f, json_t *out)
{
	struct samples s = f->samples;
	json_object_set_new(out, "requests", json_integer((json_int_t)s.n));
	json_object_set_new(out, "per_second", json_real((double)s.n / f->settings->seconds));
	json_object_set_new(out, "items", json_integer((json_int_t)f->items));
	json_object_set_new(out, "bytes", json_integer((json_int_t)f->bytes));
	json_object_set_new(out, "ms", samples_json(&s, 0));
}

/* ---- fill: the first sync of a folder ---- */

static void fill_ready(struct phone *p)
{
	struct fleet *f = p->fleet;
	f->until = p->answered_at;
	samples_add(&f->samples, f->until - f->begun);
	phone_end(p);
}

static bool fill_tick(struct fleet *f, int64_t now)
{
	(void)now;
	return !all_in(f, PHONE_DONE);
}

static void fill_report(const struct fleet *f, json_t *out)
{
	struct samples s = f->samples;
	double seconds = (double)(f->until - f->begun) / 1e9;
	json_object_set_new(out, "items", json_integer((json_int_t)f->items));
	json_object_set_new(out, "bytes", json_integer((json_int_t)f->bytes));
	json_object_set_new(out, "seconds", json_real(seconds));
	json_object_set_new(out, "per_second",
			    json_real(seconds > 0 ? (double)f->items / seconds : 0));
	json_object_set_new(out, "phones_ms", samples_json(&s, 0));
}

/* ---- park and wake: phones that wait ---- */

/* A Ping on its way looks like a parked one from here: so long a quiet time tells. */
static bool have_settled(const struct fleet *f, int64_t now)
{
	return all_in(f, PHONE_PARKED) && !f->waiting &&
	       now - f->parked_at >= f->settings->settle_ms * MS;
}

static void announce_parked(struct fleet *f)
{
	f->announced = true;
	report_line(json_pack("{sssIsI}", "event", "parked", "phones",
			      (json_int_t)f->count[PHONE_PARKED], "at", (json_int_t)f->parked_at));
}

static void park_woken(struct phone *p)
{
	struct fleet *f = p->fleet;
	/* Before all are parked this is a change that came while others were starting. */
	if (!f->announced) {
		phone_sync(p);
		return;
	}
	samples_add(&f->samples, p->answered_at);
	f->until = p->answered_at;
}

/* All are awake: told with absolute times, since only the driver knows when it began. */
static void announce_woken(struct fleet *f)
{
	int64_t first = f->samples.v[0];
	json_t *o = json_pack("{sssIsIsI}", "event", "woken", "phones", (json_int_t)f->samples.n,
			      "first", (json_int_t)first, "last", (json_int_t)f->until);
	json_object_set_new(o, "ms_after_first", samples_json(&f->samples, first));
	report_line(o);
	samples_clear(&f->samples);
	f->announced = false;
	f->round++;
}

/* What the driver compares with `at` of the next "parked": all sync at once, and wait again. */
static void sync_all(struct fleet *f)
{
	report_line(json_pack("{sssI}", "event", "again", "at", (json_int_t)loop_now()));
	for (unsigned i = 0; i < f->settings->phones; i++)
		if (f->phones[i].state == PHONE_READY)
			phone_sync(&f->phones[i]);
}

static bool park_tick(struct fleet *f, int64_t now)
{
	if (!f->announced && have_settled(f, now)) {
		if (f->round >= f->settings->rounds)
			return false;
		announce_parked(f);
	} else if (f->announced && f->samples.n && all_in(f, PHONE_READY)) {
		announce_woken(f);
		sync_all(f);
	}
	return true;
}

static void wake_woken(struct phone *p)
{
	struct fleet *f = p->fleet;
	report_line(json_pack("{sssIsIsI}", "event", "woken", "phone", (json_int_t)p->number,
			      "account", (json_int_t)(p->number % f->settings->accounts), "at",
			      (json_int_t)p->answered_at));
	f->announced = false;
	f->round++;
	phone_sync(p);
}

static bool wake_tick(struct fleet *f, int64_t now)
{
	if (!f->announced && have_settled(f, now)) {
		if (f->round >= f->settings->rounds)
			return false;
		announce_parked(f);
	}
	return true;
}

/* ---- stream: phones wait, sync and wait again while mail comes for them; some break off ---- */

static void stream_woken(struct phone *p)
{
	struct fleet *f = p->fleet;
	if (f->announced)
		report_line(json_pack("{sssIsI}", "event", "woken", "account",
				      (json_int_t)(p->number % f->settings->accounts), "at",
				      (json_int_t)p->answered_at));
	f->round++;
	phone_sync(p);
}

/* Phones in turn hang up in the midst of a wait and come again at once, so many a second. */
static void break_off(struct fleet *f, int64_t now)
{
	const struct settings *s = f->settings;
	int64_t due = (now - f->from) * s->breaks / (1000 * MS);
	for (unsigned tries = 0; f->broken < due && tries < s->phones; tries++) {
		struct phone *p = &f->phones[f->next_break++ % s->phones];
		if (p->state != PHONE_PARKED || p->again_at)
			continue;
		connection_close(&p->connection);
		f->broken++;
		phone_ping(p);
	}
}

static bool stream_tick(struct fleet *f, int64_t now)
{
	if (!f->announced) {
		if (!have_settled(f, now))
			return true;
		announce_parked(f);
		f->from = now;
		f->until = now + f->settings->seconds * 1000 * MS;
	}
	break_off(f, now);
	return now < f->until;
}

static void park_report(const struct fleet *f, json_t *out)
{
	json_object_set_new(out, "rounds", json_integer(f->round));
	json_object_set_new(out, "broken", json_integer(f->broken));
	json_object_set_new(out, "parked_at", json_integer((json_int_t)f->parked_at));
	json_object_set_new(out, "items", json_integer((json_int_t)f->items));
}

/* ---- The table ---- */

static const struct mode modes[] = {
	{"hello", "the bytes of a Sync to the address given, again and again", true, repeat_ready,
	 repeat_answered, no_wake, repeat_tick, repeat_report},
	{"nochange", "Sync that finds nothing, again and again", false, repeat_ready,
	 repeat_answered, no_wake, repeat_tick, repeat_report},
	{"fill", "the first sync of an inbox", false, fill_ready, fill_ready, no_wake, fill_tick,
	 fill_report},
	{"park", "all wait; all are woken, sync at once and wait again, --rounds times", false,
	 phone_ping, phone_ping, park_woken, park_tick, park_report},
	{"stream", "all wait; whoever is woken syncs and waits again, for --seconds", false,
	 phone_ping, phone_ping, stream_woken, stream_tick, park_report},
	{"wake", "all wait; whoever is woken syncs and waits again, until --rounds were", false,
	 phone_ping, phone_ping, wake_woken, wake_tick, park_report},
};

enum { MODES = sizeof modes / sizeof *modes };

const struct mode *mode_find(const char *name)
{
	for (size_t i = 0; i < MODES; i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

void modes_help(FILE *out)
{
	for (size_t i = 0; i < MODES; i++)
		fprintf(out, "  %-10s %s\n", modes[i].name, modes[i].help);
}
