/* The door: connections from the socket, from the queue, and the end, with one thread and several.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "fcgi/door.h"

struct fixture {
	int listener;
	struct sockaddr_in address;
	struct door *door;
};

static int set_up(void **state)
{
	struct fixture *f = base_calloc(1, sizeof *f);
	socklen_t n = sizeof f->address;
	f->address = (struct sockaddr_in){.sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(f->listener, (struct sockaddr *)&f->address, n) || listen(f->listener, 512) ||
	    getsockname(f->listener, (struct sockaddr *)&f->address, &n))
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	door_free(&f->door);
	close(f->listener);
	free(f);
	return 0;
}

/* A connection on which one byte was sent, by which it is known again. */
static int come(struct fixture *f, char name)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof f->address), 0);
	assert_int_equal(write(fd, &name, 1), 1);
	return fd;
}

/* Reads the name of the next connection and closes it; 0 at the end. */
static char next(struct fixture *f)
{
	char name = 0;
	int fd = door_next(f->door, 0);
	if (fd < 0)
		return 0;
	assert_int_equal(read(fd, &name, 1), 1);
	close(fd);
	return name;
}

static void who_comes_first_is_served_first(void **state)
{
	struct fixture *f = *state;
	int fds[100];
	f->door = door_new(f->listener, 1, 1000);
	for (int i = 0; i < 100; i++)
		fds[i] = come(f, (char)('a' + i % 26));
	for (int i = 0; i < 100; i++)
		assert_int_equal(next(f), 'a' + i % 26);
	assert_int_equal(door_queued(f->door), 0);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
}

static void a_busy_thread_takes_some_in_as_far_as_there_is_room(void **state)
{
	struct fixture *f = *state;
	int fds[100];
	f->door = door_new(f->listener, 1, 40);
	for (int i = 0; i < 100; i++)
		fds[i] = come(f, 'x');
	next(f);
	assert_int_equal(door_queued(f->door), 32);
	next(f);
	assert_int_equal(door_queued(f->door), 40);
	for (int i = 2; i < 100; i++)
		next(f);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
}

static void without_room_nobody_is_taken_in(void **state)
{
	struct fixture *f = *state;
	f->door = door_new(f->listener, 1, 0);
	int one = come(f, '1'), two = come(f, '2');
	assert_int_equal(next(f), '1');
	assert_int_equal(door_queued(f->door), 0);
	assert_int_equal(next(f), '2');
	close(one);
	close(two);
}

static void who_left_meanwhile_is_passed_over(void **state)
{
	struct fixture *f = *state;
	f->door = door_new(f->listener, 1, 10);
	int one = come(f, '1'), two = come(f, '2'), three = come(f, '3');
	assert_int_equal(next(f), '1');
	close(two);
	assert_int_equal(next(f), '3');
	close(one);
	close(three);
}

static void a_shut_door_gives_out_what_is_in_the_queue(void **state)
{
	struct fixture *f = *state;
	f->door = door_new(f->listener, 1, 2);
	int fds[5];
	for (int i = 0; i < 5; i++)
		fds[i] = come(f, (char)('0' + i));
	assert_int_equal(next(f), '0');
	door_shut(f->door, false, 0);
	assert_int_equal(next(f), '1');
	assert_int_equal(next(f), '2');
	assert_int_equal(next(f), 0);
	assert_int_equal(next(f), 0);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

static void a_shut_door_that_drains_serves_all_who_came(void **state)
{
	struct fixture *f = *state;
	f->door = door_new(f->listener, 1, 2);
	int fds[5];
	for (int i = 0; i < 5; i++)
		fds[i] = come(f, (char)('0' + i));
	door_shut(f->door, true, clock_monotonic() + 10000);
	for (int i = 0; i < 5; i++)
		assert_int_equal(next(f), '0' + i);
	assert_int_equal(next(f), 0);

	/* But not for ever. */
	int late = come(f, 'l');
	door_shut(f->door, true, clock_monotonic() - 1);
	assert_int_equal(next(f), 0);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	close(late);
}

/* ---- Several threads ---- */

enum { THREADS = 4, GUESTS = 3000, AT_ONCE = 60 };

struct servant {
	struct fixture *f;
	unsigned number;
	pthread_t id;
};

static atomic_uint served;

static void *serve_all(void *ctx)
{
	struct servant *s = ctx;
	for (int fd; (fd = door_next(s->f->door, s->number)) >= 0;) {
		char name;
		if (read(fd, &name, 1) == 1)
			atomic_fetch_add(&served, 1);
		if (name == 's') /* a slow one: others have to be taken in */
			usleep(2000);
		close(fd);
	}
	return NULL;
}

static void every_guest_is_served_by_one_of_several_threads(void **state)
{
	struct fixture *f = *state;
	struct servant servants[THREADS];
	f->door = door_new(f->listener, THREADS, 100);
	atomic_store(&served, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		servants[i] = (struct servant){.f = f, .number = i};
		assert_int_equal(pthread_create(&servants[i].id, NULL, serve_all, &servants[i]), 0);
	}
	/* Several at a time: the next ones come while the first are served. */
	for (int i = 0; i < GUESTS; i += AT_ONCE) {
		int fds[AT_ONCE];
		char end;
		for (int k = 0; k < AT_ONCE; k++)
			fds[k] = come(f, (i + k) % 50 ? 'q' : 's');
		for (int k = 0; k < AT_ONCE; k++) {
			assert_int_equal(read(fds[k], &end, 1), 0);
			close(fds[k]);
		}
	}
	door_shut(f->door, false, 0);
	int64_t began = clock_monotonic();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(servants[i].id, NULL);
	assert_int_equal(atomic_load(&served), GUESTS);
	assert_true(clock_monotonic() - began < 500); /* idle threads hear of it */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_comes_first_is_served_first),
		TEST(a_busy_thread_takes_some_in_as_far_as_there_is_room),
		TEST(without_room_nobody_is_taken_in),
		TEST(who_left_meanwhile_is_passed_over),
		TEST(a_shut_door_gives_out_what_is_in_the_queue),
		TEST(a_shut_door_that_drains_serves_all_who_came),
		TEST(every_guest_is_served_by_one_of_several_threads),
	};
	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
