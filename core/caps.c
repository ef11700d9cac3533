/* caps: what a device is given at most. See caps.h for the contract. */
#include "core/caps.h"

/* ---- Look-back ---- */

/* A cap of 0 is none; FilterTypes 1 to 7 look back further and further, 0 without end. */
static int stricter(int asked, int cap)
{
	if (cap <= 0)
		return asked;
	return asked == 0 || asked > cap ? cap : asked;
}

static int look_back(const struct caps *caps, enum item_class class)
{
	if (class == CLASS_EMAIL)
		return caps->mail_age;
	return class == CLASS_CALENDAR ? caps->calendar_age : 0;
}

int64_t caps_cutoff(const struct caps *caps, const struct folder *folder,
		    const struct sync_options *o, int64_t now)
{
	struct sync_options capped = *o;
	capped.filter = stricter(o->filter, look_back(caps, folder->class));
	return sync_options_cutoff_in(&capped, folder, now);
}

void caps_options(const struct caps *caps, const struct folder *folder, struct sync_options *o)
{
	o->look_back = look_back(caps, folder->class);
	bool mail = folder->class == CLASS_EMAIL && folder->kept != CLASS_FILES;
	o->message_size = mail ? caps->message_size : 0;
}

struct ledger_view caps_view(const struct folder *folder, const struct sync_options *o, int64_t now)
{
	const struct sync_options back = {.filter = o->look_back};
	return (struct ledger_view){.conversations = o->conversations,
				    .oldest = sync_options_cutoff_in(&back, folder, now),
				    .largest = o->message_size};
}

/* ---- Bodies ---- */

static int64_t smaller(int64_t asked, int64_t cap)
{
	if (cap < 0)
		return asked;
	return asked < 0 || asked > cap ? cap : asked;
}

/* -1: any, which here is the larger. */
static int64_t larger(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a > b ? a : b;
}

static int64_t cap_of(const struct caps *caps, enum body_type type)
{
	switch (type) {
	case BODY_PLAIN:
		return caps->text_size;
	case BODY_HTML:
		return caps->html_size;
	default: /* has both in it */
		return larger(caps->text_size, caps->html_size);
	}
}

/* A message as MIME has its HTML and its attachments in it. */
static bool mime_is_free(const struct caps *caps)
{
	return caps->html && caps->attachments && caps->attachment_size < 0;
}

static bool is_free(const struct caps *caps)
{
	return caps->text_size < 0 && caps->html_size < 0 && mime_is_free(caps);
}

static bool has(const struct body_prefs *prefs, enum body_type type)
{
	for (unsigned i = 0; i < prefs->n; i++)
		if (prefs->v[i].type == type)
			return true;
	return false;
}

static void put(struct body_prefs *out, struct body_pref pref)
{
	if (!has(out, pref.type))
		out->v[out->n++] = pref;
}

static struct body_pref cap_pref(const struct caps *caps, struct body_pref pref)
{
	if (pref.type == BODY_HTML && !caps->html)
		pref.type = BODY_PLAIN;
	pref.truncation_size = smaller(pref.truncation_size, cap_of(caps, pref.type));
	pref.preview = (unsigned)smaller(pref.preview, caps->text_size);
	return pref;
}

struct body_prefs caps_body(const struct caps *caps, const struct body_prefs *prefs)
{
	static const struct body_pref any[] = {
		{.type = BODY_HTML, .truncation_size = -1},
		{.type = BODY_PLAIN, .truncation_size = -1},
	};
	if (is_free(caps))
		return *prefs;
	/* Nothing said means any form: then each has its cap. */
	struct body_prefs out = *prefs;
	const struct body_pref *v = prefs->n ? prefs->v : any;
	unsigned n = prefs->n ? prefs->n : sizeof any / sizeof *any;
	out.n = 0;
	for (unsigned i = 0; i < n; i++)
		put(&out, cap_pref(caps, v[i]));
	/* What can't be given in a form that was asked for is not given in one that has no cap. */
	if (!has(&out, BODY_HTML))
		put(&out, cap_pref(caps, any[1]));
	/* Without a size that was said for it MIME would have none. What is encrypted can't be read
	 * in any other form. */
	if (out.mime_support != 0 && (!mime_is_free(caps) || !has(&out, BODY_MIME)))
		out.mime_support = 1;
	if (out.part.type)
		out.part.truncation_size = smaller(out.part.truncation_size, caps->html_size);
	if (!caps->html)
		out.part.type = 0;
	return out;
}

/* ---- Attachments ---- */

enum caps_attachment caps_attachment(const struct caps *caps, int64_t size)
{
	if (!caps->attachments)
		return ATTACHMENT_DENIED;
	return caps->attachment_size >= 0 && size > caps->attachment_size ? ATTACHMENT_TOO_LARGE
									  : ATTACHMENT_ALLOWED;
}
