/*
 * imap_message: what is read of messages on an IMAP server, and no more than is needed.
 *
 * A small message is fetched whole, which costs one answer and gives everything exactly. Of a large
 * one the header, the structure, the headers of its parts and the start of its texts are fetched,
 * and put together to a message without its attachments, which is scanned like any other. Its parts
 * then lie at places of their own: (number of the part + 1) << 40, each from its own byte 0, so
 * that a slice of a part is one partial FETCH.
 *
 * What was fetched is remembered until imap_reader_reset(), for the request. Failure rule: as
 * imap.h. Thread: that of the connection.
 */
#ifndef EASEL_STORE_IMAP_MESSAGE_H
#define EASEL_STORE_IMAP_MESSAGE_H

#include "store/imap_index.h"

struct imap_reader;

struct imap_reader *imap_reader_new(void);
void imap_reader_free(struct imap_reader **r);
void imap_reader_reset(struct imap_reader *r);

/* Fills in the messages of those that are `found`; those that are gone are not any more. */
bool imap_reader_summaries(struct imap_reader *r, struct imap_link *link,
			   const struct imap_box *box, struct arena *a, struct summary *v, size_t n,
			   struct err *e);

bool imap_reader_slices(struct imap_reader *r, struct imap_link *link, const struct imap_box *box,
			struct arena *a, struct slice *v, size_t n, struct err *e);

/*
 * One slice. FOUND_NONE: the message is gone. Of a place within a part the summary must have been
 * read in the same request.
 */
enum found imap_reader_slice(struct imap_reader *r, struct imap_link *link,
			     const struct imap_box *box, struct arena *a, struct slice *v,
			     struct err *e);

/* A message made of its header and the structure that the server tells: for tests of hostile ones.
 */
bool imap_message_assemble(struct arena *a, const struct imap_value *structure, struct str header,
			   int64_t size, struct message *out, struct err *e);

#endif
