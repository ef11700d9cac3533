/* bounce: the message that tells a sender of a failure. See bounce.h for the contract. */
#include "store/bounce.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "store/mime.h"
#include "store/mime_write.h"

/* "5.1.1" out of "550 5.1.1 No such user"; what says none failed for good. */
static struct str enhanced_code(struct str reason)
{
	struct str first, second, rest = reason;
	if (!str_next(&rest, ' ', &first) || !str_next(&rest, ' ', &second))
		return STR("5.0.0");
	bool code = second.n >= 5 && second.n <= 11 && (second.p[0] == '5' || second.p[0] == '4');
	for (size_t i = 0; code && i < second.n; i++)
		code = (second.p[i] >= '0' && second.p[i] <= '9') || second.p[i] == '.';
	return code ? second : STR("5.0.0");
}

static struct str domain_of(struct str address)
{
	ptrdiff_t at = str_find_byte(address, '@');
	return str_sub(address, at < 0 ? 0 : (size_t)at + 1, address.n);
}

static void put_header(struct arena *a, struct buf *out, struct str sender, struct str head,
		       struct str boundary, int64_t now)
{
	struct str subject = mime_text(a, mime_field_find(head, STR("Subject")));
	struct str id = str_trim(mime_field_find(head, STR("Message-ID")));
	struct str date = mime_date_text(a, now), own_id = mime_new_id(a, sender);
	subject = str_of(arena_printf(a, "Undelivered: %.*s", STR_ARG(subject)));
	subject = mime_header_text(a, subject);
	buf_printf(out, "From: Mail Delivery System <mailer-daemon@%.*s>\r\n",
		   STR_ARG(domain_of(sender)));
	buf_printf(out, "To: %.*s\r\nSubject: %.*s\r\n", STR_ARG(sender), STR_ARG(subject));
	buf_printf(out, "Date: %.*s\r\nMessage-ID: %.*s\r\n", STR_ARG(date), STR_ARG(own_id));
	if (id.n > 0 && id.n < 900 && str_find_byte(id, '\n') < 0)
		buf_printf(out, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n", STR_ARG(id),
			   STR_ARG(id));
	buf_printf(
		out,
		"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%.*s\"\r\n",
		STR_ARG(boundary));
}

static void put_text(struct buf *out, const struct bounce_failure *v, size_t n)
{
	struct buf text = {0};
	buf_cstr(&text, "Your message could not be delivered to:\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "    %.*s\r\n    %.*s\r\n\r\n", STR_ARG(v[i].recipient),
			   STR_ARG(v[i].reason));
	buf_cstr(&text, "It will not be tried again.\r\n");
	mime_put_qp(out, buf_get(&text));
	buf_free(&text);
}

static void put_status(struct buf *out, struct str sender, const struct bounce_failure *v, size_t n)
{
	buf_printf(out, "Reporting-MTA: dns; %.*s\r\n", STR_ARG(domain_of(sender)));
	for (size_t i = 0; i < n; i++) {
		buf_printf(
			out,
			"\r\nFinal-Recipient: rfc822; %.*s\r\nAction: failed\r\nStatus: %.*s\r\n",
			STR_ARG(v[i].recipient), STR_ARG(enhanced_code(v[i].reason)));
		buf_printf(out, "Diagnostic-Code: smtp; %.*s\r\n", STR_ARG(v[i].reason));
	}
}

struct str bounce_make(struct arena *a, struct str sender, struct str raw,
		       const struct bounce_failure *v, size_t n, int64_t now)
{
	struct buf out = {0};
	struct str boundary = mime_new_boundary(a), name, value;
	size_t body;
	struct str head = mime_head(raw, &body);
	put_header(a, &out, sender, head, boundary, now);
	buf_printf(&out, "\r\n--%.*s\r\nContent-Type: text/plain; charset=utf-8\r\n",
		   STR_ARG(boundary));
	buf_cstr(&out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	put_text(&out, v, n);
	buf_printf(&out, "\r\n--%.*s\r\nContent-Type: message/delivery-status\r\n\r\n",
		   STR_ARG(boundary));
	put_status(&out, sender, v, n);
	buf_printf(&out, "\r\n--%.*s\r\nContent-Type: text/rfc822-headers\r\n\r\n",
		   STR_ARG(boundary));
	while (mime_field(&head, &name, &value))
		mime_put_field(&out, name, value);
	buf_printf(&out, "\r\n--%.*s--\r\n", STR_ARG(boundary));
	return buf_move(a, &out);
}
