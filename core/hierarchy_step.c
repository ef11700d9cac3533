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

bool hierarchy_step_look(struct call *c, struct hierarchy_step *s)
{
	if (!folder_map_read(c->session->db, c->arena, c->gate.account, c->gate.device, c->version,
			     &s->map.v, &s->map.n, &c->err))
		return false;
	folder_list_make(c->arena, s->map.v, s->map.n, &s->now);
	return true;
}

const struct shown_folder *folder_map_find(const struct folder_map *m, int32_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].id == id)
			return &m->v[i];
	return NULL;
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
