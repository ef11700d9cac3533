/*
 * Settings (MS-ASCMD 2.2.1.18): DeviceInformation.
 *
 * Properties that this server does not keep (Oof, DevicePassword, UserInformation,
 * RightsManagementInformation) are answered one by one with the protocol's own refusal, so that a
 * phone that asks for several gets the others.
 */
#include "core/call.h"

#include "core/device_information.h"

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

void command_settings(struct call *c)
{
	const struct wbxml_node *information = wbxml_child(c->root, Settings_DeviceInformation);
	unsigned stored = STATUS_OK;
	if (!well_formed(c->root)) {
		call_answer_status(c, SETTINGS_PROTOCOL);
		return;
	}
	if (information && (stored = device_information_store(c, information)) == 0) {
		call_fail(c, NULL);
		return;
	}
	call_begin(c);
	call_status(c, STATUS_OK);
	/* In the order of the answer's schema, whatever the order of the request. */
	static const unsigned refused[] = {Settings_Oof, 0, Settings_DevicePassword,
					   Settings_UserInformation,
					   Settings_RightsManagementInformation};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		if (refused[i] == 0 && information)
			answer_property(c, Settings_DeviceInformation, stored);
		else if (refused[i] && wbxml_child(c->root, refused[i]))
			answer_property(c, refused[i], SETTINGS_ACCESS_DENIED);
	}
}
