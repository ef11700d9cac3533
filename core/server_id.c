/* server_id: the ids that devices see. See server_id.h for the contract. */
#include "core/server_id.h"

#include "core/base/arena.h"

static bool positive(struct str text, int64_t max, int64_t *out)
{
	return text.n <= 19 && str_to_i64(text, out) && *out > 0 && *out <= max;
}

bool server_id_parse_folder(struct str text, int32_t *out)
{
	int64_t v;
	if (!positive(text, INT32_MAX, &v))
		return false;
	*out = (int32_t)v;
	return true;
}

/* The three numbers; what follows them stays in *rest. */
static bool parse(struct str *rest, struct server_id *out)
{
	struct str folder, epoch, uid;
	int64_t number;
	if (!str_next(rest, ':', &folder) || !str_next(rest, ':', &epoch) ||
	    !str_next(rest, ':', &uid))
		return false;
	if (!server_id_parse_folder(folder, &out->folder) || !positive(epoch, INT32_MAX, &number))
		return false;
	out->epoch = (int32_t)number;
	return positive(uid, INT64_MAX - 1, &out->uid);
}

bool server_id_parse(struct str text, struct server_id *out)
{
	return parse(&text, out) && text.p == NULL;
}

bool server_id_parse_file(struct str text, struct server_id *out, struct str *part)
{
	if (!parse(&text, out) || text.n == 0)
		return false;
	*part = text;
	return true;
}

struct str server_id_text(struct arena *a, struct server_id id)
{
	return str_of(arena_printf(a, "%d:%d:%lld", id.folder, id.epoch, (long long)id.uid));
}
