/*
 * hello: the least that a FastCGI application can do, as the yardstick for what the server does on
 * top: threads that accept a request and answer it with a few bytes.
 *
 *     hello SOCKET THREADS
 *
 * Threads do not share a lock around the accept: the kernel hands out connections well enough.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKLOG = 1024, THREADS_MOST = 256 };

static void *serve(void *ctx)
{
	FCGX_Request r;
	if (FCGX_InitRequest(&r, *(const int *)ctx, 0))
		return NULL;
	while (FCGX_Accept_r(&r) == 0) {
		FCGX_PutS("Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n", r.out);
		FCGX_Finish_r(&r);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MOST];
	int n = argc == 3 ? atoi(argv[2]) : 0;
	if (n < 1 || n > THREADS_MOST) {
		fputs("usage: hello SOCKET THREADS\n", stderr);
		return 2;
	}
	int listener = FCGX_Init() == 0 ? FCGX_OpenSocket(argv[1], BACKLOG) : -1;
	if (listener < 0) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, serve, &listener)) {
			perror("thread");
			return 1;
		}
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
