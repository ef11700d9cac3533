/* device_information: what a phone tells about itself. See device_information.h. */
#include "core/device_information.h"

#include "store/device.h"

unsigned device_information_store(struct call *c, const struct wbxml_node *information)
{
	const struct wbxml_node *set = wbxml_child(information, Settings_Set);
	if (!set)
		return SETTINGS_PROTOCOL;
	struct str sms = wbxml_child_text(set, Settings_EnableOutboundSMS);
	if (sms.p && !str_eq(sms, STR("0")) && !str_eq(sms, STR("1")))
		return SETTINGS_ARGUMENTS;
	const struct device_information told = {
		.model = wbxml_child_text(set, Settings_Model),
		.imei = wbxml_child_text(set, Settings_IMEI),
		.friendly_name = wbxml_child_text(set, Settings_FriendlyName),
		.os = wbxml_child_text(set, Settings_OS),
		.os_language = wbxml_child_text(set, Settings_OSLanguage),
		.phone_number = wbxml_child_text(set, Settings_PhoneNumber),
		.mobile_operator = wbxml_child_text(set, Settings_MobileOperator),
		.user_agent = wbxml_child_text(set, Settings_UserAgent),
		.outbound_sms = !sms.p ? -1 : str_eq(sms, STR("1")),
	};
	if (!device_set_information(c->session->db, c->arena, c->gate.device, &told, &c->err))
		return 0;
	return STATUS_OK;
}
