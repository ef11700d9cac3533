/*
 * Settings (MS-ASCMD 2.2.1.18): the device's information and recovery password, out of office, and
 * who the user is.
 *
 * RightsManagementInformation is answered with the protocol's own refusal, so that a phone that
 * asks for several properties gets the others.
 */
#include "core/call.h"

#include "core/device_information.h"
#include "core/settings.h"

void settings_answer(struct call *c, unsigned tag, unsigned status)
{
	wbxml_begin(&c->out, tag);
	wbxml_int(&c->out, Settings_Status, status);
	wbxml_end(&c->out);
}

static bool device_information(struct call *c, const struct wbxml_node *information)
{
	unsigned stored = device_information_store(c, information);
	if (stored)
		settings_answer(c, Settings_DeviceInformation, stored);
	return stored != 0;
}

static bool rights_management(struct call *c, const struct wbxml_node *node)
{
	settings_answer(c, node->tag, SETTINGS_ACCESS_DENIED);
	return true;
}

/* Whether it tells of the user: nothing leaves the server in quarantine. */
static bool tells(const struct wbxml_node *node)
{
	return node->tag == Settings_UserInformation ||
	       (node->tag == Settings_Oof && wbxml_child(node, Settings_Get));
}

static bool answer_property(struct call *c, const struct wbxml_node *node,
			    bool (*act)(struct call *c, const struct wbxml_node *node))
{
	if (!c->gate.quarantined || !tells(node))
		return act(c, node);
	settings_answer(c, node->tag, SETTINGS_ACCESS_DENIED);
	return true;
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
	/* In the order of the answer's schema, whatever the order of the request. */
	static const struct {
		unsigned tag;
		bool (*act)(struct call *c, const struct wbxml_node *node);
	} properties[] = {
		{Settings_Oof, settings_oof},
		{Settings_DeviceInformation, device_information},
		{Settings_DevicePassword, settings_device_password},
		{Settings_UserInformation, settings_user_information},
		{Settings_RightsManagementInformation, rights_management},
	};
	if (!well_formed(c->root)) {
		call_answer_status(c, SETTINGS_PROTOCOL);
		return;
	}
	call_begin(c);
	call_status(c, STATUS_OK);
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
		const struct wbxml_node *node = wbxml_child(c->root, properties[i].tag);
		if (node && !answer_property(c, node, properties[i].act)) {
			call_fail(c, NULL);
			return;
		}
	}
}
