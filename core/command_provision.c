/*
 * Provision (MS-ASPROV 3.2.5.1): the policy, in two phases with a key each; and remote wipe.
 *
 * The first request gets the policy under a temporary key, which is good for nothing but the
 * acknowledgement; that gets the final key, which later requests carry. The policy is the one that
 * holds for the device, the neutral one if none does. It is offered to whoever asks; whether a
 * device must have acknowledged it is decided by the gate; then one that refuses it gets no final
 * key. A wipe that waits for the device comes before everything else, and again until the device
 * has acknowledged it.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/device_information.h"
#include "core/policy.h"
#include "store/policy.h"

/* What a device says of a policy (MS-ASPROV 2.2.2.54.1). */
enum { ACKNOWLEDGED = 1, ACKNOWLEDGED_PARTLY, ACKNOWLEDGED_NOT, ACKNOWLEDGED_ELSEWHERE };

struct provision {
	const struct wbxml_node *information; /* NULL: none */
	struct str type;		      /* p NULL: no policy asked for */
	struct str key, status;		      /* of an acknowledgement; p NULL: a first request */
};

struct outcome {
	unsigned status; /* of the whole answer */
	unsigned policy_status;
	uint32_t key;	 /* 0: none is given */
	struct str data; /* the policy; p NULL: it is not sent */
};

static bool decode(const struct wbxml_node *root, struct provision *p)
{
	const struct wbxml_node *policies = wbxml_child(root, Provision_Policies);
	const struct wbxml_node *policy = wbxml_child(policies, Provision_Policy);
	p->information = wbxml_child(root, Settings_DeviceInformation);
	p->type = wbxml_child_text(policy, Provision_PolicyType);
	p->key = wbxml_child_text(policy, Provision_PolicyKey);
	p->status = wbxml_child_text(policy, Provision_Status);
	if (policies && (!policy || wbxml_again(policy) || !p->type.p))
		return false;
	return !p->key.p == !p->status.p;
}

static bool offer(struct call *c, struct outcome *o)
{
	o->policy_status = STATUS_OK;
	o->key = call_new_key();
	if (c->gate.device == 0) /* a trial: it may see the policy */
		return policy_of_account(c->session->db, c->arena, c->gate.account, &o->data,
					 &c->err);
	return policy_offer(c->session->db, c->arena, c->gate.device, o->key, &o->data, &c->err);
}

/* What the whole answer says when an acknowledgement is not enough (MS-ASPROV 3.1.5.2). */
static unsigned refusal_of(uint64_t acknowledged)
{
	switch (acknowledged) {
	case ACKNOWLEDGED_PARTLY:
		return STATUS_NOT_FULLY_PROVISIONABLE;
	case ACKNOWLEDGED_ELSEWHERE:
		return STATUS_EXTERNALLY_MANAGED;
	default:
		return STATUS_OK;
	}
}

static bool acknowledge(struct call *c, const struct provision *p, struct outcome *o)
{
	uint64_t key, status;
	bool let_in = false;
	if (!str_to_u64(p->key, &key) || !str_to_u64(p->status, &status) || status < ACKNOWLEDGED ||
	    status > ACKNOWLEDGED_ELSEWHERE) {
		o->policy_status = POLICY_NOT_DEFINED;
		return true;
	}
	if (key == 0 || key != c->gate.policy_offered_key) {
		o->policy_status = POLICY_KEY_MISMATCH;
		return true;
	}
	o->policy_status = STATUS_OK;
	o->key = call_new_key();
	if (!policy_acknowledge(c->session->db, c->gate.device, (int)status, o->key, &let_in,
				&c->err))
		return false;
	if (!let_in) {
		o->key = 0;
		o->status = refusal_of(status);
	}
	return true;
}

static bool decide(struct call *c, const struct provision *p, struct outcome *o)
{
	o->status = STATUS_OK;
	if (!p->type.p)
		return true;
	if (!str_eq(p->type, str_of(policy_type(c->version)))) {
		o->policy_status = POLICY_TYPE_UNKNOWN;
		return true;
	}
	return p->key.p ? acknowledge(c, p, o) : offer(c, o);
}

static bool encode(struct call *c, const struct provision *p, unsigned information,
		   const struct outcome *o)
{
	char key[16];
	call_begin(c);
	if (p->information) {
		wbxml_begin(&c->out, Settings_DeviceInformation);
		wbxml_int(&c->out, Settings_Status, information);
		wbxml_end(&c->out);
	}
	call_status(c, o->status);
	if (!p->type.p)
		return true;
	wbxml_begin(&c->out, Provision_Policies);
	wbxml_begin(&c->out, Provision_Policy);
	wbxml_text(&c->out, Provision_PolicyType, p->type);
	wbxml_int(&c->out, Provision_Status, o->policy_status);
	if (o->key) {
		snprintf(key, sizeof key, "%u", o->key);
		wbxml_cstr(&c->out, Provision_PolicyKey, key);
	}
	if (o->data.p && !policy_encode(c->arena, &c->out, o->data, c->version, &c->err))
		return false;
	wbxml_end(&c->out);
	wbxml_end(&c->out);
	return true;
}

/*
 * A wipe (MS-ASPROV 3.2.5.1.2.2, 3.2.5.1.2.3): sent until the device says that it was carried out.
 * One that says that it could not do it is told again.
 */
static void answer_wipe(struct call *c)
{
	unsigned tag = c->gate.wipe_soft ? Provision_AccountOnlyRemoteWipe : Provision_RemoteWipe;
	struct str said = wbxml_child_text(wbxml_child(c->root, tag), Provision_Status);
	struct pg *db = c->session->db;
	uint64_t status = 0;
	bool acknowledged = said.p && str_to_u64(said, &status);
	bool done = acknowledged && status == STATUS_OK;
	bool ok = done ? wipe_done(db, c->gate.wipe, c->gate.account, &c->err)
		       : wipe_delivered(db, c->arena, c->gate.wipe, acknowledged,
					(struct str){NULL, 0}, &c->err);
	if (!ok) {
		call_fail(c, NULL);
		return;
	}
	call_begin(c);
	call_status(c, acknowledged && !done ? PROVISION_PROTOCOL : STATUS_OK);
	if (!done)
		wbxml_cstr(&c->out, tag, "");
}

void command_provision(struct call *c)
{
	struct provision p;
	struct outcome o = {0};
	unsigned information = 0;
	if (c->gate.verdict == VERDICT_WIPE) {
		answer_wipe(c);
		return;
	}
	if (!decode(c->root, &p)) {
		call_answer_status(c, PROVISION_PROTOCOL);
		return;
	}
	/* From 14.1 on a device has to say what it is before it gets a policy
	 * (MS-ASPROV 3.2.5.1.1). */
	if (c->version >= 141 && p.type.p && !p.key.p && !p.information) {
		call_common(c, STATUS_DEVICE_INFORMATION_REQUIRED);
		return;
	}
	if (p.information && (information = device_information_store(c, p.information)) == 0) {
		call_fail(c, NULL);
		return;
	}
	if (!decide(c, &p, &o)) {
		call_fail(c, NULL);
		return;
	}
	/* Below 14.0 a refusal is HTTP's. */
	if (o.status != STATUS_OK && c->version < 140)
		call_common(c, o.status);
	else if (!encode(c, &p, information, &o))
		call_fail(c, NULL);
}
