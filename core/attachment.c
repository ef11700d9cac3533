/* attachment: the content of an attachment. See attachment.h for the contract. */
#include "core/attachment.h"

#include "core/sync.h"
#include "store/message.h"
#include "store/mime.h"

enum found attachment_item(struct call *c, struct server_id id, struct folder *folder,
			   struct summary **out)
{
	struct store *store = c->session->store;
	enum found found =
		store->ops->folder(store, c->arena, c->gate.account, id.folder, folder, &c->err);
	if (found != FOUND_ONE)
		return found;
	if (!item_class_served(folder->class) || folder->epoch != id.epoch)
		return FOUND_NONE;
	if (!store->ops->summaries(store, c->arena, c->gate.account, id.folder, &id.uid, 1, out,
				   &c->err))
		return FOUND_FAILED;
	return (*out)->found ? FOUND_ONE : FOUND_NONE;
}

enum found attachment_message(struct call *c, struct server_id id, struct summary **out)
{
	struct folder folder;
	enum found found = attachment_item(c, id, &folder, out);
	return found == FOUND_ONE && folder.class != CLASS_EMAIL ? FOUND_NONE : found;
}

/* Only what is listed as an attachment can be asked for by a FileReference. */
static bool is_listed(const struct part *part)
{
	return part && (part->role == PART_ATTACHMENT || part->role == PART_INLINE);
}

/* Of an item that is kept as text: it is read whole. */
static enum found open_in_text(struct call *c, const struct folder *folder, struct server_id id,
			       struct str part, struct attachment *out)
{
	struct store *store = c->session->store;
	const struct item_class_ops *ops = item_class_ops(folder->class);
	struct ledger ledger = {.folder_id = id.folder, .folder = *folder};
	struct sync_collection col = {.ledger = &ledger, .options = sync_options_standard};
	struct item_context ctx = sync_item_context(c, &col, id.uid);
	struct slice slice = {.uid = id.uid, .length = INT64_MAX};
	struct item_attachment found;
	struct err ignored = {0};
	if (!ops->attachment)
		return FOUND_NONE;
	if (!store->ops->slices(store, c->arena, c->gate.account, id.folder, &slice, 1, &c->err))
		return FOUND_FAILED;
	if (!slice.bytes.p || !ops->attachment(&ctx, slice.bytes, part, &found, &ignored))
		return FOUND_NONE;
	*out = (struct attachment){
		.type = found.type,
		.size = (int64_t)found.bytes.n,
		.content = source_bytes(found.bytes.p, found.bytes.n),
	};
	return FOUND_ONE;
}

enum found attachment_open(struct call *c, struct str reference, struct attachment *out)
{
	struct store *store = c->session->store;
	struct summary *summary;
	struct folder folder;
	struct server_id id;
	struct source *raw;
	struct str path;
	if (!server_id_parse_file(reference, &id, &path))
		return FOUND_NONE;
	enum found found = attachment_item(c, id, &folder, &summary);
	if (found != FOUND_ONE)
		return found;
	if (folder.class != CLASS_EMAIL)
		return open_in_text(c, &folder, id, path, out);
	const struct part *part = message_part(summary->message, path);
	if (!is_listed(part))
		return FOUND_NONE;
	found = store->ops->open(store, c->gate.account, id.folder, id.uid, part->offset,
				 part->length, &raw, &c->err);
	if (found == FOUND_ONE)
		*out = (struct attachment){
			.type = part->type,
			.size = part->size,
			.content = mime_source(raw, part->encoding, part->size),
		};
	return found;
}
