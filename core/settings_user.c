/*
 * settings: who the user is, and the password by which an administrator gets into a device whose
 * own is forgotten (MS-ASCMD 2.2.3.192, 2.2.3.46). See settings.h for the contract.
 */
#include "core/settings.h"

#include "core/base/arena.h"
#include "store/device.h"
#include "store/sealed.h"
#include "store/sender.h"

enum { PASSWORD_MOST = 255 };

/* ---- UserInformation ---- */

static void put_addresses(struct call *c, struct str aliases)
{
	struct wbxml_out *w = &c->out;
	struct str one;
	wbxml_begin(w, Settings_EmailAddresses);
	wbxml_text(w, Settings_SMTPAddress, c->gate.address);
	while (aliases.n && str_next(&aliases, '\n', &one))
		wbxml_text(w, Settings_SMTPAddress, one);
	if (c->version >= 141)
		wbxml_text(w, Settings_PrimarySmtpAddress, c->gate.address);
	wbxml_end(w);
}

bool settings_user_information(struct call *c, const struct wbxml_node *information)
{
	struct wbxml_out *w = &c->out;
	struct sender sender = {.address = c->gate.address};
	if (!wbxml_child(information, Settings_Get)) {
		settings_answer(c, Settings_UserInformation, SETTINGS_PROTOCOL);
		return true;
	}
	if (!sender_read(c->session->db, c->arena, c->gate.account, &sender, &c->err))
		return false;
	wbxml_begin(w, Settings_UserInformation);
	wbxml_int(w, Settings_Status, STATUS_OK);
	wbxml_begin(w, Settings_Get);
	if (c->version >= 141) {
		wbxml_begin(w, Settings_Accounts);
		wbxml_begin(w, Settings_Account);
		if (c->gate.display_name.n)
			wbxml_text(w, Settings_UserDisplayName, c->gate.display_name);
		put_addresses(c, sender.aliases);
		wbxml_end(w);
		wbxml_end(w);
	} else {
		put_addresses(c, sender.aliases);
	}
	wbxml_end(w);
	wbxml_end(w);
	return true;
}

/* ---- DevicePassword ---- */

/* An empty password takes back what was sent before (2.2.3.132.3). */
bool settings_device_password(struct call *c, const struct wbxml_node *password)
{
	const struct wbxml_node *set = wbxml_child(password, Settings_Set);
	const struct wbxml_node *node = wbxml_child(set, Settings_Password);
	struct str sealed = {NULL, 0};
	bool kept;
	if (!node || c->gate.device == 0) {
		settings_answer(c, Settings_DevicePassword, SETTINGS_PROTOCOL);
		return true;
	}
	if (node->text.n > PASSWORD_MOST) {
		settings_answer(c, Settings_DevicePassword, SETTINGS_ARGUMENTS);
		return true;
	}
	if (node->text.n &&
	    !sealed_make(c->arena, c->session->server->key, "device password", node->text, &sealed))
		return err_set(&c->err, ERR_INTERNAL, "the password can't be encrypted");
	if (!device_keep_password(c->session->db, c->gate.account, c->gate.device, sealed, &kept,
				  &c->err))
		return false;
	settings_answer(c, Settings_DevicePassword, kept ? STATUS_OK : SETTINGS_DENIED_BY_POLICY);
	return true;
}
