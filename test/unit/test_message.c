/* message: structure, roles, names, classes, headers, the JSON form; mime: decoding, charsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/body.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "store/message.h"
#include "store/mime.h"
#include "store/store.h"

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

static struct message scan(struct str raw)
{
	struct message m;
	struct err e = {ERR_NONE, ""};
	assert_true(message_scan(arena, raw, &m, &e));
	return m;
}

static void assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}

static const char *const role_names[] = {"container", "text",	  "html", "attachment",
					 "inline",    "calendar", "other"};

/* "1:text 2:attachment=api.rb": what stands in the message, in one line. */
static struct str outline(const struct message *m)
{
	char *s = arena_strdup(arena, "");
	for (unsigned i = 0; i < m->nparts; i++) {
		const struct part *p = &m->parts[i];
		bool listed = p->role == PART_ATTACHMENT || p->role == PART_INLINE;
		s = arena_printf(arena, "%s%s%.*s:%s%s%.*s", s, i ? " " : "", STR_ARG(p->path),
				 role_names[p->role], listed ? "=" : "",
				 listed ? (int)p->name.n : 0, p->name.p ? p->name.p : "");
	}
	return str_of(s);
}

#define H "From: a@example.test\r\nMIME-Version: 1.0\r\n"
#define MULTI(kind) H "Content-Type: multipart/" kind "; boundary=b\r\n\r\n"
#define PLAIN "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
#define HTML "--b\r\nContent-Type: text/html\r\n\r\n<p>Hello <img src=\"cid:p@x\"></p>\r\n"
#define IMAGE(more) "--b\r\nContent-Type: image/png\r\n" more "\r\niVBORw0KGgo=\r\n"
#define END "--b--\r\n"

struct structure_row {
	const char *raw, *outline, *class;
};

static void check_structure(const struct structure_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct message m = scan(str_of(rows[i].raw));
		assert_str(outline(&m), rows[i].outline);
		assert_str(m.message_class, rows[i].class);
	}
}

static void test_bodies(void **state)
{
	(void)state;
	static const struct structure_row rows[] = {
		{"", "1:text", "IPM.Note"},
		{"no header at all\n", "1:text", "IPM.Note"},
		{H "\r\nbody", "1:text", "IPM.Note"},
		{H "Content-Type: text/html\r\n\r\n<p>x", "1:html", "IPM.Note"},
		{H "Content-Type: text/markdown\r\n\r\n# x", "1:text", "IPM.Note"},
		{MULTI("alternative") PLAIN HTML END, ":container 1:text 2:html", "IPM.Note"},
		{MULTI("mixed") PLAIN IMAGE("") END,
		 ":container 1:text 2:attachment=image00001.png", "IPM.Note"},
		/* footers of mailing lists, as Exchange lists them */
		{MULTI("mixed") PLAIN PLAIN END, ":container 1:text 2:attachment=ATT00001.txt",
		 "IPM.Note"},
		{MULTI("mixed") HTML PLAIN END, ":container 1:html 2:attachment=ATT00001.txt",
		 "IPM.Note"},
		/* an empty text in front of the real one */
		{MULTI("mixed") "--b\r\n\r\n \r\n" HTML END, ":container 1:other 2:html",
		 "IPM.Note"},
		{MULTI("mixed") "--b\r\n\r\n \r\n" IMAGE("") END,
		 ":container 1:text 2:attachment=image00001.png", "IPM.Note"},
		/* a text with a name is a file, except where it is the message */
		{MULTI("mixed") PLAIN
		 "--b\r\nContent-Type: text/plain; name=\"a.txt\"\r\n\r\nx\r\n" END,
		 ":container 1:text 2:attachment=a.txt", "IPM.Note"},
		{H "Content-Type: text/plain; name=a.txt\r\n\r\nx", "1:text", "IPM.Note"},
		{MULTI("related") HTML IMAGE("Content-ID: <p@x>\r\n") IMAGE("Content-ID: <q@x>\r\n")
			 END,
		 ":container 1:html 2:inline=image00001.png 3:attachment=image00002.png",
		 "IPM.Note"},
		{MULTI("related") HTML IMAGE("Content-Disposition: inline; filename=\"l.png\"\r\n")
			 END,
		 ":container 1:html 2:inline=l.png", "IPM.Note"},
		{MULTI("mixed") HTML IMAGE("Content-ID: <p@x>\r\n") END,
		 ":container 1:html 2:inline=image00001.png", "IPM.Note"},
		/* as Apple Mail writes it: HTML, picture, HTML beside one plain text */
		{H "Content-Type: multipart/alternative; "
		   "boundary=a\r\n\r\n--a\r\n\r\nplain\r\n--a\r\n"
		   "Content-Type: multipart/mixed; boundary=b\r\n\r\n" HTML IMAGE("") HTML END
		 "\r\n--a--\r\n",
		 ":container 1:text 2:container 2.1:html 2.2:attachment=image00001.png "
		 "2.3:attachment=ATT00002.htm",
		 "IPM.Note"},
		/* no end, no delimiter, no boundary, the inner one unfinished */
		{MULTI("alternative") PLAIN HTML, ":container 1:text 2:html", "IPM.Note"},
		{MULTI("mixed") "just text", "1:text", "IPM.Note"},
		{H "Content-Type: multipart/mixed\r\n\r\njust text", "1:text", "IPM.Note"},
		{H "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		   "Content-Type: multipart/alternative; boundary=b\r\n\r\n" PLAIN HTML "--a\r\n"
		   "Content-Type: image/gif\r\n\r\nx\r\n--a--",
		 ":container 1:container 1.1:text 1.2:html 2:attachment=image00001.gif",
		 "IPM.Note"},
	};
	check_structure(rows, sizeof rows / sizeof *rows);
}

static void test_attachments(void **state)
{
	(void)state;
	static const struct structure_row rows[] = {
		{H "Content-Type: application/pdf\r\n\r\nx", "1:attachment=ATT00001.pdf",
		 "IPM.Note"},
		{MULTI("mixed") PLAIN
		 "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: In/side?\r\n\r\n"
		 "x\r\n" END,
		 ":container 1:text 2:attachment=In_side_.eml", "IPM.Note"},
		{MULTI("mixed") PLAIN "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\nx\r\n" END,
		 ":container 1:text 2:attachment=message.eml", "IPM.Note"},
		{MULTI("mixed") PLAIN
		 "--b\r\nContent-Type: message/rfc822; name=\"Mail\"\r\n\r\n\r\n" END,
		 ":container 1:text 2:attachment=Mail.eml", "IPM.Note"},
		{MULTI("digest") "--b\r\n\r\nSubject: one\r\n\r\nx\r\n" END,
		 ":container 1:attachment=one.eml", "IPM.Note"},
		{MULTI("mixed") PLAIN
		 "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment;"
		 " filename*=utf-8''%e2%82%ac.txt\r\n\r\nx\r\n" END,
		 ":container 1:text 2:attachment=\xe2\x82\xac.txt", "IPM.Note"},
		{MULTI("mixed") PLAIN
		 "--b\r\nContent-Type: application/x; name=\"..\\\\a/b:c\"\r\n\r\n"
		 "x\r\n" END,
		 ":container 1:text 2:attachment=b_c", "IPM.Note"},
		{MULTI("mixed") PLAIN IMAGE("Content-Location: Photo25.png\r\n") END,
		 ":container 1:text 2:attachment=Photo25.png", "IPM.Note"},
	};
	check_structure(rows, sizeof rows / sizeof *rows);
	char *raw = arena_alloc(arena, 3000);
	char *p = raw + sprintf(raw, H "Content-Type: application/x; name=\"");
	memset(p, 'n', 500);
	memcpy(p + 500, ".docx\"\r\n\r\nx", 12);
	struct message m = scan(str_of(raw));
	assert_int_equal(m.parts[0].name.n, 200);
	assert_true(str_ends_nocase(m.parts[0].name, STR("n.docx")));
}

static void test_classes(void **state)
{
	(void)state;
	static const struct structure_row rows[] = {
		{H "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; "
		   "boundary=b"
		   "\r\n\r\n" PLAIN
		   "--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
		   "\r\nx\r\n" END,
		 ":container 1:text 2:other", "IPM.Note.SMIME.MultipartSigned"},
		{H "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; "
		   "boundary=b"
		   "\r\n\r\n" PLAIN
		   "--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n" END,
		 ":container 1:text 2:other", "IPM.Note"},
		{H "Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n\r\nx",
		 "1:attachment=smime.p7m", "IPM.Note.SMIME"},
		{H "Content-Type: application/octet-stream; name=smime.p7m\r\n\r\nx",
		 "1:attachment=smime.p7m", "IPM.Note.SMIME"},
		{H "Content-Type: application/pkcs7-mime; smime-type=signed-receipt\r\n\r\nx",
		 "1:attachment=ATT00001.p7m", "IPM.Note.Receipt.SMIME"},
		{MULTI("alternative") PLAIN
		 "--b\r\nContent-Type: text/calendar; method=request\r\n\r\n"
		 "BEGIN:VCALENDAR\r\n" END,
		 ":container 1:text 2:calendar", "IPM.Schedule.Meeting.Request"},
		{MULTI("alternative") PLAIN "--b\r\nContent-Type: text/calendar\r\n\r\n"
					    "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\n" END,
		 ":container 1:text 2:calendar", "IPM.Schedule.Meeting.Canceled"},
		{H "Content-Type: text/calendar; method=REPLY\r\n\r\nATTENDEE;PARTSTAT=DECLINED:x",
		 "1:calendar", "IPM.Schedule.Meeting.Resp.Neg"},
		{MULTI("mixed") PLAIN
		 "--b\r\nContent-Type: text/calendar; name=a.ics\r\n"
		 "Content-Disposition: attachment\r\n\r\nBEGIN:VCALENDAR\r\n" END,
		 ":container 1:text 2:attachment=a.ics", "IPM.Note"},
		{H "Content-Type: multipart/report; report-type=delivery-status; "
		   "boundary=b\r\n\r\n" PLAIN
		   "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n\r\n"
		   "Action: delayed\r\n" END,
		 ":container 1:text 2:attachment=delivery-status.txt", "REPORT.IPM.Note.DELAYED"},
		{H "Content-Type: multipart/report; report-type=disposition-notification; "
		   "boundary=b\r\n"
		   "\r\n" PLAIN "--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
		   "Disposition: manual-action/MDN-sent-manually; displayed\r\n" END,
		 ":container 1:text 2:attachment=ATT00001.txt", "REPORT.IPM.Note.IPNRN"},
	};
	check_structure(rows, sizeof rows / sizeof *rows);
}

static void test_places(void **state)
{
	(void)state;
	struct str raw = STR(
		MULTI("mixed") "preface\r\n--b\r\n\r\none\r\n--b\t \r\n"
			       "Content-Transfer-Encoding: BASE64\r\n"
			       "Content-Type: image/png\r\n\r\naGVsbG8h\r\naGVs\r\n--b--\r\nend");
	struct message m = scan(raw);
	assert_int_equal(m.nparts, 3);
	assert_str(str_sub(raw, (size_t)m.parts[1].offset, (size_t)m.parts[1].length), "one");
	assert_str(str_sub(raw, (size_t)m.parts[2].offset, (size_t)m.parts[2].length),
		   "aGVsbG8h\r\naGVs");
	assert_int_equal(m.parts[2].size, 9);
	assert_int_equal(m.parts[2].encoding, ENC_BASE64);
	/* The delimiter of a longer boundary is not ours, nor is one inside a line. */
	m = scan(STR(MULTI("mixed") "--b\r\n\r\none\r\n--bc\r\n x--b\r\n--b--\r\n"));
	assert_int_equal(m.parts[1].length, 16);
	/* The whole of a nested message. */
	raw = STR(MULTI(
		"mixed") "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n--b--");
	m = scan(raw);
	assert_str(str_sub(raw, (size_t)m.parts[1].offset, (size_t)m.parts[1].length),
		   "Subject: s\r\n\r\nx");
	assert_ptr_equal(message_part(&m, STR("1")), &m.parts[1]);
	assert_null(message_part(&m, STR("2")));
}

static void test_headers(void **state)
{
	(void)state;
	struct message m = scan(STR("From x Mon Jan  1 00:00:00 2020\n"
				    "From: =?utf-8?q?J=C3=B6rg?= <j@example.test>\n"
				    "To: \"B, \\\"C\\\"\" <b@example.test>, c@example.test,\n"
				    "\tlist: d@example.test, e@example.test;\n"
				    "Subject: AW: Re[2]: =?iso-8859-1?q?Gr=FCn?=\n"
				    "  folded\n"
				    "Date: Wed, 4 Mar 2026 11:00:00 +0100\n"
				    "Message-ID: <3@x>\nIn-Reply-To: <2@x>\n"
				    "References: <1@x>\n <2@x> junk\n"
				    "X-Priority: 1 (Highest)\n\nHi\n"));
	assert_str(m.from, "\"J\xc3\xb6rg\" <j@example.test>");
	assert_str(m.to,
		   "\"B, \\\"C\\\"\" <b@example.test>, \"c@example.test\" <c@example.test>, "
		   "\"d@example.test\" <d@example.test>, \"e@example.test\" <e@example.test>");
	assert_str(m.subject, "AW: Re[2]: Gr\xc3\xbcn  folded");
	assert_str(m.thread_topic, "Gr\xc3\xbcn  folded");
	assert_str(m.references, "<1@x> <2@x>");
	assert_int_equal(m.date, 1772618400000);
	assert_int_equal(m.importance, 2);
	assert_false(m.xml_clean);
	struct message root = scan(STR("Message-ID: <1@x>\r\n\r\nfirst\r\n"));
	assert_true(root.has_conversation && m.has_conversation);
	assert_memory_equal(root.conversation, m.conversation, 16);
	assert_true(root.xml_clean);
	assert_false(scan(STR("Subject: x\r\n\r\n")).has_conversation);
	static const struct {
		const char *raw, *want;
	} indexes[] = {
		{"Thread-Index: AdyrvamJAAECAwQFBgcICQoLDA0ODw==\r\n\r\n", "dcabbda989"},
		{"Thread-Index: AdyrvamJAAECAwQFBgcICQoLDA0ODwADJKkB\r\n\r\n", "dcabbda9890003"
									       "24a901"},
		{"Thread-Index: AdyrvamJAAECAwQFBgcICQoLDA0ODwADJKk=\r\n\r\n", ""},
		{"Thread-Index: AdyrvamJ\r\n\r\n", ""},
		{"Thread-Index: \r\n\r\n", ""},
	};
	for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++)
		assert_str(scan(str_of(indexes[i].raw)).thread_index, indexes[i].want);
}

static void test_broken_headers(void **state)
{
	(void)state;
	/* A line that is no field, in between; and text that follows without a blank line. */
	struct message m =
		scan(STR("From: a@example.test\r\nbroken line\r\nSubject: s\r\n\r\nbody\r\n"));
	assert_str(m.subject, "s");
	assert_str(m.preview, "body");
	m = scan(STR("Subject: s\r\nfirst words\r\n\r\nmore\r\n"));
	assert_str(m.preview, "first words more");
	m = scan(STR("Subject : spaced\r\nFrom : \"A\" <a@example.test>\r\n\r\nx"));
	assert_str(m.subject, "spaced");
	assert_str(m.from, "\"A\" <a@example.test>");
	m = scan(STR("From: no address\r\nSubject: caf\xe9 \x01\r\n\r\nx"));
	assert_str(m.subject, "caf\xc3\xa9");
	assert_true(m.from.n);
}

static void test_preview(void **state)
{
	(void)state;
	assert_str(scan(STR("\r\n  one\t two\r\n\r\nthree ")).preview, "one two three");
	assert_str(
		scan(STR(MULTI(
			     "alternative") "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n"
					    "<style>x</style><p>Hi&nbsp;<b>you</b>\r\n" END))
			.preview,
		"Hi you");
	char *text = arena_alloc(arena, 2000);
	memset(text, 'x', 1000);
	memcpy(text, "\r\n", 2);
	assert_int_equal(scan(str_of(text)).preview.n, 255);
}

static void test_json(void **state)
{
	(void)state;
	struct message m = scan(STR(MULTI("alternative") PLAIN HTML END));
	assert_str(message_to_json(arena, &m),
		   "{\"v\":1,\"from\":\"\\\"a@example.test\\\" <a@example.test>\","
		   "\"class\":\"IPM.Note\",\"preview\":\"Hello\",\"size\":205,\"clean\":true,"
		   "\"parts\":[{\"type\":\"multipart/alternative\",\"role\":\"container\","
		   "\"at\":92,\"length\":113},"
		   "{\"path\":\"1\",\"type\":\"text/"
		   "plain\",\"role\":\"text\",\"at\":125,\"length\":5},"
		   "{\"path\":\"2\",\"type\":\"text/html\",\"role\":\"html\",\"at\":164,"
		   "\"length\":32}]}");
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"v\":2,\"parts\":[{\"role\":\"text\"}]}",
		"{\"v\":1}",
		"{\"v\":1,\"parts\":[{\"role\":\"nose\"}]}",
		"{\"v\":1,\"parts\":[{\"role\":\"text\",",
		"{\"v\":1,\"parts\":[{\"role\":\"text\",\"at\":5}]}",
		"{\"v\":1,\"size\":9,\"parts\":[{\"role\":\"text\",\"at\":5,\"length\":5}]}",
		"{\"v\":1,\"conversation\":\"ab\",\"parts\":[{\"role\":\"text\"}]}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {ERR_NONE, ""};
		assert_false(message_from_json(arena, str_of(bad[i]), &m, &e));
		assert_int_equal(e.kind, ERR_INTERNAL);
	}
	/* What PostgreSQL or a person may have made of it: other blanks, other keys, escapes. */
	struct err e = {ERR_NONE, ""};
	assert_true(message_from_json(
		arena,
		STR(" { \"parts\" : [ { \"role\" : \"text\", \"new\": [1, {\"a\": null}] "
		    "} ] ,\n\"subject\": \"\\u00e9\\ud83c\\udf89\\n\\/\", \"v\" : 1 } "),
		&m, &e));
	assert_str(m.subject, "\xc3\xa9\xf0\x9f\x8e\x89\n/");
}

static void test_decode(void **state)
{
	(void)state;
	static const struct {
		enum part_encoding encoding;
		const char *in, *out;
	} rows[] = {
		{ENC_IDENTITY, "a=b", "a=b"},
		{ENC_QP, "a=3Db=3d", "a=b="},
		{ENC_QP, "soft=\r\nbreak= \t\r\nand=\nmore", "softbreakandmore"},
		{ENC_QP, "a=b c=zz =4", "a=b c=zz =4"},
		{ENC_QP, "==3D", "=="},
		{ENC_BASE64, "aGVs\r\nbG8=", "hello"},
		{ENC_BASE64, "aGVsbG8", "hello"},
		{ENC_BASE64, "aA==aQ==", "hi"},
		{ENC_BASE64, "!a G*Vs", "hel"},
		{ENC_UU, "begin 644 x\n%:&5L;&\\ \n`\nend\n", "hello"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str in = str_of(rows[i].in);
		assert_str(mime_decode_all(arena, rows[i].encoding, in), rows[i].out);
		assert_int_equal(mime_decoded_size(rows[i].encoding, in), strlen(rows[i].out));
		/* Byte by byte it is the same. */
		struct mime_decoder d = {.encoding = rows[i].encoding};
		char out[64];
		size_t n = 0;
		for (size_t at = 0; at < in.n; at++)
			n += mime_decode(&d, str_sub(in, at, 1), out + n);
		n += mime_decode_end(&d, out + n);
		assert_str((struct str){out, n}, rows[i].out);
	}
}

static void test_source(void **state)
{
	(void)state;
	struct source *s = mime_source(source_bytes("aGVsbG8=", 8), ENC_BASE64, 5);
	char out[16];
	size_t n = 0, got = 1;
	struct err e;
	while (got) {
		assert_true(s->read(s, out + n, 2, &got, &e));
		n += got;
	}
	assert_str((struct str){out, n}, "hello");
	assert_int_equal(s->length, 5);
	s->close(s);
}

static void test_charsets(void **state)
{
	(void)state;
	static const struct {
		const char *charset, *in, *out;
		bool cut;
	} rows[] = {
		{"", "caf\xc3\xa9", "caf\xc3\xa9", false},
		{"", "caf\xe9", "caf\xc3\xa9", false},
		{"", "caf\xc3", "caf", true},
		{"utf-8", "caf\xc3\xa9 \xe2\x82", "caf\xc3\xa9 ", true},
		{"iso-8859-1", "\x93q\x94", "\xe2\x80\x9cq\xe2\x80\x9d", false},
		{"no-such", "\xe9", "\xc3\xa9", false},
		{"../x", "\xe9", "\xc3\xa9", false},
		{"koi8-r", "\xd0", "\xd0\xbf", false},
		{"shift_jis", "\x82\xa0\x82", "\xe3\x81\x82", true},
		{"iso-2022-jp", "\x1b$B$\"\x1b(B.", "\xe3\x81\x82.", false},
		{"euc-kr", "\xb0\xa1\xff!", "\xea\xb0\x80\xef\xbf\xbd!", false},
		{"gb2312", "\xc4\xe3", "\xe4\xbd\xa0", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_str(mime_to_utf8(arena, str_of(rows[i].charset), str_of(rows[i].in),
					rows[i].cut),
			   rows[i].out);
	assert_int_equal(mime_codepage(STR("ISO-8859-1")), 28591);
	assert_int_equal(mime_codepage(STR("x-user")), 0);
}

static void test_mbox_flags(void **state)
{
	(void)state;
	assert_int_equal(message_mbox_flags(STR("Status: RO\nX-Status: AF\n\nx")),
			 ITEM_SEEN | ITEM_ANSWERED | ITEM_FLAGGED);
	assert_int_equal(message_mbox_flags(STR("X-Keywords: $Forwarded\nStatus: O\n\n")),
			 ITEM_FORWARDED);
	assert_int_equal(message_mbox_flags(STR("")), 0);
}

/* Bounded on purpose-made input: nesting, number of parts, length of a header. */
static void test_bounds(void **state)
{
	(void)state;
	char *deep = arena_alloc(arena, 100 * 1000), *p = deep;
	for (int i = 0; i < 1000; i++)
		p += sprintf(p, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i,
			     i);
	struct message m = scan(str_of(deep));
	assert_int_equal(m.nparts, MIME_DEPTH + 1);
	char *wide = arena_alloc(arena, 100 * 1000);
	p = wide + sprintf(wide, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 5000; i++)
		p += sprintf(p, "--b\r\n\r\nx\r\n");
	m = scan(str_of(wide));
	assert_int_equal(m.nparts, MIME_PARTS);
	char *longest = arena_alloc(arena, 200 * 1000);
	memset(longest, 'x', 200 * 1000 - 1);
	memcpy(longest, "Subject: ", 9);
	m = scan(str_of(longest));
	assert_true(m.subject.n > 60000 && m.subject.n <= MIME_HEADER);
	struct arena *small = arena_new(1000);
	struct err e = {ERR_NONE, ""};
	assert_false(message_scan(small, str_of(wide), &m, &e));
	assert_int_equal(e.kind, ERR_TOO_LARGE);
	arena_free(&small);
}

static void test_html_to_text(void **state)
{
	(void)state;
	static const struct {
		const char *html, *text;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"<p>one</p><p>two\n three</p>", "one\r\n\r\ntwo three"},
		{"<div>one</div><div>two<br>three</div>", "one\r\ntwo\r\nthree"},
		{"a<br><br>b", "a\r\n\r\nb"},
		{"<ul><li>x</li><li>y</li></ul>z", "- x\r\n- y\r\n\r\nz"},
		{"<ol><li>x<li>y<ul><li>q</ul></ol>", "1. x\r\n2. y\r\n  - q"},
		{"<head><title>T</title><style>p{}</style></head><script>x()</script>body", "body"},
		{"see <a href=\"http://x\">this</a>!", "see this!"},
		{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\r\nc"},
		{"<pre>a\n  b</pre>", "a\r\n  b"},
		{"&lt;b&gt; &amp; &euro; &nbsp;x", "<b> & \xe2\x82\xac x"},
		{"<meta charset=iso-8859-1>\xc3\xa9", "\xc3\xa9"},
		{"<p>a<!-- n > o --></p>", "a"},
		{"x<", "x<"},
		{"a < b <3 <", "a < b <3 <"},
		{"<p title=\"a>b\" class=x>c", "c"},
		{"<p title=\"never closed>text</p>more", "text\r\n\r\nmore"},
		{"<b", "<b"},
		{"&#8364;&#128;&#x41;&#xd800;&#;&bogus;&", "\xe2\x82\xac\xe2\x82\xac"
							   "A\xef\xbf\xbd&#;&bogus;&"},
		{"?a&copy=1&amp;b&nbsp c", "?a&copy=1&b c"},
		{"<!DOCTYPE html><?xml x?><![if !mso]>y<![endif]>", "y"},
		{"<script>if (a<b) x('</p>')</script>y<style/>z", "yz"},
		{"<SCRIPT>x</Script >y", "y"},
		{"<title>not closed", "not closed"},
		{"a<script>not closed", "a"},
		{"a<!-- not closed", "a"},
	};
	bool more;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_str(html_to_text(arena, str_of(rows[i].html), 1000, &more), rows[i].text);
	assert_true(html_to_text(arena, STR("<p>aaaa<p>bbbb<p>cccc"), 6, &more).n < 16);
	assert_true(more);
}

static void test_html_from_text(void **state)
{
	(void)state;
	struct str text = STR("a <b>\r\n  c & d\n");
	bool more;
	struct str html = html_from_text(arena, text, 1000, &more);
	assert_false(more);
	assert_true(str_find(html, STR("<body>a &lt;b&gt;<br>\r\n&nbsp;&nbsp;c &amp; d<br>\r\n"
				       "</body></html>")) > 0);
	assert_int_equal(html.n, html_from_text_size(text));
	for (size_t max = 0; max <= html.n; max++) {
		assert_true(html_from_text(arena, text, max, &more).n <= max);
		assert_int_equal(more, max < html.n);
	}
	assert_str(html_fold(arena, STR(" a \xc2\xa0\r\n b\xe2\x80\x8b\x63 "), 100), "a bc");
	assert_str(html_fold(arena, STR("\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89"), 3),
		   "\xf0\x9f\x8e\x89");
}

/* ---- Other people's messages ---- */

static struct str read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *p = arena_alloc(arena, 1 << 20);
	size_t n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return (struct str){p, n};
}

static void check_part(const struct message *m, const struct part *p, struct str raw)
{
	bool listed = p->role == PART_ATTACHMENT || p->role == PART_INLINE;
	assert_true(p->offset >= 0 && p->length >= 0 && p->offset + p->length <= m->size);
	assert_true(!listed || p->name.n);
	struct str encoded = str_sub(raw, (size_t)p->offset, (size_t)p->length);
	if (p->role != PART_CONTAINER)
		assert_int_equal(p->size, mime_decode_all(arena, p->encoding, encoded).n);
}

static void check_message(const char *name, struct str raw)
{
	struct message m = scan(raw), again;
	struct err e = {ERR_NONE, ""};
	struct str json = message_to_json(arena, &m);
	assert_true(text_is_xml(json));
	if (!message_from_json(arena, json, &again, &e))
		fail_msg("%s: %s", name, e.text);
	if (!str_eq(json, message_to_json(arena, &again)))
		fail_msg("%s: not the same after JSON", name);
	for (unsigned i = 0; i < m.nparts; i++)
		check_part(&m, &m.parts[i], raw);
}

static void test_corpus(void **state)
{
	(void)state;
	const char *corpus = getenv("EASEL_CORPUS");
	const char *folder = arena_printf(arena, "%s/mail", corpus ? corpus : "../shared/corpus");
	DIR *dir = opendir(folder);
	if (!dir)
		skip();
	struct dirent *entry;
	while ((entry = readdir(dir)))
		if (str_ends_nocase(str_of(entry->d_name), STR(".eml"))) {
			struct arena_mark mark = arena_mark(arena);
			struct str raw =
				read_file(arena_printf(arena, "%s/%s", folder, entry->d_name));
			check_message(entry->d_name, raw);
			/* Cut anywhere, it is still a message. */
			for (size_t n = 0; n < raw.n; n += raw.n / 16 + 1)
				check_message(entry->d_name, str_sub(raw, 0, n));
			arena_release(arena, mark);
		}
	closedir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bodies),  TEST(test_attachments),  TEST(test_classes),
		TEST(test_places),  TEST(test_headers),	     TEST(test_broken_headers),
		TEST(test_preview), TEST(test_json),	     TEST(test_decode),
		TEST(test_source),  TEST(test_charsets),     TEST(test_mbox_flags),
		TEST(test_bounds),  TEST(test_html_to_text), TEST(test_html_from_text),
		TEST(test_corpus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
