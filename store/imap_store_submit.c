/* imap_store_submit: sending as the user. See imap_store.h. */
#include "store/imap_store_own.h"

#include <openssl/crypto.h>

#include "store/imap_intent.h"

static PG_STATEMENT(imap_smtp_host,
		    "SELECT coalesce(d.smtp_url, s.smtp_url),"
		    " CASE WHEN d.smtp_url IS NULL THEN s.smtp_tls ELSE d.smtp_tls END"
		    " FROM easel.domain d JOIN easel.account a ON a.domain_id = d.id,"
		    " easel.server s WHERE a.id = $1 AND d.smtp_as_user");

/* FOUND_NONE: the domain does not send like this. */
static enum found find_host(struct imap_store *s, struct smarthost *out, struct err *e)
{
	static const char *const words[] = {"none", "try", "required"};
	struct pg_params p = {0};
	pg_int(&p, s->who.account);
	struct pg_rows *r = pg_run(s->db, &imap_smtp_host, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool found = pg_count(r) == 1 && !pg_is_null(r, 0, 0);
	out->tls = SMTP_TLS_REQUIRED;
	if (found) {
		out->url = str_dup(s->arena, pg_get_str(r, 0, 0));
		for (int i = 0; i < 3; i++)
			if (str_eq(pg_get_str(r, 0, 1), str_of(words[i])))
				out->tls = (enum smtp_tls)i;
	}
	pg_done(&r);
	return found ? FOUND_ONE : FOUND_NONE;
}

/* Nobody has got it, and that may change. */
static bool all_later(const struct smtp_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (results[i].verdict != SMTP_LATER)
			return false;
	return true;
}

/* What the mail server said of each, as it is noted. */
static const char verdict_letters[] = {[SMTP_SENT] = 's', [SMTP_LATER] = 'l', [SMTP_NEVER] = 'n'};

static struct str note_results(struct arena *a, const struct smtp_result *results, size_t n)
{
	char *text = arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++)
		text[i] = verdict_letters[results[i].verdict];
	return (struct str){text, n};
}

/* A server that was asked before is asked no more about those of whom it has said something. */
static void recall_results(struct str outcome, struct smtp_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		results[i] = (struct smtp_result){.verdict = SMTP_SENT};
		for (size_t k = 0; outcome.n == n && k < sizeof verdict_letters; k++)
			if (outcome.p[i] == verdict_letters[k])
				results[i].verdict = (enum smtp_verdict)k;
		if (results[i].verdict == SMTP_NEVER)
			snprintf(results[i].reason, sizeof results[i].reason,
				 "the mail server has refused it");
	}
}

/* What was sent is noted at once, whatever becomes of the request that sent it. */
static bool send_noted(struct imap_store *s, struct imap_intent *intent,
		       const struct smarthost *host, const char *sender, struct str raw,
		       const char *const *recipients, size_t n, struct smtp_result *results,
		       struct err *e)
{
	if (!imap_intent_find(imap_store_aside(s), s->arena, intent, e))
		return false;
	if (intent->repeated) {
		recall_results(intent->outcome, results, n);
	} else {
		struct smtp *smtp = smtp_new(NULL);
		smtp_send(smtp, host, sender, raw, recipients, n, results);
		smtp_free(&smtp);
		if (all_later(results, n))
			return err_set(e, ERR_UNAVAILABLE, "mail server: %s", results[0].reason);
		intent->outcome = note_results(s->arena, results, n);
		if (!imap_intent_note(imap_store_aside(s), s->arena, intent, e))
			return false;
	}
	return imap_intent_done(s->db, s->arena, intent, e);
}

enum found store_imap_submit(struct store *store, int32_t account, struct str message_id,
			     const char *sender, struct str raw, const char *const *recipients,
			     size_t n, struct smtp_result *results, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct smarthost host = {0};
	struct imap_site site;
	if (!s->entered || account != s->who.account || !s->who.password.n)
		return FOUND_NONE;
	enum found found = find_host(s, &host, e);
	if (found != FOUND_ONE)
		return found;
	found = imap_site_of_account(s->db, s->arena, account, &site, e);
	if (found != FOUND_ONE)
		return found;
	struct imap_intent intent = {.account = account, .kind = "smtp", .message_id = message_id};
	intent.reference = str_of(
		arena_printf(s->arena, "%zu:%.*s", raw.n, STR_ARG(str_sub(message_id, 0, 900))));
	char *password = str_dup(s->arena, s->who.password);
	host.user = str_dup(s->arena, site.user);
	host.password = password;
	bool ok = send_noted(s, &intent, &host, sender, raw, recipients, n, results, e);
	OPENSSL_cleanse(password, s->who.password.n);
	return ok ? FOUND_ONE : FOUND_FAILED;
}
