/*
 * Provision (MS-ASPROV 3.2.5.1): the policy, in two phases with a key each.
 *
 * The first request gets the policy under a temporary key, which is good for nothing but the
 * acknowledgement; that gets the final key, which later requests carry. The policy is the neutral
 * one, that lets a device do everything. It is offered to whoever asks; whether a device must have
 * acknowledged it is decided by the gate; then one that refuses it gets no final key.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/device_information.h"
#include "store/device.h"

#define POLICY_TYPE "MS-EAS-Provisioning-WBXML"

/* What a device says of a policy (MS-ASPROV 2.2.2.54.1). */
enum { ACKNOWLEDGED = 1, ACKNOWLEDGED_PARTLY, ACKNOWLEDGED_NOT, ACKNOWLEDGED_ELSEWHERE };

struct provision {
	const struct wbxml_node *information; /* NULL: none */
	struct str type;		      /* p NULL: no policy asked for */
	struct str key, status;		      /* of an acknowledgement; p NULL: a first request */
};

struct outcome {
	unsigned policy_status;
	uint32_t key; /* 0: none is given */
	bool with_data;
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

static void encode_policy(struct call *c)
{
	static const struct {
		unsigned tag;
		const char *neutral;
		unsigned since;
	} rows[] = {
#define POLICY(name, type, neutral, since) {Provision_##name, neutral, since},
#include "core/policy.def"
#undef POLICY
	};
	wbxml_begin(&c->out, Provision_Data);
	wbxml_begin(&c->out, Provision_EASProvisionDoc);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (c->version >= rows[i].since)
			wbxml_cstr(&c->out, rows[i].tag, rows[i].neutral);
	wbxml_end(&c->out);
	wbxml_end(&c->out);
}

static bool offer(struct call *c, struct outcome *o)
{
	o->policy_status = STATUS_OK;
	o->key = call_new_key();
	o->with_data = true;
	return device_offer_policy(c->session->db, c->gate.device, o->key, &c->err);
}

static bool acknowledge(struct call *c, const struct provision *p, struct outcome *o)
{
	uint64_t key, status;
	if (!str_to_u64(p->key, &key) || !str_to_u64(p->status, &status) || status < ACKNOWLEDGED ||
	    status > ACKNOWLEDGED_ELSEWHERE) {
		o->policy_status = POLICY_NOT_DEFINED;
		return true;
	}
	if (key == 0 || key != c->gate.policy_offered_key) {
		o->policy_status = POLICY_KEY_MISMATCH;
		return true;
	}
	/* One that took only part of it complies: the neutral policy asks for nothing. */
	bool refused = status == ACKNOWLEDGED_NOT || status == ACKNOWLEDGED_ELSEWHERE;
	o->policy_status = STATUS_OK;
	o->key = refused && c->gate.enforced ? 0 : call_new_key();
	return device_acknowledge_policy(c->session->db, c->gate.device, (int)status, o->key,
					 &c->err);
}

static bool decide(struct call *c, const struct provision *p, struct outcome *o)
{
	if (!str_eq(p->type, STR(POLICY_TYPE))) {
		o->policy_status = POLICY_TYPE_UNKNOWN;
		return true;
	}
	return p->key.p ? acknowledge(c, p, o) : offer(c, o);
}

static void encode(struct call *c, const struct provision *p, unsigned information,
		   const struct outcome *o)
{
	char key[16];
	call_begin(c);
	if (p->information) {
		wbxml_begin(&c->out, Settings_DeviceInformation);
		wbxml_int(&c->out, Settings_Status, information);
		wbxml_end(&c->out);
	}
	call_status(c, STATUS_OK);
	if (!p->type.p)
		return;
	wbxml_begin(&c->out, Provision_Policies);
	wbxml_begin(&c->out, Provision_Policy);
	wbxml_text(&c->out, Provision_PolicyType, p->type);
	wbxml_int(&c->out, Provision_Status, o->policy_status);
	if (o->key) {
		snprintf(key, sizeof key, "%u", o->key);
		wbxml_cstr(&c->out, Provision_PolicyKey, key);
	}
	if (o->with_data)
		encode_policy(c);
	wbxml_end(&c->out);
	wbxml_end(&c->out);
}

void command_provision(struct call *c)
{
	struct provision p;
	struct outcome o = {0};
	unsigned information = 0;
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
	if (p.type.p && !decide(c, &p, &o)) {
		call_fail(c, NULL);
		return;
	}
	encode(c, &p, information, &o);
}
