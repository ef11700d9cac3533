/*
 * sync_command: one command of a device on its way through a Sync: what sync_commands.c, which
 * knows repeats and order, has carried out by sync_mail.c and sync_item.c.
 *
 * Each action sets the response's status; false only when the request as a whole has to be given up
 * (c->err). Within the store's transaction.
 */
#ifndef EASEL_CORE_SYNC_COMMAND_H
#define EASEL_CORE_SYNC_COMMAND_H

#include "core/server_id.h"
#include "core/sync.h"

struct sync_command {
	struct call *call;
	struct sync_collection *col;
	const struct wbxml_node *node;
	struct sync_response *response;
	struct server_id id;	  /* of Change and Delete; of an Add: set when it was done */
	struct sync_added *added; /* of an Add: what is kept of it */
	bool has_more; /* set when the item keeps something that the device has no more */
};

/* The item that the command names. FOUND_FAILED gives up the request. */
enum found sync_command_look_up(const struct sync_command *x, struct item *out);

/*
 * The item's status for what the store answered, as the command's response. False: it is no matter
 * of the item, or the transaction has failed with it.
 */
bool sync_command_fail(const struct sync_command *x);

/* The status of a command of this tag that failed so, for its own sake. */
unsigned sync_command_status(unsigned tag, enum err_kind kind);

/* A Change of a message: read state, flag, categories. */
bool sync_mail_change(struct sync_command *x);

/* A message made on the device. */
bool sync_mail_add(struct sync_command *x);

/* Whether the command is about a text message; then all of it is carried out here. */
bool sync_sms_is(const struct sync_command *x);
bool sync_sms_run(struct sync_command *x);

/*
 * The item that an Add of earlier made, found by its name: sets the id. The device is told of all
 * of it, since nobody knows how it has it.
 */
enum found sync_item_find_added(struct sync_command *x);

/*
 * What an Add made, and is gone from the folder, whose uids have changed since: it gets an id that
 * no item ever has, the same each time, since the one that it had may be another one's.
 */
void sync_item_set_gone(struct sync_command *x);

/* Sets that id when somebody moved the item to another folder; the device is told that it is gone.
 */
enum found sync_item_find_elsewhere(struct sync_command *x);

/* Items that are kept as text. */
bool sync_item_add(struct sync_command *x);
bool sync_item_change(struct sync_command *x);

/* One occurrence of an event is deleted (InstanceId, MS-ASAIRS 2.2.2.25). */
bool sync_item_remove_instance(struct sync_command *x);

#endif
