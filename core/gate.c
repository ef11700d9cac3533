/* gate: whether a request may come in. See gate.h for the contract. */
#include "core/gate.h"

#include "core/base/arena.h"
#include "core/imap_login.h"
#include "core/ldap_login.h"
#include "core/login.h"
#include "core/status.h"
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

static bool refuse(struct session *s, const struct request *rq, struct str name, const char *why,
		   struct err *e)
{
	struct err ignored = {0};
	account_count_failure(s->db, s->arena, name, rq->remote_addr, &ignored);
	return err_set(e, ERR_LOGIN, "%s", why);
}

static bool refuse_throttled(struct err *e)
{
	return err_set(e, ERR_LOGIN, "too many wrong passwords from this address");
}

/* The same work as for a real account, so that time does not tell who exists. */
static bool refuse_nobody(struct session *s, const struct request *rq, const struct login *login,
			  const struct gate_row *g, const char *why, struct err *e)
{
	if (g->throttled)
		return refuse_throttled(e);
	password_verify_nobody(login->password);
	return refuse(s, rq, g->account ? g->address : login->name, why, e);
}

/* A password that matches no remembered one: throttled, checked, remembered. */
static bool check_slowly(struct session *s, const struct request *rq, const struct login *login,
			 const struct gate_row *g, struct str digest, struct err *e)
{
	if (g->throttled)
		return refuse_throttled(e);
	if (!password_verify(login->password, g->password_hash))
		return refuse(s, rq, g->address, "wrong password", e);
	return account_remember_login(s->db, s->arena, g->account, digest, rq->remote_addr, e);
}

/* Of an account without a password of its own, which another server may know. */
static bool check_elsewhere(struct session *s, const struct request *rq, const struct login *login,
			    const struct gate_row *g, struct err *e)
{
	enum found found = ldap_login_check(s, rq, login, g, e);
	if (found == FOUND_NONE)
		found = imap_login_check(s, rq, login, g, e);
	if (found == FOUND_NONE)
		return refuse_nobody(s, rq, login, g, "the account has no password", e);
	return found == FOUND_ONE;
}

static bool check_password(struct session *s, const struct request *rq, const struct login *login,
			   const struct gate_row *g, struct err *e)
{
	unsigned char digest[PASSWORD_DIGEST];
	if (!g->password_hash.p)
		return check_elsewhere(s, rq, login, g, e);
	password_digest(s->server->key, g->account, g->password_hash, login->password, digest);
	struct str fresh = {(const char *)digest, sizeof digest};
	if (g->remembered.n == fresh.n && password_digest_equal(g->remembered.p, digest))
		return true;
	return check_slowly(s, rq, login, g, fresh, e);
}

/*
 * The key that the request says. Ping need not say one (MS-ASPROV 3.1.5.1): then only what is known
 * of the device counts.
 */
static int64_t key_of(const struct eas_query *q)
{
	bool said = q->has_policy_key && q->policy_key != 0;
	if (!said && str_eq_nocase(q->command, STR("Ping")))
		return -1;
	return said ? q->policy_key : 0;
}

static enum found ask(struct session *s, const struct request *rq, struct str login,
		      const struct gate_quiet *quiet, struct gate_row *out, struct err *e)
{
	const struct gate_question q = {
		.login = login,
		.device_id = rq->eas.device_id,
		.address = rq->remote_addr,
		.version = rq->eas.version,
		.policy_key = key_of(&rq->eas),
		.quiet = quiet,
	};
	return account_gate(s->db, s->arena, &q, out, e);
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

static bool check_enabled(const struct gate_row *g, struct err *e)
{
	if (g->verdict != VERDICT_DISABLED)
		return true;
	return err_set(e, ERR_FORBIDDEN, "the account, its domain or the server is disabled");
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
		return refuse_nobody(s, rq, &login, out, "no such account", e);
	case FOUND_ONE:
		break;
	}
	return check_password(s, rq, &login, out, e) && check_enabled(out, e);
}

bool gate_again(struct session *s, const struct request *rq, struct str login, struct gate_row *out,
		struct err *e)
{
	enum found found = ask(s, rq, login, NULL, out, e);
	if (found == FOUND_NONE)
		return err_set(e, ERR_FORBIDDEN, "the account is gone");
	return found == FOUND_ONE && check_enabled(out, e);
}

/* ---- The device ---- */

static bool admit(struct session *s, const struct request *rq, const struct device_contact *contact,
		  struct gate_row *g, struct err *e)
{
	if (g->verdict == VERDICT_DECIDE && !device_decide(s->db, g->device, e))
		return false;
	if (g->verdict != VERDICT_DECIDE &&
	    !device_admit(s->db, s->arena, g->account, contact, &g->device, e))
		return false;
	if (g->device == 0) {
		/* A wipe needs no room. */
		if (g->verdict == VERDICT_NEW)
			g->verdict = VERDICT_FULL;
		return true;
	}
	return gate_again(s, rq, g->address, g, e);
}

bool gate_device(struct session *s, const struct request *rq, struct gate_row *g, struct err *e)
{
	const struct device_contact contact = {
		.device_id = rq->eas.device_id,
		.type = rq->eas.device_type,
		.user_agent = rq->user_agent,
		.protocol_version = (int)rq->eas.version,
		.syncs = str_eq_nocase(rq->eas.command, STR("Sync")),
	};
	if (gate_device_is_trial(rq->eas.device_id))
		return true;
	bool wiped = g->verdict == VERDICT_WIPE && g->device == 0;
	if (g->verdict == VERDICT_NEW || g->verdict == VERDICT_DECIDE || wiped)
		return admit(s, rq, &contact, g, e);
	bool same = str_eq(g->device_type, contact.type) &&
		    g->protocol_version == contact.protocol_version;
	if (g->device == 0 || (same && !g->stale))
		return true;
	return device_touch(s->db, s->arena, g->account, g->device, &contact, e);
}

/*
 * What a verdict is called by the protocol (MS-ASCMD 2.2.2), and whether a device may set it right
 * by telling what it is and taking the policy.
 */
static const struct {
	unsigned status;
	bool open;
	const char *why; /* for the log; NULL: nothing went wrong */
} refusals[] = {
	[VERDICT_WIPE] = {STATUS_WIPE_REQUESTED, false, NULL},
	[VERDICT_FULL] = {STATUS_TOO_MANY_DEVICES, false, "the user has as many devices as he may"},
	[VERDICT_BLOCKED] = {STATUS_DEVICE_BLOCKED, false, "the device is blocked"},
	[VERDICT_DISCOVERY] = {STATUS_DEVICE_NOT_PROVISIONED, true, NULL},
	[VERDICT_VERSION] = {STATUS_VERSION_NOT_SUPPORTED, false,
			     "the protocol version is above the cap"},
	[VERDICT_PROVISION] = {STATUS_DEVICE_NOT_PROVISIONED, true, NULL},
	[VERDICT_REFRESH] = {STATUS_POLICY_REFRESH, true, NULL},
	[VERDICT_KEY] = {STATUS_INVALID_POLICY_KEY, true, NULL},
	[VERDICT_PARTLY] = {STATUS_NOT_FULLY_PROVISIONABLE, true,
			    "the device fulfils the policy in part"},
	[VERDICT_ELSEWHERE] = {STATUS_EXTERNALLY_MANAGED, true, "the device is managed by others"},
	[VERDICT_UNSUPPORTED] = {STATUS_NOT_PROVISIONABLE, true,
				 "the device does not support policies"},
};

/*
 * Whether a device that is still to be let in may do this: tell what it is, and take the policy.
 * Settings also tells of the user, which is for those that are in.
 */
static bool is_introduction(const struct call *c)
{
	if (!(c->command->flags & COMMAND_OPEN))
		return false;
	if (c->command->root != Settings_Settings)
		return true;
	for (const struct wbxml_node *n = c->root->first; n; n = n->next)
		if (n->tag != Settings_DeviceInformation)
			return false;
	return true;
}

/*
 * A trial leaves no trace, and gets no data: it may see the folders and the policy, and wait,
 * though for nothing, since it has synced nothing.
 */
static unsigned trial_status(const struct call *c)
{
	bool introduction = is_introduction(c);
	bool may = introduction || str_eq(str_of(c->command->name), STR("FolderSync")) ||
		   str_eq(str_of(c->command->name), STR("Ping"));
	if (c->gate.verdict == VERDICT_VERSION)
		return STATUS_VERSION_NOT_SUPPORTED;
	return may && (!c->gate.enforced || introduction) ? STATUS_OK
							  : STATUS_DEVICE_NOT_PROVISIONED;
}

/* Nothing leaves the server: what does nothing else is refused, the others leave it out. */
static unsigned quarantine_status(struct call *c)
{
	if (!c->gate.quarantined || !(c->command->flags & COMMAND_DATA))
		return STATUS_OK;
	err_set(&c->err, ERR_FORBIDDEN, "the device is in quarantine");
	return STATUS_ACCESS_DENIED;
}

/*
 * A soft wipe below 16.1, which has no word for it: the device is led to fetch its folders, and
 * finds none. After that it is out.
 */
static unsigned soft_wipe_status(const struct call *c)
{
	return str_eq(str_of(c->command->name), STR("FolderSync")) && c->gate.device
		       ? STATUS_OK
		       : STATUS_DEVICE_BLOCKED;
}

bool gate_empties(const struct call *c)
{
	return c->gate.verdict == VERDICT_WIPE && c->gate.wipe_soft && c->version < 161;
}

unsigned gate_status(struct call *c)
{
	const struct gate_row *g = &c->gate;
	if (gate_device_is_trial(c->request->eas.device_id))
		return trial_status(c);
	if (gate_empties(c))
		return soft_wipe_status(c);
	size_t known = sizeof refusals / sizeof *refusals;
	if ((size_t)g->verdict >= known || refusals[g->verdict].status == 0)
		return quarantine_status(c);
	if ((refusals[g->verdict].open && is_introduction(c)) ||
	    (c->command->flags & COMMAND_WIPE && g->verdict == VERDICT_WIPE))
		return STATUS_OK;
	if (refusals[g->verdict].why)
		err_set(&c->err, ERR_FORBIDDEN, "%s", refusals[g->verdict].why);
	return refusals[g->verdict].status;
}
