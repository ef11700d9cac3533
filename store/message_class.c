/* message: what kind of message it is (MS-ASEMAIL 2.2.2.49). See message_scan.h. */
#include "store/message_scan.h"

#include "core/base/arena.h"

enum { LOOK = 64 * 1024 };

static bool pkcs7_mime(struct str type)
{
	return str_eq(type, STR("application/pkcs7-mime")) ||
	       str_eq(type, STR("application/x-pkcs7-mime"));
}

static bool pkcs7_signature(struct str type)
{
	return str_eq(type, STR("application/pkcs7-signature")) ||
	       str_eq(type, STR("application/x-pkcs7-signature"));
}

/*
 * Signed with S/MIME. A message signed with PGP is an ordinary one: a phone that is told otherwise
 * looks for a certificate and shows nothing.
 */
static bool smime_signed(const struct mime_tree *tree)
{
	const struct mime_part *root = &tree->v[0];
	if (!str_eq(root->type, STR("multipart/signed")))
		return false;
	if (root->protocol.n)
		return pkcs7_signature(root->protocol);
	return tree->n > 2 && pkcs7_signature(tree->v[tree->n - 1].type);
}

/* A gateway may have made the type octet-stream and left the name. */
static bool smime_opaque(const struct mime_tree *tree)
{
	const struct mime_part *root = &tree->v[0];
	return pkcs7_mime(root->type) || (str_eq(root->type, STR("application/octet-stream")) &&
					  str_ends_nocase(root->name, STR(".p7m")));
}

bool message_is_smime(const struct mime_tree *tree)
{
	return smime_signed(tree) || smime_opaque(tree);
}

/* The value of the first "name:" or "name;…:" line of a text, to the end of the line. */
static struct str line_value(struct str text, struct str name)
{
	struct str line;
	while (str_next(&text, '\n', &line)) {
		if (!str_starts_nocase(line, name) || line.n == name.n)
			continue;
		if (line.p[name.n] == ':' || line.p[name.n] == ';')
			return str_trim(
				str_sub(line, (size_t)str_find_byte(line, ':') + 1, line.n));
	}
	return (struct str){"", 0};
}

/* What an answer says stands in the attendee's PARTSTAT. */
static struct str response_class(struct str text)
{
	if (str_find(text, STR("PARTSTAT=ACCEPTED")) >= 0)
		return STR("IPM.Schedule.Meeting.Resp.Pos");
	if (str_find(text, STR("PARTSTAT=DECLINED")) >= 0)
		return STR("IPM.Schedule.Meeting.Resp.Neg");
	return STR("IPM.Schedule.Meeting.Resp.Tent");
}

static struct str meeting_class(struct arena *a, struct str raw, const struct mime_tree *tree,
				const struct message *m)
{
	for (unsigned i = 0; i < m->nparts; i++) {
		if (m->parts[i].role != PART_CALENDAR)
			continue;
		struct str text = message_part_text(a, raw, &m->parts[i], LOOK);
		struct str method =
			tree->v[i].method.n ? tree->v[i].method : line_value(text, STR("METHOD"));
		if (str_eq_nocase(method, STR("REQUEST")))
			return STR("IPM.Schedule.Meeting.Request");
		if (str_eq_nocase(method, STR("CANCEL")))
			return STR("IPM.Schedule.Meeting.Canceled");
		if (str_eq_nocase(method, STR("REPLY")))
			return response_class(text);
		if (str_eq_nocase(method, STR("COUNTER")))
			return STR("IPM.Schedule.Meeting.Resp.Tent");
	}
	return (struct str){"", 0};
}

static struct str delivery_class(struct str status)
{
	struct str action = line_value(status, STR("Action"));
	if (str_starts_nocase(action, STR("delayed")))
		return STR("REPORT.IPM.Note.DELAYED");
	if (str_starts_nocase(action, STR("delivered")) ||
	    str_starts_nocase(action, STR("relayed")) || str_starts_nocase(action, STR("expanded")))
		return STR("REPORT.IPM.Note.DR");
	return STR("REPORT.IPM.Note.NDR");
}

static struct str report_class(struct arena *a, struct str raw, const struct mime_tree *tree,
			       const struct message *m)
{
	if (!str_eq(tree->v[0].type, STR("multipart/report")))
		return (struct str){"", 0};
	for (unsigned i = 0; i < m->nparts; i++) {
		struct str type = m->parts[i].type;
		if (str_eq(type, STR("message/delivery-status")))
			return delivery_class(message_part_text(a, raw, &m->parts[i], LOOK));
		if (!str_eq(type, STR("message/disposition-notification")))
			continue;
		struct str text = message_part_text(a, raw, &m->parts[i], LOOK);
		struct str how = line_value(text, STR("Disposition"));
		return str_ends_nocase(how, STR("displayed")) ||
				       str_find(how, STR("displayed")) >= 0
			       ? STR("REPORT.IPM.Note.IPNRN")
			       : STR("REPORT.IPM.Note.IPNNRN");
	}
	return (struct str){"", 0};
}

struct str message_find_class(struct arena *a, struct str raw, const struct mime_tree *tree,
			      const struct message *m)
{
	if (smime_signed(tree))
		return STR("IPM.Note.SMIME.MultipartSigned");
	if (smime_opaque(tree))
		return str_eq(tree->v[0].smime_type, STR("signed-receipt"))
			       ? STR("IPM.Note.Receipt.SMIME")
			       : STR("IPM.Note.SMIME");
	struct str found = report_class(a, raw, tree, m);
	if (!found.n)
		found = meeting_class(a, raw, tree, m);
	return found.n ? found : STR("IPM.Note");
}
