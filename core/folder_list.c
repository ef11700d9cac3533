/* folder_list: the folders as one device sees them. See folder_list.h for the contract. */
#include "core/folder_list.h"

#include <stdlib.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "core/item_class.h"

/* MS-ASCMD 2.2.3.186.3: type of the folder with a role, or made by the user. */
static int type_of(const struct folder *f)
{
	static const int by_role[] = {
		[ROLE_INBOX] = 2,  [ROLE_DRAFTS] = 3,	[ROLE_TRASH] = 4,    [ROLE_SENT] = 5,
		[ROLE_OUTBOX] = 6, [ROLE_TASKS] = 7,	[ROLE_CALENDAR] = 8, [ROLE_CONTACTS] = 9,
		[ROLE_NOTES] = 10, [ROLE_ARCHIVE] = 12, [ROLE_JUNK] = 12,
		[ROLE_RECIPIENTS] = 19,
	};
	static const int by_class[] = {
		[CLASS_EMAIL] = 12, [CLASS_CALENDAR] = 13, [CLASS_CONTACTS] = 14,
		[CLASS_TASKS] = 15, [CLASS_NOTES] = 17,	   [CLASS_FILES] = 1,
	};
	return f->role != ROLE_NONE ? by_role[f->role] : by_class[f->class];
}

void folder_list_make(struct arena *a, const struct folder *folders, size_t n,
		      struct folder_list *out)
{
	out->v = arena_array(a, n, sizeof *out->v);
	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!item_class_served(folders[i].class))
			continue;
		out->v[out->n++] = (struct folder_entry){
			.id = folders[i].id,
			.parent = folders[i].parent,
			.type = type_of(&folders[i]),
			.name = folders[i].name,
		};
	}
}

struct str folder_list_to_json(struct arena *a, const struct folder_list *l)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list,
				      json_pack("[iiis%]", (int)l->v[i].id, (int)l->v[i].parent,
						l->v[i].type, l->v[i].name.p, l->v[i].name.n));
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	struct str copy = {arena_strdup(a, text), strlen(text)};
	free(text);
	return copy;
}

bool folder_list_from_json(struct arena *a, struct str json, struct folder_list *out, struct err *e)
{
	json_t *list = json_loadb(json.p, json.n, 0, NULL);
	out->v = arena_array(a, json_array_size(list), sizeof *out->v);
	out->n = 0;
	bool ok = json_is_array(list);
	for (size_t i = 0; ok && i < json_array_size(list); i++) {
		struct folder_entry *f = &out->v[i];
		const char *name;
		size_t length;
		int id, parent;
		ok = json_unpack(json_array_get(list, i), "[iiis%]", &id, &parent, &f->type, &name,
				 &length) == 0;
		if (!ok)
			break;
		f->id = id;
		f->parent = parent;
		f->name = (struct str){arena_dup(a, name, length), length};
		out->n++;
	}
	json_decref(list);
	return ok || err_set(e, ERR_INTERNAL, "a stored folder list can't be read");
}

const struct folder_entry *folder_list_find(const struct folder_list *l, int32_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

bool folder_entry_equal(const struct folder_entry *a, const struct folder_entry *b)
{
	return a->id == b->id && a->parent == b->parent && a->type == b->type &&
	       str_eq(a->name, b->name);
}

bool folder_list_equal(const struct folder_list *a, const struct folder_list *b)
{
	bool equal = a->n == b->n;
	for (size_t i = 0; equal && i < a->n; i++) {
		const struct folder_entry *other = folder_list_find(b, a->v[i].id);
		equal = other && folder_entry_equal(&a->v[i], other);
	}
	return equal;
}

/* For each entry, whether it is the one with the id or below it; parents come before children. */
static bool *find_below(struct arena *a, const struct folder_list *l, int32_t id)
{
	bool *below = arena_array(a, l->n, sizeof *below);
	for (size_t i = 0; i < l->n; i++) {
		below[i] = l->v[i].id == id;
		for (size_t j = 0; j < i && !below[i]; j++)
			below[i] = below[j] && l->v[j].id == l->v[i].parent;
	}
	return below;
}

static void append_where(struct folder_list *out, const struct folder_list *l, const bool *which,
			 bool value)
{
	for (size_t i = 0; i < l->n; i++)
		if (which[i] == value)
			out->v[out->n++] = l->v[i];
}

struct folder_list folder_list_put(struct arena *a, const struct folder_list *l,
				   const struct folder_entry *entry)
{
	struct folder_list out = {arena_array(a, l->n + 1, sizeof *out.v), 0};
	const bool *below = find_below(a, l, entry->id);
	append_where(&out, l, below, false);
	size_t at = out.n;
	append_where(&out, l, below, true);
	if (out.n == at)
		out.n++;
	out.v[at] = *entry;
	return out;
}

struct folder_list folder_list_drop(struct arena *a, const struct folder_list *l, int32_t id)
{
	struct folder_list out = {arena_array(a, l->n, sizeof *out.v), 0};
	append_where(&out, l, find_below(a, l, id), false);
	return out;
}
