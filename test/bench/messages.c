/* messages: what a phone says and understands. See messages.h for the contract. */
#include "test/bench/messages.h"

#define POLICY_TYPE STR("MS-EAS-Provisioning-WBXML")

/* ---- Requests ---- */

static void put_device_information(struct wbxml_out *w)
{
	wbxml_begin(w, Settings_DeviceInformation);
	wbxml_begin(w, Settings_Set);
	wbxml_cstr(w, Settings_Model, "Bench");
	wbxml_cstr(w, Settings_OS, "Bench 1");
	wbxml_end(w);
	wbxml_end(w);
}

void message_provision(struct body *out, uint32_t key)
{
	struct wbxml_out w;
	wbxml_start(&w, out);
	wbxml_begin(&w, Provision_Provision);
	if (!key)
		put_device_information(&w);
	wbxml_begin(&w, Provision_Policies);
	wbxml_begin(&w, Provision_Policy);
	wbxml_text(&w, Provision_PolicyType, POLICY_TYPE);
	if (key) {
		wbxml_int(&w, Provision_PolicyKey, key);
		wbxml_int(&w, Provision_Status, 1);
	}
	wbxml_finish(&w);
}

void message_foldersync(struct body *out)
{
	struct wbxml_out w;
	wbxml_start(&w, out);
	wbxml_begin(&w, FolderHierarchy_FolderSync);
	wbxml_cstr(&w, FolderHierarchy_SyncKey, "0");
	wbxml_finish(&w);
}

static void put_wishes(struct wbxml_out *w, const struct wishes *wishes)
{
	wbxml_int(w, AirSync_DeletesAsMoves, 1);
	wbxml_int(w, AirSync_GetChanges, 1);
	wbxml_int(w, AirSync_WindowSize, wishes->window);
	wbxml_begin(w, AirSync_Options);
	wbxml_int(w, AirSync_FilterType, 0);
	if (wishes->type) {
		wbxml_begin(w, AirSyncBase_BodyPreference);
		wbxml_int(w, AirSyncBase_Type, wishes->type);
		if (wishes->size)
			wbxml_int(w, AirSyncBase_TruncationSize, wishes->size);
		wbxml_end(w);
	}
	wbxml_end(w);
}

void message_sync(struct body *out, struct str key, struct str folder, const struct wishes *wishes)
{
	struct wbxml_out w;
	wbxml_start(&w, out);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_begin(&w, AirSync_Collections);
	wbxml_begin(&w, AirSync_Collection);
	wbxml_text(&w, AirSync_SyncKey, key);
	wbxml_text(&w, AirSync_CollectionId, folder);
	if (!str_eq(key, STR("0")))
		put_wishes(&w, wishes);
	wbxml_finish(&w);
}

void message_ping(struct body *out, struct str folder, unsigned heartbeat)
{
	struct wbxml_out w;
	wbxml_start(&w, out);
	wbxml_begin(&w, Ping_Ping);
	wbxml_int(&w, Ping_HeartbeatInterval, heartbeat);
	wbxml_begin(&w, Ping_Folders);
	wbxml_begin(&w, Ping_Folder);
	wbxml_text(&w, Ping_Id, folder);
	wbxml_cstr(&w, Ping_Class, "Email");
	wbxml_finish(&w);
}

/* ---- Answers ---- */

/* Status of the root is the first child of that name, whatever the command's code page. */
int message_status(const struct wbxml_node *root)
{
	uint64_t v;
	for (const struct wbxml_node *n = root ? root->first : NULL; n; n = n->next) {
		const char *name = wbxml_tag_name(n->tag);
		if (name && strcmp(name, "Status") == 0)
			return str_to_u64(n->text, &v) && v < 1000 ? (int)v : -1;
	}
	return -1;
}

uint32_t message_policy_key(const struct wbxml_node *root)
{
	const struct wbxml_node *policies = wbxml_child(root, Provision_Policies);
	const struct wbxml_node *policy = wbxml_child(policies, Provision_Policy);
	uint64_t v;
	if (!str_to_u64(wbxml_child_text(policy, Provision_PolicyKey), &v) || v > UINT32_MAX)
		return 0;
	return (uint32_t)v;
}

struct str message_inbox(const struct wbxml_node *root)
{
	const struct wbxml_node *changes = wbxml_child(root, FolderHierarchy_Changes);
	const struct wbxml_node *add = wbxml_child(changes, FolderHierarchy_Add);
	for (; add; add = wbxml_again(add))
		if (str_eq(wbxml_child_text(add, FolderHierarchy_Type), STR("2")))
			return wbxml_child_text(add, FolderHierarchy_ServerId);
	return (struct str){NULL, 0};
}

bool message_synced(const struct wbxml_node *root, struct synced *out)
{
	const struct wbxml_node *all = wbxml_child(root, AirSync_Collections);
	const struct wbxml_node *one = wbxml_child(all, AirSync_Collection);
	uint64_t status;
	if (!one || !str_to_u64(wbxml_child_text(one, AirSync_Status), &status) || status > 1000)
		return false;
	*out = (struct synced){.status = (int)status,
			       .key = wbxml_child_text(one, AirSync_SyncKey),
			       .more = wbxml_child(one, AirSync_MoreAvailable) != NULL,
			       .items = wbxml_count(wbxml_child(one, AirSync_Commands))};
	return out->key.n > 0;
}
