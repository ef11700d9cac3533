/* hierarchy_step: one step of what a device knows of the tree. See hierarchy_step.h for the
 * contract. */
#include "core/hierarchy_step.h"

#include <string.h>

#include "store/pg.h"

bool hierarchy_step_load(struct call *c, struct hierarchy_step *s)
{
	enum found found =
		hierarchy_load(c->session->db, c->arena, c->gate.device, &s->state, &c->err);
	s->have_state = found == FOUND_ONE;
	return found != FOUND_FAILED;
}

/* The folders that the key stands for. FOUND_NONE: the key is not known. */
static enum found find_old(struct call *c, struct hierarchy_step *s)
{
	if (s->key.zero)
		return FOUND_ONE;
	if (!s->have_state || memcmp(s->state.epoch, s->key.epoch, SYNCKEY_EPOCH) != 0)
		return FOUND_NONE;
	struct str known = {NULL, 0};
	if (s->key.n == s->state.n)
		known = s->state.folders;
	else if (s->key.n == s->state.previous_n)
		known = s->state.previous;
	if (!known.p)
		return FOUND_NONE;
	return folder_list_from_json(c->arena, known, &s->old, &c->err) ? FOUND_ONE : FOUND_FAILED;
}

bool hierarchy_step_begin(struct call *c, struct hierarchy_step *s, bool *known)
{
	struct pg *db = c->session->db;
	if (!pg_begin(db, &c->err) || !hierarchy_claim(db, c->gate.device, &c->err) ||
	    !hierarchy_step_load(c, s) || !hierarchy_step_look(c, s))
		return false;
	enum found old = find_old(c, s);
	*known = old == FOUND_ONE;
	return old != FOUND_FAILED;
}

/* The recipient information cache exists from 14.0 on (MS-ASCNTC 3.1.4.4). */
static size_t leave_out(struct folder *folders, size_t n, enum folder_role role)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (role == ROLE_NONE || folders[i].role != role)
			folders[kept++] = folders[i];
	return kept;
}

bool hierarchy_step_look(struct call *c, struct hierarchy_step *s)
{
	struct store *store = c->session->store;
	struct folder *folders;
	size_t n;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return false;
	n = leave_out(folders, n, c->version < 140 ? ROLE_RECIPIENTS : ROLE_NONE);
	folder_list_make(c->arena, folders, n, &s->now);
	return true;
}

void hierarchy_step_next(struct call *c, struct hierarchy_step *s, struct str folders)
{
	s->state.previous = folder_list_to_json(c->arena, &s->old);
	s->state.previous_n = s->key.n;
	s->state.n++;
	s->state.folders = folders;
}

bool hierarchy_step_save(struct call *c, const struct hierarchy_step *s)
{
	if (c->gate.device == 0)
		return true;
	return hierarchy_save(c->session->db, c->arena, c->gate.account, c->gate.device, &s->state,
			      &c->err);
}
