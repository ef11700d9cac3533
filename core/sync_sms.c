/*
 * sync_sms: text messages that a phone uploads (Class SMS, MS-ASCMD 2.2.3.27.6). See
 * sync_command.h for the contract. They are kept by themselves, and never told to a device.
 */
#include "core/sync_command.h"

#include "core/base/clock.h"
#include "store/sms.h"
#include "store/sync_trouble.h"

enum { ADDRESSES_MOST = 32768, TEXT_MOST = 1024 * 1024 };

bool sync_sms_is(const struct sync_command *x)
{
	if (x->col->ledger->folder.class != CLASS_EMAIL || x->call->version < 140)
		return false;
	return x->node->tag == AirSync_Add
		       ? str_eq(wbxml_child_text(x->node, AirSync_Class), STR("SMS"))
		       : x->id.uid >= SMS_FIRST && x->id.uid < NOTE_FIRST;
}

static bool add(struct sync_command *x)
{
	struct call *c = x->call;
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	struct sms sms = {
		.from = str_sub(wbxml_child_text(data, Email_From), 0, ADDRESSES_MOST),
		.to = str_sub(wbxml_child_text(data, Email_To), 0, ADDRESSES_MOST),
		.text = wbxml_child_text(wbxml_child(data, AirSyncBase_Body), AirSyncBase_Data),
		.read = str_eq(wbxml_child_text(data, Email_Read), STR("1")),
		.date = clock_now(),
	};
	struct str date = wbxml_child_text(data, Email_DateReceived);
	if (!data || sms.text.n > TEXT_MOST || (date.n && !clock_parse(date, &sms.date))) {
		x->response->status = data ? SYNC_CONVERSION : SYNC_PROTOCOL;
		return true;
	}
	x->id = (struct server_id){x->col->ledger->folder_id, x->col->ledger->folder.epoch, 0};
	return sms_add(c->session->db, c->arena, c->gate.account, c->gate.device, x->id.folder,
		       &sms, &x->id.uid, &c->err);
}

bool sync_sms_run(struct sync_command *x)
{
	struct call *c = x->call;
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	struct str read = wbxml_child_text(data, Email_Read);
	enum found found = FOUND_ONE;
	if (x->node->tag == AirSync_Add)
		return add(x);
	if (x->node->tag == AirSync_Delete)
		found = sms_remove(c->session->db, c->gate.account, x->id.folder, x->id.uid,
				   &c->err);
	else if (read.n)
		found = sms_set_read(c->session->db, c->gate.account, x->id.folder, x->id.uid,
				     str_eq(read, STR("1")), &c->err);
	if (found == FOUND_NONE && x->node->tag != AirSync_Delete)
		x->response->status = SYNC_NOT_FOUND;
	return found != FOUND_FAILED;
}
