/*
 * server: the mailbox on an IMAP server, between the phone and everybody else. Each of the two sees
 * it through an account and an index of its own, so that what one does comes to the other only by
 * way of the server, as from another mail program.
 *
 * The server is killed and started again, at any moment of a request, by the program that started
 * it: test/lab/with_database.py --dovecot. A message has a Message-ID of its own, by which it is
 * known wherever it lies.
 */
#ifndef EASEL_TEST_FAULTS_SERVER_H
#define EASEL_TEST_FAULTS_SERVER_H

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/imap_store.h"
#include "test/faults/model.h"

#define SERVER_PASSWORD "secret"

static int server_control = -1;
static const unsigned char server_digest[32] = {1};

static void server_enter(struct store *s, int32_t account)
{
	const struct imap_person who = {.account = account,
					.address = STR("anna@faults.test"),
					.password = STR(SERVER_PASSWORD),
					.digest = server_digest};
	store_imap_leave(s);
	store_imap_enter(s, &who);
}

/* A new request of either: connections go back to their pools. */
static void server_enter_both(void)
{
	if (!m->pool)
		return;
	server_enter(m->store, m->account);
	server_enter(m->others, m->others_account);
}

/* What the server has is taken into the index of the phone or of the others. */
static void server_look(bool others)
{
	struct err e = {0};
	if (!m->pool)
		return;
	struct store *s = others ? m->others : m->store;
	int32_t account = others ? m->others_account : m->account;
	const int32_t *folders = others ? m->others_folder : m->folder;
	if (!m->real->refresh(s, account, folders, FOLDERS, &e))
		model_wrong("the IMAP server can't be looked at: %s", e.text);
}

/* ---- Its end ---- */

static bool server_say(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("EASEL_TEST_IMAP_CONTROL");
	if (server_control < 0 && path) {
		snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
		server_control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(server_control, (struct sockaddr *)&address, sizeof address) != 0)
			model_wrong("nobody is there to kill the IMAP server");
	}
	return write(server_control, text, strlen(text)) == (ssize_t)strlen(text);
}

/* It is killed in a while, in the midst of what is done then. */
static void server_kill(void)
{
	char command[32];
	snprintf(command, sizeof command, "kill %u\n", chance(60));
	m->killing = server_say(command);
	model_trace(" the IMAP server is killed");
}

/* Until it serves again. */
static void server_await(void)
{
	char answer[8];
	if (!m->killing)
		return;
	m->killing = false;
	if (read(server_control, answer, sizeof answer) <= 0)
		model_wrong("the IMAP server does not come back");
	server_enter_both();
}

/* ---- Each message once ---- */

/* The number of the messages in both folders; one that is there twice is wrong. */
static int server_count(struct arena *a)
{
	enum { MOST = FOLDERS * ITEMS_MAX };
	struct str *seen = arena_array(a, MOST, sizeof *seen);
	int n = 0;
	for (int at = 0; at < FOLDERS && !m->wrong[0]; at++) {
		struct err e = {0};
		struct items items = {0};
		struct summary *v;
		int64_t uids[ITEMS_MAX];
		if (!m->real->newest(m->others, a, m->others_account, m->others_folder[at],
				     INT64_MAX, INT64_MIN, ITEMS_MAX, &items, &e))
			model_wrong("%s", e.text);
		for (size_t i = 0; i < items.n; i++)
			uids[i] = items.v[i].uid;
		if (!m->real->summaries(m->others, a, m->others_account, m->others_folder[at], uids,
					items.n, &v, &e))
			model_wrong("%s", e.text);
		for (size_t i = 0; i < items.n && !m->wrong[0]; i++)
			if (v[i].found)
				seen[n++] = v[i].message->message_id;
	}
	for (int i = 0; i < n; i++)
		for (int k = i + 1; k < n; k++)
			if (str_eq(seen[i], seen[k]))
				model_wrong("the message %.*s is there twice", STR_ARG(seen[i]));
	return n;
}

/* Nothing is there twice, and no more is missing than was removed since the last time. */
static void server_check(void)
{
	struct arena *a = arena_new(256 * 1024 * 1024);
	server_look(true);
	int n = server_count(a);
	if (m->messages + m->added - n > m->removed)
		model_wrong("of %d messages and %d that came %d are left, and %d were removed",
			    m->messages, m->added, n, m->removed);
	m->messages = n;
	m->added = m->removed = 0;
	arena_free(&a);
}

#endif
