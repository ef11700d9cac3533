/*
 * mail_body: the body of a message in the form that a device asked for (MS-ASAIRS 2.2.2.9
 * to 2.2.2.12).
 *
 * In two steps, so that a Sync of a hundred messages reads all their texts with one call to the
 * store: body_plan() decides from the summary alone which form it will be and which slice of the
 * raw message that takes; body_make() turns the slice into the body. Failure rule: no message is
 * refused; what can't be decoded is shown as it is. Ownership: results lie in the arena or point
 * into the slice. Thread: any.
 */
#ifndef EASEL_CORE_MAIL_BODY_H
#define EASEL_CORE_MAIL_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/message.h"
#include "wbxml/wbxml.h"

struct arena;

/* ---- What a device asks for ---- */

enum body_type { BODY_PLAIN = 1, BODY_HTML = 2, BODY_RTF = 3, BODY_MIME = 4 };

/* One BodyPreference (MS-ASAIRS 2.2.2.12). */
struct body_pref {
	enum body_type type;
	int64_t truncation_size; /* bytes of UTF-8; -1: everything */
	bool all_or_none;
	unsigned preview; /* characters, 0 to 255 */
};

enum { BODY_PREFS = 4 };

struct body_prefs {
	struct body_pref v[BODY_PREFS]; /* no two of one type */
	unsigned n;
	struct body_pref part; /* BodyPartPreference, of 14.1 on; type 0: none */
	int mime_support;      /* 0 never, 1 S/MIME only, 2 always; -1: not said, which means 0 */
	int mime_truncation;   /* 0 to 8 (MS-ASCMD 2.2.3.111); -1: not said, which means 8 */
};

/* What holds when nothing was ever said: the form in which the message is stored, whole. */
extern const struct body_prefs body_prefs_standard;

/*
 * Reads BodyPreference (below 12.0 Truncation), MIMESupport and MIMETruncation out of an Options
 * element (NULL: there is none); everything else there is the caller's. ERR_INVALID, status 4 of
 * Sync: a value out of range, two preferences for one type, children in the wrong order
 * (MS-ASAIRS 3.2.5.1). ERR_UNSUPPORTED, status 164: a BodyPartPreference for something else than
 * HTML.
 */
bool body_prefs_decode(const struct wbxml_node *options, unsigned version, struct body_prefs *out,
		       struct err *e);

/* {"bodies":[{"type":2,"size":32768,"all":true,"preview":100}],"part":{…},"mime":2,"mime_size":8}
 */
json_t *body_prefs_to_json(const struct body_prefs *prefs);

/* NULL gives the standard. False on what this version does not know (ERR_INTERNAL). */
bool body_prefs_from_json(const json_t *json, struct body_prefs *out, struct err *e);

/* ---- What it gets ---- */

enum body_source {
	BODY_FROM_NOTHING, /* there is no body, or none that may be sent */
	BODY_FROM_PART,	   /* a part is what is wanted, once decoded */
	BODY_CONVERTED,	   /* a part is turned into the other form */
	BODY_FROM_RAW,	   /* the start of the raw message, or all of it */
	BODY_STREAMED /* the raw message, read only when the answer is sent: nothing to fetch */
};

/* Plain data: may be copied, holds pointers into the message only. */
struct body_plan {
	enum body_source source;
	enum body_type type;	 /* of the Body element */
	const struct part *part; /* of BODY_FROM_PART and BODY_CONVERTED */
	int64_t offset, length;	 /* slice of the raw message to fetch; nothing when length is 0 */
	int64_t limit;		 /* most bytes of Data; -1: no limit */
	bool all_or_none;
	bool unique; /* without what is quoted */
	unsigned preview;
};

/*
 * Decides. The form in which the message is stored wins over the order of the preferences, unless
 * AllOrNone forbids to cut it (MS-ASAIRS 2.2.2.3.2); RTF is never given; MIME only as MIMESupport
 * says, and S/MIME never cut. A device that wants nothing but MIME and says nothing of MIMESupport
 * gets MIME. 2.5 knows plain text, and MIME where MIMESupport asks for it.
 */
void body_plan(const struct message *m, const struct body_prefs *prefs, unsigned version,
	       struct body_plan *out);

/*
 * The same for the BodyPart: HTML without what is quoted (MS-ASAIRS 2.2.2.10). False: none is asked
 * for.
 */
bool body_plan_part(const struct message *m, const struct body_prefs *prefs, unsigned version,
		    struct body_plan *out);

/* Form in which the message is stored (NativeBodyType, MS-ASAIRS 2.2.2.32). */
enum body_type body_native_type(const struct message *m);

struct body_text {
	struct str data; /* legal XML; empty when there is none, and for BODY_STREAMED */
	int64_t size;	 /* EstimatedDataSize, bytes */
	bool truncated;
	struct str preview; /* empty: no Preview element */
};

/*
 * Makes it. `bytes` is the slice that the plan asked for, shorter where the message is. False only
 * when the arena overflowed (ERR_TOO_LARGE).
 */
bool body_make(struct arena *a, const struct message *m, const struct body_plan *plan,
	       struct str bytes, struct body_text *out, struct err *e);

/* Line ends as CRLF: clients need it inside quoted-printable, and signatures are made over it. */
struct str body_with_crlf(struct arena *a, struct str text);

/*
 * The raw message as text that XML can carry: line ends CRLF, parts and headers with 8-bit bytes
 * encoded anew. What is signed or encrypted is not touched but for bytes that XML forbids.
 */
struct str body_clean_mime(struct arena *a, struct str raw);

#endif
