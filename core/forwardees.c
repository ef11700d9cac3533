/* forwardees: events forwarded without a message. See forwardees.h for the contract. */
#include "core/forwardees.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/mail_body.h"
#include "core/status.h"
#include "store/mime.h"
#include "wbxml/wbxml.h"

enum { FORWARDEES_MOST = 1000 };

static bool has_any(const struct wbxml_node *command, const unsigned *tags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (wbxml_child(command, tags[i]))
			return true;
	return false;
}

static bool read_people(const struct item_context *ctx, const struct wbxml_node *list,
			struct forwardees *out)
{
	size_t n = wbxml_count(list);
	if (n == 0 || n > FORWARDEES_MOST)
		return false;
	out->v = arena_array(ctx->arena, n, sizeof *out->v);
	for (const struct wbxml_node *one = list->first; one; one = one->next) {
		struct mailbox *m = &out->v[out->n++];
		m->name = str_trim(wbxml_child_text(one, ComposeMail_Name));
		m->address = str_trim(wbxml_child_text(one, ComposeMail_Email));
		if (one->tag != ComposeMail_Forwardee || !mime_address_usable(m->address))
			return false;
	}
	return true;
}

unsigned forwardees_read(const struct item_context *ctx, const struct wbxml_node *command,
			 struct forwardees *out)
{
	static const unsigned excluded[] = {ComposeMail_Mime, ComposeMail_SaveInSentItems,
					    ComposeMail_ReplaceMime, RightsManagement_TemplateID};
	const struct wbxml_node *list = wbxml_child(command, ComposeMail_Forwardees);
	const struct wbxml_node *body = wbxml_child(command, AirSyncBase_Body);
	const struct item_edit_field field = {AirSyncBase_Body, body, NULL};
	const struct item_text none = {{"", 0}, {"", 0}};
	struct err ignored;
	*out = (struct forwardees){.text = none};
	if (!list && !body)
		return STATUS_OK;
	if (has_any(command, excluded, sizeof excluded / sizeof *excluded))
		return STATUS_INVALID_MIME_BODY_COMBINATION;
	if (!list)
		return STATUS_NO_RECIPIENT;
	if (!read_people(ctx, list, out) ||
	    (body && !item_body_apply(ctx, &field, none, &out->text, &ignored)))
		return STATUS_INVALID_SMART_FORWARD;
	return STATUS_OK;
}

struct str forwardees_message(struct arena *a, const struct forwardees *f, struct str subject)
{
	struct buf out = {0};
	bool html = f->text.html.n > 0;
	buf_cstr(&out, "To: ");
	for (size_t i = 0; i < f->n; i++)
		buf_printf(&out, "%s%.*s", i ? ",\r\n " : "",
			   STR_ARG(mime_mailbox_text(a, f->v[i])));
	buf_printf(&out, "\r\nSubject: FW: %.*s\r\n", STR_ARG(mime_header_text(a, subject)));
	buf_printf(&out, "Content-Type: text/%s; charset=utf-8\r\n", html ? "html" : "plain");
	buf_cstr(&out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	mime_put_qp(&out, body_with_crlf(a, html ? f->text.html : f->text.plain));
	return buf_move(a, &out);
}
