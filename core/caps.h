/*
 * caps: what a device is given at most, whatever it asks for (struct caps of store/account.h),
 * applied to what it asks: the stricter of both holds. Thread: any.
 */
#ifndef EASEL_CORE_CAPS_H
#define EASEL_CORE_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/mail_body.h"
#include "core/sync_options.h"
#include "store/account.h"

/* The start of the filter as sync_options_cutoff_in(), with the look-back that the class may have.
 */
int64_t caps_cutoff(const struct caps *caps, const struct folder *folder,
		    const struct sync_options *o, int64_t now);

/* Notes the caps that are kept with the options: how far conversations go back, sizes; a file that
 * is shown as a message may have any. */
void caps_options(const struct caps *caps, const struct folder *folder, struct sync_options *o);

/* What of a folder is shown beside its filter, with options that have the caps. */
struct ledger_view caps_view(const struct folder *folder, const struct sync_options *o,
			     int64_t now);

/*
 * Bodies: no longer than allowed, and HTML only where it is; where HTML is not, or attachments are
 * not, or not all, no MIME, which has them in it.
 */
struct body_prefs caps_body(const struct caps *caps, const struct body_prefs *prefs);

enum caps_attachment { ATTACHMENT_ALLOWED, ATTACHMENT_DENIED, ATTACHMENT_TOO_LARGE };

/* Whether an attachment of so many bytes may be downloaded. */
enum caps_attachment caps_attachment(const struct caps *caps, int64_t size);

#endif
