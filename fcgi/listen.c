/* listen: the socket that the web server connects to. See listen.h for the contract. */
#include "fcgi/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, FIRST_PASSED = 3 /* SD_LISTEN_FDS_START */ };

static bool failed(struct err *e, const char *what, const char *address)
{
	return err_set(e, ERR_UNAVAILABLE, "%s %s: %s", what, address, strerrordesc_np(errno));
}

/* ---- A path ---- */

static bool set_path(struct sockaddr_un *a, const char *path, struct err *e)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a->sun_path)
		return err_set(e, ERR_INVALID, "the socket's path is too long: %s", path);
	strcpy(a->sun_path, path);
	return true;
}

/* Removes a socket that nobody listens on any more; anything else stays. */
static bool remove_stale(const struct sockaddr_un *a, struct err *e)
{
	struct stat st;
	if (lstat(a->sun_path, &st))
		return errno == ENOENT || failed(e, "can't look at", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_EXISTS, "%s is not a socket", a->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead = connect(fd, (const struct sockaddr *)a, sizeof *a) && errno == ECONNREFUSED;
	close(fd);
	if (!dead)
		return err_set(
			e, ERR_EXISTS,
			"another process listens on %s (several workers on one path: --workers)",
			a->sun_path);
	return !unlink(a->sun_path) || failed(e, "can't remove", a->sun_path);
}

static bool bind_path(struct listener *l, const struct sockaddr_un *a, mode_t mode, struct err *e)
{
	struct stat st;
	if (!remove_stale(a, e))
		return false;
	mode_t old = umask(~mode & 0777);
	int result = bind(l->fd, (const struct sockaddr *)a, sizeof *a);
	umask(old);
	if (result || lstat(a->sun_path, &st))
		return failed(e, "can't make", a->sun_path);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return !listen(l->fd, BACKLOG) || failed(e, "can't listen on", a->sun_path);
}

/* The folder is locked meanwhile: of two that find a stale socket one would remove the other's. */
static bool open_path(struct listener *l, const char *path, mode_t mode, struct err *e)
{
	struct sockaddr_un a;
	if (!set_path(&a, path, e))
		return false;
	char *copy = strdup(path);
	int folder = open(copy ? dirname(copy) : "", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (folder < 0 || flock(folder, LOCK_EX)) {
		failed(e, "can't use the folder of", path);
		if (folder >= 0)
			close(folder);
		return false;
	}
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = bind_path(l, &a, mode, e);
	close(folder);
	l->path = path;
	return ok;
}

/* ---- A port ---- */

/* "HOST:PORT" or "[HOST]:PORT" into NUL-terminated parts; false when it is neither. */
static bool split(char *address, char **host, char **port)
{
	char *colon = strrchr(address, ':');
	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	*colon = '\0';
	*port = colon + 1;
	*host = address;
	size_t n = strlen(address);
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
		address[n - 1] = '\0';
		*host = address + 1;
	}
	return true;
}

static bool bind_port(struct listener *l, const struct addrinfo *a)
{
	const int on = 1, off = 0;
	l->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	if (l->fd < 0)
		return false;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (a->ai_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (!bind(l->fd, a->ai_addr, a->ai_addrlen) && !listen(l->fd, BACKLOG))
		return true;
	close(l->fd);
	return false;
}

static bool open_port(struct listener *l, const char *address, struct err *e)
{
	struct addrinfo want = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found = NULL;
	char *copy = strdup(address), *host, *port;
	if (!copy || !split(copy, &host, &port)) {
		free(copy);
		return err_set(e, ERR_INVALID, "neither a path nor HOST:PORT: %s", address);
	}
	int result = getaddrinfo(*host ? host : NULL, port, &want, &found);
	free(copy);
	if (result)
		return err_set(e, ERR_INVALID, "%s: %s", address, gai_strerror(result));
	bool ok = false;
	for (const struct addrinfo *a = found; a && !ok; a = a->ai_next)
		ok = bind_port(l, a);
	int saved = errno;
	freeaddrinfo(found);
	errno = saved;
	if (!ok && errno == EADDRINUSE)
		return err_set(e, ERR_EXISTS, "another program listens on %s", address);
	return ok || failed(e, "can't listen on", address);
}

bool listen_open(struct listener *l, const char *address, mode_t mode, struct err *e)
{
	*l = (struct listener){.fd = -1};
	if (strchr(address, '/'))
		return open_path(l, address, mode, e);
	return open_port(l, address, e);
}

/* ---- Inherited ---- */

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t n = sizeof on;
	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) && on;
}

/* sd_listen_fds(3): the descriptors are meant for us only if the number is ours. */
static bool passed_by_systemd(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	return pid && n && atol(pid) == (long)getpid() && atol(n) >= 1;
}

bool listen_inherit(struct listener *l, struct err *e)
{
	*l = (struct listener){.fd = -1, .inherited = true};
	if (passed_by_systemd() && is_listening(FIRST_PASSED))
		l->fd = FIRST_PASSED;
	else if (is_listening(STDIN_FILENO))
		l->fd = STDIN_FILENO;
	else
		return err_set(e, ERR_INVALID,
			       "no socket: give --socket, or start through spawn-fcgi or systemd");
	return true;
}

void listen_unlink(struct listener *l)
{
	struct stat st;
	if (l->path && !lstat(l->path, &st) && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->path);
	l->path = NULL;
}
