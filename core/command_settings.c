/*
 * Settings (MS-ASCMD 2.2.1.18): DeviceInformation and DevicePassword.
 *
 * Properties that this server does not keep (Oof, UserInformation,
 * RightsManagementInformation) are answered one by one with the protocol's own refusal, so that a
 * phone that asks for several gets the others.
 */
#include "core/call.h"

#include "core/device_information.h"
#include "store/policy.h"

static void answer_property(struct call *c, unsigned tag, unsigned status)
{
	wbxml_begin(&c->out, tag);
	wbxml_int(&c->out, Settings_Status, status);
	wbxml_end(&c->out);
}

/* Properties of a request, each at most once (MS-ASCMD 2.2.3.161). */
static bool well_formed(const struct wbxml_node *root)
{
	if (!root->first)
		return false;
	for (const struct wbxml_node *n = root->first; n; n = n->next)
		if (wbxml_again(n))
			return false;
	return true;
}

enum { DEVICE_PASSWORD_MAX = 255 }; /* MS-ASCMD 2.2.3.127.4 */

/* The status of a DevicePassword (MS-ASCMD 2.2.3.46): kept, or denied by the policy. 0: c->err. */
static unsigned keep_password(struct call *c, const struct wbxml_node *property)
{
	const struct wbxml_node *set = wbxml_child(property, Settings_Set);
	struct str password = wbxml_child_text(set, Settings_Password);
	bool kept;
	if (!password.p)
		return SETTINGS_PROTOCOL;
	if (c->gate.device == 0)
		return SETTINGS_ACCESS_DENIED;
	if (password.n > DEVICE_PASSWORD_MAX)
		return SETTINGS_ARGUMENTS;
	if (!recovery_password_set(c->session->db, c->arena, c->gate.device, password, &kept,
				   &c->err))
		return 0;
	return kept ? STATUS_OK : SETTINGS_POLICY_DENIED;
}

void command_settings(struct call *c)
{
	const struct wbxml_node *information = wbxml_child(c->root, Settings_DeviceInformation);
	const struct wbxml_node *password = wbxml_child(c->root, Settings_DevicePassword);
	unsigned stored = STATUS_OK, kept = STATUS_OK;
	if (!well_formed(c->root)) {
		call_answer_status(c, SETTINGS_PROTOCOL);
		return;
	}
	if (information && (stored = device_information_store(c, information)) == 0) {
		call_fail(c, NULL);
		return;
	}
	if (password && (kept = keep_password(c, password)) == 0) {
		call_fail(c, NULL);
		return;
	}
	call_begin(c);
	call_status(c, STATUS_OK);
	/* In the order of the answer's schema, whatever the order of the request. */
	const struct {
		unsigned tag, status;
	} properties[] = {{Settings_Oof, SETTINGS_ACCESS_DENIED},
			  {Settings_DeviceInformation, stored},
			  {Settings_DevicePassword, kept},
			  {Settings_UserInformation, SETTINGS_ACCESS_DENIED},
			  {Settings_RightsManagementInformation, SETTINGS_ACCESS_DENIED}};
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
		if (wbxml_child(c->root, properties[i].tag))
			answer_property(c, properties[i].tag, properties[i].status);
}
