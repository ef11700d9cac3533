/* gate: whether a request may come in. See gate.h for the contract. */
#include "core/gate.h"

#include "core/base/arena.h"
#include "core/imap_login.h"
#include "core/login.h"
#include "store/device.h"
#include "store/password.h"

bool gate_device_id_valid(struct str id)
{
	if (id.n < 1 || id.n > 64)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

bool gate_device_is_trial(struct str id)
{
	return str_eq_nocase(id, STR("validate"));
}

/* A password that matches no remembered one: throttled, checked, remembered. */
static bool check_slowly(struct session *s, const struct request *rq, const struct login *login,
			 const struct gate_row *g, struct str digest, struct err *e)
{
	if (g->throttled)
		return err_set(e, ERR_LOGIN, "too many wrong passwords from this address");
	if (!password_verify(login->password, g->password_hash)) {
		struct err ignored = {0};
		account_count_failure(s->db, s->arena, g->account, rq->remote_addr, &ignored);
		return err_set(e, ERR_LOGIN, "wrong password");
	}
	return account_remember_login(s->db, s->arena, g->account, digest, rq->remote_addr, e);
}

static bool check_password(struct session *s, const struct request *rq, const struct login *login,
			   const struct gate_row *g, struct err *e)
{
	unsigned char digest[PASSWORD_DIGEST];
	if (!g->password_hash.p)
		return imap_login_check(s, rq, login, g, e);
	password_digest(s->server->key, g->account, g->password_hash, login->password, digest);
	struct str fresh = {(const char *)digest, sizeof digest};
	if (g->remembered.n == fresh.n && password_digest_equal(g->remembered.p, digest))
		return true;
	return check_slowly(s, rq, login, g, fresh, e);
}

static enum found ask(struct session *s, const struct request *rq, struct str name,
		      const struct gate_quiet *quiet, struct gate_row *out, struct err *e)
{
	return account_gate(s->db, s->arena, name, rq->eas.device_id, rq->remote_addr, quiet, out,
			    e);
}

/* A name that is no account's may still stand for one, or become one by this login. */
static enum found find(struct session *s, const struct request *rq, const struct login *login,
		       const struct gate_quiet *quiet, struct gate_row *out, struct err *e)
{
	struct str address;
	enum found found = ask(s, rq, str_lower(s->arena, login->name), quiet, out, e);
	if (found != FOUND_NONE)
		return found;
	found = imap_login_first(s, rq, login, &address, e);
	return found == FOUND_ONE ? ask(s, rq, address, quiet, out, e) : found;
}

bool gate_login(struct session *s, const struct request *rq, const struct gate_quiet *quiet,
		struct gate_row *out, struct err *e)
{
	struct login login;
	if (!login_decode(s->secrets, rq->authorization, &login))
		return err_set(e, ERR_LOGIN, "no credentials");
	switch (find(s, rq, &login, quiet, out, e)) {
	case FOUND_FAILED:
		return false;
	case FOUND_NONE:
		/* The same work as for a real account, so that time does not tell who exists. */
		password_verify_nobody(login.password);
		return err_set(e, ERR_LOGIN, "no such account");
	case FOUND_ONE:
		break;
	}
	if (!check_password(s, rq, &login, out, e))
		return false;
	if (!out->enabled)
		return err_set(e, ERR_FORBIDDEN, "the account or its domain is disabled");
	return true;
}

bool gate_device(struct session *s, const struct request *rq, struct gate_row *g, struct err *e)
{
	const struct device_contact contact = {
		.device_id = rq->eas.device_id,
		.type = rq->eas.device_type,
		.user_agent = rq->user_agent,
		.protocol_version = (int)rq->eas.version,
	};
	if (gate_device_is_trial(rq->eas.device_id))
		return true;
	if (g->device == 0)
		return device_register(s->db, s->arena, g->account, &contact, &g->device, e);
	bool same = str_eq(g->device_type, contact.type) &&
		    g->protocol_version == contact.protocol_version;
	if (same && !g->stale)
		return true;
	return device_touch(s->db, s->arena, g->device, &contact, e);
}
