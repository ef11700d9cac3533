/* folder_edit: a device's own edit of the folder tree. See folder_edit.h for the contract. */
#include "core/folder_edit.h"

#include "core/base/text.h"
#include "core/hierarchy_step.h"
#include "core/server_id.h"
#include "store/pg.h"

enum { NAME_MAX = 256 };

/* ---- Reading the request ---- */

bool folder_edit_text(const struct call *c, unsigned tag, struct str *out)
{
	const struct wbxml_node *node = wbxml_child(c->root, tag);
	if (!node || wbxml_again(node) || node->content == WBXML_ELEMENTS)
		return false;
	*out = node->text;
	return true;
}

/* Characters of UTF-8 text, or 0 when one of them is a control (C0, DEL, C1) or all are blank. */
static size_t name_length(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char byte = (unsigned char)s.p[i];
		unsigned char next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		if (byte < ' ' || byte == 0x7f || (byte == 0xc2 && next < 0xa0))
			return 0;
		n += (byte & 0xc0) != 0x80;
	}
	return str_trim(s).n ? n : 0;
}

bool folder_edit_name(const struct call *c, struct str *out)
{
	if (!folder_edit_text(c, FolderHierarchy_DisplayName, out) || !text_is_xml(*out))
		return false;
	size_t length = name_length(*out);
	return length >= 1 && length <= NAME_MAX;
}

bool folder_edit_parent(const struct call *c, int32_t *out)
{
	struct str id;
	if (!folder_edit_text(c, FolderHierarchy_ParentId, &id) || id.n == 0)
		return false;
	if (str_eq(id, STR("0")))
		*out = 0;
	else if (!server_id_parse_folder(id, out))
		*out = -1;
	return true;
}

/* ---- Who may ---- */

bool folder_edit_allowed(const struct call *c, const struct shown_folder *f)
{
	return !f->special && f->at.folder &&
	       (f->at.account == c->gate.account || f->at.rights & RIGHT_ADMINISTER);
}

unsigned folder_edit_place(const struct call *c, const struct folder_map *now, int32_t parent,
			   struct place *out)
{
	*out = (struct place){c->gate.account, 0, RIGHTS_ALL};
	if (parent == 0)
		return STATUS_OK;
	const struct shown_folder *f = folder_map_find(now, parent);
	if (!f)
		return FOLDER_NO_PARENT;
	if (f->view == VIEW_HOLDER)
		return f->rooted && f->parent == 0 ? STATUS_OK : FOLDER_SPECIAL;
	if (f->at.account != c->gate.account && !(f->at.rights & RIGHT_ADMINISTER))
		return FOLDER_SPECIAL;
	*out = f->at;
	return STATUS_OK;
}

struct str folder_edit_last_name(struct str name)
{
	for (size_t i = name.n; i-- > 0;)
		if (name.p[i] == '\\')
			return str_sub(name, i + 1, SIZE_MAX);
	return name;
}

/* ---- The step ---- */

/* The one folder that the device was told of with the last answer; 0 when there is none. */
static int32_t new_folder(const struct folder_list *before, const struct folder_list *after)
{
	for (size_t i = 0; i < after->n; i++)
		if (!folder_list_find(before, after->v[i].id))
			return after->v[i].id;
	return 0;
}

/*
 * Whether the edit is what led from the key before to the current one. FOUND_ONE: then there is
 * nothing to do, and a folder that it made has its id.
 */
static enum found find_repeat(struct call *c, const struct hierarchy_step *s,
			      struct folder_edit *edit)
{
	struct folder_list current;
	if (s->key.n == s->state.n)
		return FOUND_NONE;
	if (!folder_list_from_json(c->arena, s->state.folders, &current, &c->err))
		return FOUND_FAILED;
	struct folder_edit repeat = *edit;
	if (repeat.folder.id == 0)
		repeat.folder.id = new_folder(&s->old, &current);
	struct folder_list applied = repeat.apply(c->arena, &s->old, &repeat);
	if (!folder_list_equal(&applied, &current))
		return FOUND_NONE;
	*edit = repeat;
	return FOUND_ONE;
}

/*
 * The number of the folder that was made: of the appearance that is of the type that the device
 * asked for, if there is one. A device that is not shown the folder gets its own number.
 */
static int32_t find_made(const struct folder_map *now, const struct folder_edit *edit)
{
	int32_t id = edit->made.folder;
	for (size_t i = now->n; i-- > 0;) {
		const struct shown_folder *f = &now->v[i];
		if (f->at.account != edit->made.account || f->at.folder != edit->made.folder)
			continue;
		id = f->id;
		if (folder_list_class(f->type) == folder_list_class(edit->folder.type))
			break;
	}
	return id;
}

/*
 * What the device knows from now on. When that is all there is, the account's modseq says so; else
 * there is more for FolderSync to tell, and 0 stands for no modseq at all.
 */
static bool advance(struct call *c, struct hierarchy_step *s, struct folder_edit *edit)
{
	int64_t modseq;
	if (!hierarchy_step_look(c, s) ||
	    !hierarchy_newest(c->session->db, c->gate.account, &modseq, &c->err))
		return false;
	if (edit->made.folder)
		edit->folder.id = find_made(&s->map, edit);
	struct folder_list applied = edit->apply(c->arena, &s->old, edit);
	bool all = folder_list_equal(&applied, &s->now);
	hierarchy_step_next(c, s, folder_list_to_json(c->arena, all ? &s->now : &applied));
	s->state.modseq = all ? modseq : 0;
	return true;
}

/* Returns the status to answer with, or 0: c->err. */
static unsigned take_step(struct call *c, struct hierarchy_step *s, struct folder_edit *edit)
{
	bool known;
	if (!hierarchy_step_begin(c, s, &known))
		return 0;
	if (!known)
		return FOLDER_KEY_INVALID;
	enum found repeated = find_repeat(c, s, edit);
	if (repeated != FOUND_NONE)
		return repeated == FOUND_ONE ? STATUS_OK : 0;
	unsigned status = edit->act(c, edit, &s->map);
	if (status != STATUS_OK)
		return status;
	if (!advance(c, s, edit) || !hierarchy_step_save(c, s) ||
	    !pg_commit(c->session->db, &c->err))
		return 0;
	return STATUS_OK;
}

void folder_edit_run(struct call *c, struct folder_edit *edit, bool made)
{
	struct hierarchy_step s = {0};
	struct str key;
	char text[SYNCKEY_TEXT];
	/* A Status has no place in a request (MS-ASCMD 2.2.3.77). */
	if (!folder_edit_text(c, FolderHierarchy_SyncKey, &key) ||
	    wbxml_child(c->root, FolderHierarchy_Status)) {
		call_answer_status(c, FOLDER_MALFORMED);
		return;
	}
	unsigned status = FOLDER_KEY_INVALID;
	if (synckey_parse(key, &s.key) && !s.key.zero)
		status = take_step(c, &s, edit);
	pg_rollback(c->session->db);
	if (status == 0) {
		call_fail(c, NULL);
		return;
	}
	call_answer_status(c, status);
	if (status != STATUS_OK)
		return;
	wbxml_cstr(&c->out, FolderHierarchy_SyncKey,
		   synckey_format(s.state.epoch, s.state.n, text));
	if (made)
		wbxml_int(&c->out, FolderHierarchy_ServerId, edit->folder.id);
}
