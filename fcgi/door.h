/*
 * door: where connections come in: the listening socket, and a queue of those that were accepted
 * while every thread was busy.
 *
 * The system keeps some thousand connections that nobody has accepted yet, and refuses the next on
 * a Unix socket, which a web server passes on as an error. When one change wakes many thousand
 * phones, they all come at once. So a thread that begins a request takes some of the others in, as
 * far as descriptors last; idle threads take theirs straight from the socket.
 *
 * Failure rule: nothing fails; trouble with the socket is logged, and tried again.
 * Thread: door_next() by each thread under its own number, the rest by the one that made the door.
 */
#ifndef EASEL_FCGI_DOOR_H
#define EASEL_FCGI_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct door;

/*
 * listener stays the caller's; it becomes non-blocking, which any other process that shares it has
 * to bear. nthreads will call door_next(); the queue holds at most `most` connections (0: none).
 */
struct door *door_new(int listener, unsigned nthreads, size_t most);

/*
 * The next connection, blocking, and the caller's to close. Waits for one; those whose peer has
 * gone while they were queued are closed here. -1 once the door is shut and nothing is left to be
 * served.
 */
int door_next(struct door *d, unsigned thread);

/*
 * What is in the queue is still given out. With `drain` so is what waits in the listener, because
 * nobody else would take it, until clock_monotonic() is `until`.
 */
void door_shut(struct door *d, bool drain, int64_t until);

/* Connections in the queue now. */
size_t door_queued(struct door *d);

/* After the last door_next(). Closes what is in the queue. Sets the pointer to NULL. */
void door_free(struct door **d);

#endif
