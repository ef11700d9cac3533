/*
 * message_scan: the steps of message_scan() that have a file of their own. For store/message*.c
 * only.
 */
#ifndef EASEL_STORE_MESSAGE_SCAN_H
#define EASEL_STORE_MESSAGE_SCAN_H

#include "store/message.h"
#include "store/mime.h"

/*
 * Fills m->parts: one for each of the tree, with roles and names.
 *
 * What is the body, as users of Exchange know it: of a multipart/alternative the plain and the HTML
 * form; of a multipart/mixed the first inline text. Further texts of a multipart/mixed are
 * attachments, ATT00001.txt, as Exchange does with the footers of mailing lists: one body is one
 * place in the message, and nothing that somebody wrote is hidden. A body of white space only gives
 * way to a later one. Text with a file name inside a multipart/mixed is an attachment.
 */
void message_find_roles(struct arena *a, struct str raw, const struct mime_tree *tree,
			struct message *m);

/* MessageClass (MS-ASEMAIL 2.2.2.49) by the structure, and by content where only that tells. */
struct str message_find_class(struct arena *a, struct str raw, const struct mime_tree *tree,
			      const struct message *m);

/* Whether the first part is S/MIME: pkcs7-mime, or signed with pkcs7-signature. */
bool message_is_smime(const struct mime_tree *tree);

/* The decoded text of a part as UTF-8, from at most `most` encoded bytes. */
struct str message_part_text(struct arena *a, struct str raw, const struct part *part, size_t most);

#endif
