/* pg_search: finding items in PostgreSQL; the pg store's search operation. */
#ifndef EASEL_STORE_PG_SEARCH_H
#define EASEL_STORE_PG_SEARCH_H

#include "core/base/err.h"
#include "store/search.h"

struct arena;
struct pg;

bool pg_search(struct pg *db, struct arena *a, int32_t account, const struct search *q,
	       size_t offset, size_t limit, struct hits *out, struct err *e);

#endif
