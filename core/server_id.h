/*
 * server_id: the ids that devices see: of a folder (CollectionId), of an item (ServerId), of an
 * attachment (FileReference).
 *
 * An item's id is folder:epoch:uid, so that an old id never means another item; an attachment's is
 * its item's id and the path of its MIME part (MS-ASCMD 2.2.3.166, at most 64 characters).
 */
#ifndef EASEL_CORE_SERVER_ID_H
#define EASEL_CORE_SERVER_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

struct arena;

struct server_id {
	int32_t folder, epoch;
	int64_t uid;
};

/* Number of a folder; false when the text is none. */
bool server_id_parse_folder(struct str text, int32_t *out);

bool server_id_parse(struct str text, struct server_id *out);
struct str server_id_text(struct arena *a, struct server_id id);

/* "folder:epoch:uid:part"; *part is the rest of the text. */
bool server_id_parse_file(struct str text, struct server_id *out, struct str *part);

#endif
