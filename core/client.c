/* client: what has to be known of client programs. See client.h for the contract. */
#include "core/client.h"

#include <stddef.h>

static const struct client {
	struct str device_type, user_agent;
	unsigned traits;
} clients[] = {
#define CLIENT(device_type, user_agent, traits)                                                    \
	{STR_INIT(device_type), STR_INIT(user_agent), traits},
#include "core/clients.def"
#undef CLIENT
};

unsigned client_traits(struct str device_type, struct str user_agent)
{
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
		if (str_starts_nocase(device_type, clients[i].device_type) &&
		    str_starts_nocase(user_agent, clients[i].user_agent))
			return clients[i].traits;
	return 0;
}
