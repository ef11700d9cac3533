/* compose, mime_write, bounce: the messages that are sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/compose.h"
#include "store/bounce.h"
#include "store/mime.h"
#include "store/mime_write.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(64u << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static const struct sender ANNA = {.address = STR_INIT("anna@example.test"),
				   .display_name = STR_INIT("Anna Äpfel"),
				   .aliases = STR_INIT("sales@example.test\nhelp@example.test")};

static void assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}

static void assert_holds(struct str text, const char *part)
{
	if (str_find(text, str_of(part)) < 0)
		fail_msg("\"%s\" is not in:\n%.*s", part, STR_ARG(text));
}

static void assert_lacks(struct str text, const char *part)
{
	if (str_find(text, str_of(part)) >= 0)
		fail_msg("\"%s\" is in:\n%.*s", part, STR_ARG(text));
}

static struct message *scan(struct str raw)
{
	struct message *m = arena_alloc(arena, sizeof *m);
	struct err e;
	assert_true(message_scan(arena, raw, m, &e));
	return m;
}

static enum compose_result try_compose(struct compose c, struct composed *out)
{
	if (!c.sender)
		c.sender = &ANNA;
	c.now = INT64_C(1794823200000);
	return compose_message(arena, &c, out);
}

static struct composed compose(struct compose c)
{
	struct composed out;
	assert_int_equal(try_compose(c, &out), COMPOSE_DONE);
	return out;
}

static struct composed compose_new(const char *mime)
{
	return compose((struct compose){.mime = str_of(mime)});
}

/* ---- Addresses ---- */

static void mailboxes_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want; /* addresses, blank-separated */
	} cases[] = {
		{"", ""},
		{"a@x.test", "a@x.test"},
		{"A <a@x.test>, \"B, C\" <b@x.test>", "a@x.test b@x.test"},
		{"a@x.test; b@x.test;", "a@x.test b@x.test"},
		{"\"A; B\" <a@x.test>; b@x.test", "a@x.test b@x.test"},
		{"Friends: a@x.test, b@x.test;, c@x.test", "a@x.test b@x.test c@x.test"},
		{"undisclosed-recipients:;", ""},
		{"=?utf-8?q?=C3=84?= <a@x.test>", "a@x.test"},
		{"carl", "carl"},
		{",;,", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mailbox v[8];
		struct buf got = {0};
		unsigned n = mime_mailboxes(arena, str_of(cases[i].in), v, 8);
		for (unsigned k = 0; k < n; k++)
			buf_printf(&got, k ? " %.*s" : "%.*s", STR_ARG(v[k].address));
		assert_str(buf_move(arena, &got), cases[i].want);
	}
}

static void more_mailboxes_than_fit_are_counted(void **state)
{
	(void)state;
	struct mailbox v[2];
	assert_int_equal(mime_mailboxes(arena, STR("a@x, b@x, c@x"), v, 2), 3);
	assert_str(v[1].address, "b@x");
}

static void addresses_are_usable_or_not(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{"a@x.test", true},	 {"a+b@x.test", true},	  {"ä@x.test", true},
		{"carl", false},	 {"@x.test", false},	  {"a@", false},
		{"a@b@c", false},	 {"a b@x.test", false},	  {"a@x.test>", false},
		{"a\r\n@x.test", false}, {"\"a\"@x.test", false}, {"", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (mime_address_usable(str_of(cases[i].address)) != cases[i].want)
			fail_msg("%s", cases[i].address);
}

/* ---- Header ---- */

static void what_is_missing_is_added(void **state)
{
	(void)state;
	struct composed c = compose_new("To: ben@x.test\r\nSubject: Hi\r\n\r\nText\r\n");
	assert_str(c.from, "anna@example.test");
	assert_lacks(c.delivered, "Äpfel"); /* encoded */
	assert_holds(c.delivered, " <anna@example.test>\r\n");
	assert_holds(c.delivered, "Date: Mon, 16 Nov 2026 ");
	assert_holds(c.delivered, "@example.test>\r\n");
	assert_holds(c.delivered, "MIME-Version: 1.0\r\n");
	assert_holds(c.delivered, "\r\n\r\nText\r\n");
	struct message *m = scan(c.delivered);
	assert_str(m->from, "\"Anna Äpfel\" <anna@example.test>");
	assert_int_equal(m->date, INT64_C(1794823200000));
	assert_true(m->message_id.n > 20);
}

static void what_is_there_stays(void **state)
{
	(void)state;
	struct composed c = compose_new("From: Sales <Sales@example.test>\r\nTo: ben@x.test\r\n"
					"Date: Sun, 1 Nov 2026 10:00:00 +0100\r\n"
					"Message-ID: <own@example.test>\r\nX-Mailer: Phone\r\n"
					"Subject: a\r\n b\r\nContent-Type: text/plain\r\n"
					"MIME-Version: 1.0\r\n\r\nText");
	assert_str(c.from, "Sales@example.test");
	assert_str(c.delivered, "From: Sales <Sales@example.test>\r\nTo: ben@x.test\r\n"
				"Date: Sun, 1 Nov 2026 10:00:00 +0100\r\n"
				"Message-ID: <own@example.test>\r\nX-Mailer: Phone\r\n"
				"Subject: a\r\n b\r\nMIME-Version: 1.0\r\n"
				"Content-Type: text/plain\r\n\r\nText");
	assert_str(c.subject, "a b");
}

static void what_can_not_be_read_is_replaced(void **state)
{
	(void)state;
	struct composed c = compose_new("To: ben@x.test\r\nDate: yesterday\r\nMessage-ID: none\r\n"
					"In-Reply-To: nothing\r\nCc: \r\nFrom: \r\n\r\n");
	assert_lacks(c.delivered, "yesterday");
	assert_lacks(c.delivered, "none");
	assert_lacks(c.delivered, "nothing");
	assert_lacks(c.delivered, "Cc:");
	assert_str(c.in_reply_to, "");
	assert_str(scan(c.delivered)->from, "\"Anna Äpfel\" <anna@example.test>");
}

static void bcc_is_for_the_sender(void **state)
{
	(void)state;
	struct composed c = compose_new("BCC: eve@x.test,\r\n carl@x.test\r\nSubject: Hi\r\n"
					"Resent-Bcc: dora@x.test\r\n\r\nText");
	assert_int_equal(c.nrecipients, 2);
	assert_lacks(c.delivered, "eve");
	assert_lacks(c.delivered, "carl");
	assert_lacks(c.delivered, "dora");
	assert_holds(c.delivered, "To: undisclosed-recipients:;\r\n");
	assert_holds(c.sent, "BCC: eve@x.test,\r\n carl@x.test\r\n");
}

static void recipients_are_named_once(void **state)
{
	(void)state;
	struct composed c = compose_new("To: Ben <ben@x.test>, carl@x.test\r\nTo: dora@x.test\r\n"
					"Cc: BEN@x.test\r\nBcc: carl@X.test\r\n\r\n");
	assert_int_equal(c.nrecipients, 3);
	assert_str(c.recipients[0], "ben@x.test");
	assert_str(c.recipients[2], "dora@x.test");
}

static void from_is_ones_own(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		bool own;
	} cases[] = {
		{"From: anna@example.test\r\n", true},
		{"From: x <ANNA@example.test>\r\n", true},
		{"From: help@example.test, sales@example.test\r\n", true},
		{"From: boss@example.test\r\n", false},
		{"From: anna@example.test, boss@example.test\r\n", false},
		{"From: anna@example.test <boss@example.test>\r\n", false},
		{"From: Team: boss@example.test;\r\n", false},
		{"From : boss@example.test\r\n", false},
		{"From: help@example.test\r\nFrom: boss@example.test\r\n", true},
		{"From: help@example.test\r\nSender: boss@example.test\r\n", true},
	};
	struct sender strict = ANNA;
	strict.refuse = true;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str mime =
			str_of(arena_printf(arena, "%sTo: ben@x.test\r\n\r\n", cases[i].from));
		struct composed out;
		enum compose_result want = cases[i].own ? COMPOSE_DONE : COMPOSE_SENDER_REFUSED;
		assert_int_equal(
			try_compose((struct compose){.mime = mime, .sender = &strict}, &out), want);
		out = compose((struct compose){.mime = mime});
		assert_lacks(out.delivered, "boss");
		assert_true(sender_owns(&ANNA, out.from));
	}
}

static void what_is_no_message_is_refused(void **state)
{
	(void)state;
	static const struct {
		struct str mime;
		enum compose_result want;
	} cases[] = {
		{STR_INIT(""), COMPOSE_BROKEN},
		{STR_INIT("no header"), COMPOSE_BROKEN},
		{STR_INIT("\r\n\r\nTo: ben@x.test"), COMPOSE_BROKEN},
		{STR_INIT("\0\1\2"), COMPOSE_BROKEN},
		{STR_INIT("To: ben@x.test\r\nX: \0\r\n\r\n"), COMPOSE_BROKEN},
		{STR_INIT("Subject: x\r\n\r\n"), COMPOSE_NO_RECIPIENT},
		{STR_INIT("To: \r\n\r\n"), COMPOSE_NO_RECIPIENT},
		{STR_INIT("To: ben@x.test"), COMPOSE_DONE},
	};
	struct composed out;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(try_compose((struct compose){.mime = cases[i].mime}, &out),
				 cases[i].want);
}

static void recipients_are_bounded(void **state)
{
	(void)state;
	struct buf mime = {0};
	struct composed out;
	for (unsigned i = 0; i < COMPOSE_RECIPIENTS; i++)
		buf_printf(&mime, "To: a%u@x.test\r\n", i);
	assert_int_equal(try_compose((struct compose){.mime = buf_get(&mime)}, &out), COMPOSE_DONE);
	assert_int_equal(out.nrecipients, COMPOSE_RECIPIENTS);
	buf_cstr(&mime, "Cc: one@x.test\r\n");
	assert_int_equal(try_compose((struct compose){.mime = buf_get(&mime)}, &out),
			 COMPOSE_TOO_MANY);
	buf_free(&mime);
}

/* ---- Threading ---- */

static struct compose_original original_of(const char *raw)
{
	struct compose_original o = {.message = scan(str_of(raw)), .raw = str_of(raw)};
	const struct part *text = message_body(o.message, PART_TEXT);
	const struct part *html = message_body(o.message, PART_HTML);
	if (text)
		o.text = str_sub(o.raw, (size_t)text->offset, (size_t)text->length);
	if (html)
		o.html = str_sub(o.raw, (size_t)html->offset, (size_t)html->length);
	return o;
}

static struct composed answer(enum compose_kind kind, const char *mime, const char *original)
{
	struct compose_original o = original_of(original);
	return compose((struct compose){.kind = kind, .mime = str_of(mime), .original = &o});
}

static const char PLAIN[] = "From: Ben <ben@x.test>\r\nTo: anna@example.test\r\nSubject: Plans\r\n"
			    "Date: Mon, 16 Nov 2026 09:12:00 +0100\r\nMessage-ID: <p@x.test>\r\n"
			    "References: <a@x.test> <b@x.test>\r\n\r\nFirst\r\n\r\n--second\r\n";

static void threads_are_kept(void **state)
{
	(void)state;
	struct composed c = answer(COMPOSE_REPLY, "To: ben@x.test\r\n\r\nFine.\r\n", PLAIN);
	assert_holds(c.delivered, "In-Reply-To: <p@x.test>\r\n");
	assert_holds(c.delivered, "References: <a@x.test>\r\n <b@x.test>\r\n <p@x.test>\r\n");
	assert_str(c.in_reply_to, "<p@x.test>");
	c = answer(COMPOSE_REPLY,
		   "To: ben@x.test\r\nIn-Reply-To: <q@x.test>\r\nReferences: <r@x.test>\r\n\r\n",
		   PLAIN);
	assert_str(c.in_reply_to, "<q@x.test>");
	assert_lacks(c.delivered, "<p@x.test>");
	assert_holds(c.delivered, "References: <r@x.test>\r\n");
}

static void of_many_references_some_stay(void **state)
{
	(void)state;
	struct buf raw = {0};
	buf_cstr(&raw, "Message-ID: <p@x.test>\r\nReferences:");
	for (int i = 0; i < 500; i++)
		buf_printf(&raw, " <%d@x.test>\r\n", i);
	buf_cstr(&raw, "\r\nText\r\n");
	struct composed c = answer(COMPOSE_REPLY, "To: ben@x.test\r\n\r\n", raw.p);
	struct str references = scan(c.delivered)->references;
	assert_true(str_starts(references, STR("<0@x.test> <48")));
	assert_true(str_ends_nocase(references, STR("<499@x.test> <p@x.test>")));
	buf_free(&raw);
}

/* ---- Replies ---- */

static struct str body_text(const struct composed *c, enum part_role role)
{
	const struct message *m = scan(c->delivered);
	const struct part *p = message_body(m, role);
	assert_non_null(p);
	struct str bytes = str_sub(c->delivered, (size_t)p->offset, (size_t)p->length);
	return mime_to_utf8(arena, p->charset, mime_decode_all(arena, p->encoding, bytes), false);
}

static void a_reply_quotes_plain_text(void **state)
{
	(void)state;
	struct composed c =
		answer(COMPOSE_REPLY,
		       "To: ben@x.test\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
		       "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n",
		       PLAIN);
	assert_str(
		body_text(&c, PART_TEXT),
		"Grüße\r\n\r\n\r\n-----Original Message-----\r\nFrom: \"Ben\" <ben@x.test>\r\n"
		"Sent: Mon, 16 Nov 2026 08:12:00 +0000\r\nTo: \"anna@example.test\" <anna@example.test>\r\n"
		"Subject: Plans\r\n\r\n> First\r\n>\r\n> --second\r\n");
}

static const char BOTH[] =
	"Subject: Plans\r\nContent-Type: multipart/alternative; boundary=o\r\n\r\n"
	"--o\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
	"--o\r\nContent-Type: text/html\r\n\r\n<html><BODY class=x><p>rich</p></BODY></html>\r\n"
	"--o--\r\n";

static void a_reply_quotes_html(void **state)
{
	(void)state;
	struct composed c = answer(COMPOSE_REPLY,
				   "To: ben@x.test\r\nContent-Type: text/html\r\n\r\n"
				   "<html><body>Fine.</body></html>",
				   BOTH);
	struct str html = body_text(&c, PART_HTML);
	assert_true(
		str_starts(html, STR("<html><body>Fine.<br><hr><div><b>Subject:</b> Plans<br>")));
	assert_holds(html, "\r\n<p>rich</p>\r\n</blockquote>\r\n</body></html>");
	assert_lacks(html, "class=x");
}

static void a_form_that_the_original_lacks_is_made(void **state)
{
	(void)state;
	struct composed c =
		answer(COMPOSE_REPLY, "To: b@x.test\r\nContent-Type: text/html\r\n\r\n<b>Fine</b>",
		       "Subject: <a>\r\n\r\n1 < 2\r\n");
	struct str html = body_text(&c, PART_HTML);
	assert_holds(html, "1 &lt; 2<br>");
	assert_holds(html, "<b>Subject:</b> &lt;a&gt;<br>");
	c = answer(COMPOSE_REPLY, "To: b@x.test\r\n\r\nFine",
		   "Content-Type: text/html\r\n\r\n<p>one</p><p>two</p>");
	assert_holds(body_text(&c, PART_TEXT), "> one\r\n");
}

static void between_the_texts_all_stays(void **state)
{
	(void)state;
	struct composed c = answer(
		COMPOSE_REPLY,
		"To: b@x.test\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\npreamble\r\n"
		"--m\r\nContent-Type: multipart/alternative; boundary=n\r\n\r\n"
		"--n\r\nContent-Type: text/plain\r\n\r\nown plain\r\n"
		"--n\r\nContent-Type: text/html\r\n\r\n<i>own rich</i>\r\n--n--\r\n"
		"--m\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"iVBORw0KGgo=\r\n--m--\r\nepilogue",
		BOTH);
	assert_holds(c.delivered, "\r\n\r\npreamble\r\n--m\r\n");
	assert_holds(
		c.delivered,
		"name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--m--\r\nepilogue");
	assert_holds(body_text(&c, PART_TEXT), "> plain\r\n");
	assert_holds(body_text(&c, PART_HTML), "<p>rich</p>");
	assert_int_equal(scan(c.delivered)->nparts, 5);
}

static void an_original_can_not_end_a_part(void **state)
{
	(void)state;
	struct composed c = answer(
		COMPOSE_REPLY,
		"To: b@x.test\r\nContent-Type: multipart/alternative; boundary=n\r\n\r\n"
		"--n\r\nContent-Type: text/html\r\n\r\nown\r\n--n--\r\n",
		"Content-Type: text/html\r\n\r\nx\r\n--n\r\nContent-Type: text/html\r\n\r\nevil");
	assert_int_equal(scan(c.delivered)->nparts, 2);
	assert_holds(body_text(&c, PART_HTML), "evil");
}

static void what_is_signed_is_not_touched(void **state)
{
	(void)state;
	static const char content[] =
		"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=s\r\n\r\n"
		"--s\r\nContent-Type: text/plain\r\n\r\nSigned \r\n"
		"--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nxx\r\n--s--\r\n";
	char *mime = arena_printf(arena, "To: b@x.test\r\n%s", content);
	struct composed c = answer(COMPOSE_REPLY, mime, PLAIN);
	assert_holds(c.delivered, content);
	assert_lacks(c.delivered, "Original Message");
	c = answer(COMPOSE_FORWARD, mime, PLAIN);
	assert_holds(c.delivered, content);
	assert_holds(c.delivered, PLAIN);
}

/* ---- Forwards ---- */

static void a_forward_attaches_the_original(void **state)
{
	(void)state;
	struct composed c =
		answer(COMPOSE_FORWARD,
		       "To: b@x.test\r\nContent-Type: text/html\r\n\r\n<p>Look</p>", PLAIN);
	const struct message *m = scan(c.delivered);
	assert_int_equal(m->nparts, 3);
	assert_str(body_text(&c, PART_HTML), "<p>Look</p>");
	assert_str(m->parts[2].type, "message/rfc822");
	assert_int_equal(m->parts[2].role, PART_ATTACHMENT);
	assert_str(str_sub(c.delivered, (size_t)m->parts[2].offset, (size_t)m->parts[2].length),
		   PLAIN);
}

static void replace_leaves_the_original_out(void **state)
{
	(void)state;
	struct compose_original o = original_of(PLAIN);
	static const enum compose_kind kinds[] = {COMPOSE_REPLY, COMPOSE_FORWARD};
	for (size_t i = 0; i < 2; i++) {
		struct composed c =
			compose((struct compose){.kind = kinds[i],
						 .original = &o,
						 .replace = true,
						 .mime = STR("To: b@x.test\r\n\r\nAll of it")});
		assert_holds(c.delivered, "\r\n\r\nAll of it");
		assert_lacks(c.delivered, "First");
		assert_holds(c.delivered, "In-Reply-To: <p@x.test>\r\n");
	}
}

/* ---- Writing ---- */

static void quoted_printable_is_safe(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"plain",
		"--dashes\r\n--again",
		"From me\r\nFrom you",
		"a \r\nb\t\r\n",
		"=3D",
		"Grüße",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx--end of a long line",
		"\r\r\n",
		".\r\n..",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};
		mime_put_qp(&out, str_of(cases[i]));
		struct str text = buf_move(arena, &out), rest = text, line;
		while (rest.n && str_next(&rest, '\n', &line)) {
			assert_true(line.n <= 77);
			assert_false(str_starts(line, STR("--")));
			assert_false(str_starts(line, STR("From ")));
		}
		assert_str(mime_decode_all(arena, ENC_QP, text), cases[i]);
	}
}

static void a_bounce_says_why(void **state)
{
	(void)state;
	const struct bounce_failure v[] = {{STR("carl@x.test"), STR("550 5.1.1 No such user")},
					   {STR("dora@x.test"), STR("connection refused")}};
	struct str text = bounce_make(arena, STR("anna@example.test"), STR(PLAIN), v, 2, 1000);
	const struct message *m = scan(text);
	assert_str(m->from, "\"Mail Delivery System\" <mailer-daemon@example.test>");
	assert_str(m->subject, "Undelivered: Plans");
	assert_str(m->in_reply_to, "<p@x.test>");
	assert_str(m->message_class, "REPORT.IPM.Note.NDR");
	assert_holds(text,
		     "Final-Recipient: rfc822; carl@x.test\r\nAction: failed\r\nStatus: 5.1.1\r\n");
	assert_holds(text,
		     "Final-Recipient: rfc822; dora@x.test\r\nAction: failed\r\nStatus: 5.0.0\r\n");
	assert_holds(text, "Subject: Plans\r\n");
	assert_lacks(text, "First");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailboxes_are_taken_apart),
		cmocka_unit_test(more_mailboxes_than_fit_are_counted),
		cmocka_unit_test(addresses_are_usable_or_not),
		cmocka_unit_test(what_is_missing_is_added),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test(what_can_not_be_read_is_replaced),
		cmocka_unit_test(bcc_is_for_the_sender),
		cmocka_unit_test(recipients_are_named_once),
		cmocka_unit_test(from_is_ones_own),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(recipients_are_bounded),
		cmocka_unit_test(threads_are_kept),
		cmocka_unit_test(of_many_references_some_stay),
		cmocka_unit_test(a_reply_quotes_plain_text),
		cmocka_unit_test(a_reply_quotes_html),
		cmocka_unit_test(a_form_that_the_original_lacks_is_made),
		cmocka_unit_test(between_the_texts_all_stays),
		cmocka_unit_test(an_original_can_not_end_a_part),
		cmocka_unit_test(what_is_signed_is_not_touched),
		cmocka_unit_test(a_forward_attaches_the_original),
		cmocka_unit_test(replace_leaves_the_original_out),
		cmocka_unit_test(quoted_printable_is_safe),
		cmocka_unit_test(a_bounce_says_why),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
