/* vcard, contact: cards of every origin, and the Contacts class. */
#include "test/unit/item_lab.h"

#include "core/client.h"
#include "core/vcard.h"

#define CARD(lines) "BEGIN:VCARD\r\nVERSION:3.0\r\n" lines "END:VCARD\r\n"
#define CARD4(lines) "BEGIN:VCARD\r\nVERSION:4.0\r\n" lines "END:VCARD\r\n"
#define CARD21(lines) "BEGIN:VCARD\r\nVERSION:2.1\r\n" lines "END:VCARD\r\n"

/* ---- Out, and back: every element on its own ---- */

static const struct {
	const char *card;
	unsigned tag;
	const char *shown;	  /* NULL: not there */
	const char *sent, *after; /* NULL after: not tried */
} rows[] = {
	/* Names */
	{CARD("N:Doe;John;R\\, J;Mr.;Sr.\r\nFN:Mr. John Doe\r\n"), Contacts_LastName, "Doe", "Roe",
	 CARD("N:Roe;John;R\\, J;Mr.;Sr.\r\nFN:Mr. John R\\, J Roe Sr.\r\n")},
	{CARD("N:Doe;John\r\nFN:John Doe\r\n"), Contacts_Suffix, NULL, "Jr.",
	 CARD("N:Doe;John;;;Jr.\r\nFN:John Doe Jr.\r\n")},
	{CARD("FN:John M. Doe\r\n"), Contacts_LastName, "Doe", "Roe",
	 CARD("FN:John M. Roe\r\nN:Roe;John M.\r\n")},
	{CARD("FN:John M. Doe\r\n"), Contacts_FirstName, "John M.", NULL, NULL},
	{CARD("FN:IBM\r\nORG:IBM\r\n"), Contacts_LastName, NULL, NULL, NULL},
	{CARD("FN:IBM\r\nORG:IBM;Sales\r\n"), Contacts_LastName, NULL, NULL, NULL},
	{CARD("FN:IBM\r\nORG:IBM;Sales\r\n"), Contacts_CompanyName, "IBM", "ACME",
	 CARD("FN:ACME\r\nORG:ACME;Sales\r\n")},
	{CARD("N:;;;Dr.;\r\nFN:x\r\n"), Contacts_Title, "Dr.", "", CARD("FN:x\r\n")},
	{CARD("FN:A B\r\n"), Contacts_FileAs, "A B", "B, A",
	 CARD("FN:A B\r\nX-EVOLUTION-FILE-AS:B\\, A\r\n")},
	{CARD("FN:A B\r\nX-EVOLUTION-FILE-AS:B\\, A\r\n"), Contacts_FileAs, "B, A", "A B",
	 CARD("FN:A B\r\n")},
	{CARD("X-PHONETIC-FIRST-NAME:Jon\r\n"), Contacts_YomiFirstName, "Jon", "Jo",
	 CARD("X-PHONETIC-FIRST-NAME:Jo\r\n")},
	/* Work */
	{CARD("ORG:IBM;Acc;Room 5\r\n"), Contacts_OfficeLocation, "Room 5", "",
	 CARD("ORG:IBM;Acc;\r\n")},
	{CARD("ORG;X-A=1:IBM;Acc\r\n"), Contacts_CompanyName, "IBM", "I\\B;M",
	 CARD("ORG;X-A=1:I\\\\B\\;M;Acc\r\n")},
	{CARD("ORG:IBM\r\n"), Contacts_Department, NULL, "Dep", CARD("ORG:IBM;Dep\r\n")},
	{CARD("TITLE:a\r\nTITLE:b\r\n"), Contacts_JobTitle, "a", "c",
	 CARD("TITLE:c\r\nTITLE:b\r\n")},
	/* Telephone numbers */
	{CARD("TEL;TYPE=HOME:1\r\nTEL;TYPE=WORK:2\r\nTEL;type=cell;type=pref:3\r\n"),
	 Contacts_MobilePhoneNumber, "3", "4",
	 CARD("TEL;TYPE=HOME:1\r\nTEL;TYPE=WORK:2\r\nTEL;type=cell;type=pref:4\r\n")},
	{CARD21("TEL;WORK;FAX:5\r\n"), Contacts_BusinessFaxNumber, "5", "", CARD21("")},
	{CARD21("TEL;WORK;FAX:5\r\n"), Contacts_BusinessPhoneNumber, NULL, "6",
	 CARD21("TEL;WORK;FAX:5\r\nTEL;TYPE=WORK:6\r\n")},
	{CARD("item1.TEL:7\r\nitem1.X-ABLabel:AssistantPhone\r\n"), Contacts_AssistantPhoneNumber,
	 "7", "", CARD("")},
	{CARD("item1.TEL:7\r\nitem1.X-ABLabel:AssistantPhone\r\n"), Contacts_HomePhoneNumber, NULL,
	 NULL, NULL},
	{CARD("TEL;TYPE=voice:8\r\n"), Contacts_HomePhoneNumber, "8", "9",
	 CARD("TEL;TYPE=voice:9\r\n")},
	{CARD4("TEL;VALUE=uri;TYPE=\"work,voice\";PREF=1:tel:+1-2;ext=3\r\n"),
	 Contacts_BusinessPhoneNumber, "+1-2;ext=3", "+1 4",
	 CARD4("TEL;TYPE=\"work,voice\";PREF=1:+1 4\r\n")},
	/* The first one goes: the second does not become the first, nor the third the second. */
	{CARD("TEL;TYPE=HOME:1\r\nTEL;TYPE=HOME:2\r\nTEL;TYPE=HOME:3\r\n"),
	 Contacts_HomePhoneNumber, "1", "",
	 CARD("TEL;TYPE=HOME;X-EASEL-SLOT=2:2\r\nTEL;TYPE=HOME;X-EASEL-SLOT=0:3\r\n")},
	{CARD("TEL;TYPE=HOME;X-EASEL-SLOT=2:2\r\nTEL;TYPE=HOME;X-EASEL-SLOT=0:3\r\n"),
	 Contacts_HomePhoneNumber, NULL, "4",
	 CARD("TEL;TYPE=HOME;X-EASEL-SLOT=2:2\r\nTEL;TYPE=HOME;X-EASEL-SLOT=0:3\r\n"
	      "TEL;TYPE=HOME:4\r\n")},
	{CARD(""), Contacts_Home2PhoneNumber, NULL, "2",
	 CARD("TEL;TYPE=HOME;X-EASEL-SLOT=2:2\r\n")},
	/* Mail: three are shown, the others stay */
	{CARD("EMAIL:a@x\r\nEMAIL;TYPE=PREF:b@x\r\nEMAIL:c@x\r\nEMAIL:d@x\r\n"),
	 Contacts_Email1Address, "b@x", "\"B\" <e@x>",
	 CARD("EMAIL:a@x\r\nEMAIL;TYPE=PREF:e@x\r\nEMAIL:c@x\r\nEMAIL:d@x\r\n")},
	{CARD("EMAIL:a@x\r\nEMAIL:b@x\r\nEMAIL:c@x\r\nEMAIL:d@x\r\n"), Contacts_Email3Address,
	 "c@x", "",
	 CARD("EMAIL;X-EASEL-SLOT=1:a@x\r\nEMAIL;X-EASEL-SLOT=2:b@x\r\n"
	      "EMAIL;X-EASEL-SLOT=0:d@x\r\n")},
	/* Addresses */
	{CARD("ADR;TYPE=WORK:PO 1;Suite 2;Main St\\, 3;Town;ST;123;US\r\n"),
	 Contacts_BusinessAddressStreet, "PO 1\nSuite 2\nMain St, 3", "PO 1\r\nSuite 2\r\nSide St",
	 CARD("ADR;TYPE=WORK:PO 1;Suite 2;Side St;Town;ST;123;US\r\n")},
	{CARD("ADR;TYPE=WORK:PO 1;;Main;Town;;;\r\n"), Contacts_BusinessAddressStreet, "PO 1\nMain",
	 "New", CARD("ADR;TYPE=WORK:;;New;Town;;;\r\n")},
	{CARD("ADR:;;S;T;;;\r\n"), Contacts_OtherAddressCity, "T", "U", CARD("ADR:;;S;U;;;\r\n")},
	{CARD("ADR;TYPE=HOME:;;;T;;;\r\n"), Contacts_HomeAddressCity, "T", "", CARD("")},
	{CARD(""), Contacts_HomeAddressCountry, NULL, "DE", CARD("ADR;TYPE=HOME:;;;;;;DE\r\n")},
	/* Dates */
	{CARD("BDAY:1980-03-22\r\n"), Contacts_Birthday, "1980-03-22T11:59:00.000Z",
	 "1980-03-23T00:00:00.000Z", CARD("BDAY:1980-03-23\r\n")},
	{CARD("BDAY;value=date:1980-03-22\r\n"), Contacts_Birthday, "1980-03-22T11:59:00.000Z",
	 "1980-03-21T23:00:00.000Z", CARD("BDAY;value=date:1980-03-22\r\n")},
	{CARD21("BDAY:19800322\r\n"), Contacts_Birthday, "1980-03-22T11:59:00.000Z", "",
	 CARD21("")},
	{CARD4("BDAY:--0203\r\n"), Contacts_Birthday, "1604-02-03T11:59:00.000Z",
	 "1604-02-04T11:59:00.000Z", CARD4("BDAY:--0204\r\n")},
	{CARD("BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-03\r\n"), Contacts_Birthday,
	 "1604-02-03T11:59:00.000Z", "1990-02-03T00:00:00.000Z", CARD("BDAY:1990-02-03\r\n")},
	{CARD("BDAY:circa 1800\r\n"), Contacts_Birthday, NULL, NULL, NULL},
	{CARD4("ANNIVERSARY:20090808T1430-0500\r\n"), Contacts_Anniversary,
	 "2009-08-08T11:59:00.000Z", "2009-08-09T11:59:00.000Z", CARD4("ANNIVERSARY:20090809\r\n")},
	{CARD("i.X-ABDATE:1975-03-01\r\ni.X-ABLabel:_$!<Anniversary>!$_\r\n"), Contacts_Anniversary,
	 "1975-03-01T11:59:00.000Z", "", CARD("")},
	/* People around */
	{CARD("i.X-ABRELATEDNAMES:Jenny\r\ni.X-ABLabel:_$!<Spouse>!$_\r\n"), Contacts_Spouse,
	 "Jenny", "Ann", CARD("i.X-ABRELATEDNAMES:Ann\r\ni.X-ABLabel:_$!<Spouse>!$_\r\n")},
	{CARD4("RELATED;TYPE=spouse;VALUE=text:Ann\r\nRELATED;TYPE=spouse:urn:uuid:1\r\n"),
	 Contacts_Spouse, "Ann", NULL, NULL},
	{CARD("X-MS-MANAGER:Big\r\n"), Contacts2_ManagerName, "Big", "Small",
	 CARD("X-MS-MANAGER:Small\r\n")},
	/* The rest */
	{CARD("URL:http\\://a\r\n"), Contacts_WebPage, "http://a", "http://b",
	 CARD("URL:http://b\r\n")},
	{CARD("X-AIM;TYPE=HOME:johnny\r\n"), Contacts2_IMAddress, "johnny", "jim",
	 CARD("X-AIM;TYPE=HOME:jim\r\n")},
	{CARD(""), Contacts2_NickName, NULL, "Joe", CARD("NICKNAME:Joe\r\n")},
	{CARD(""), Contacts2_GovernmentId, NULL, "G1", CARD("X-EASEL-GOVERNMENT-ID:G1\r\n")},
	{CARD21("NOTE:a\r\n"), Contacts2_MMS, NULL, "\xc3\xa4",
	 CARD21("NOTE:a\r\nX-EASEL-MMS;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=A4\r\n")},
	{CARD21("TITLE;ENCODING=QUOTED-PRINTABLE:a=\r\nb\r\n"), Contacts_JobTitle, "ab", "c,d",
	 CARD21("TITLE:c,d\r\n")},
};

static void test_every_element_both_ways(void **state)
{
	struct item_context ctx = lab_context(141);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct wbxml_node *shown =
			lab_seen(&contact_class, &ctx, str_of(rows[i].card), rows[i].tag);
		if (!rows[i].shown)
			assert_null(shown);
		else if (!shown)
			fail_msg("row %zu: no %s", i, wbxml_tag_name(rows[i].tag));
		else
			assert_str(shown->text, rows[i].shown);
		if (rows[i].sent)
			assert_str(lab_edit(&contact_class, &ctx, str_of(rows[i].card), rows[i].tag,
					    *rows[i].sent ? lab_leaf(rows[i].tag, rows[i].sent)
							  : NULL),
				   rows[i].after);
	}
}

/* Every element that a client may send comes back as it was sent, and all of them together. */
static void test_a_full_card(void **state)
{
	static const struct {
		unsigned tag;
		const char *text;
	} all[] = {
#define TEXT(tag) {tag, "v" #tag}
		{Contacts_Anniversary, "2001-02-03T11:59:00.000Z"},
		TEXT(Contacts_AssistantName),
		TEXT(Contacts_AssistantPhoneNumber),
		{Contacts_Birthday, "1980-03-22T11:59:00.000Z"},
		TEXT(Contacts_Business2PhoneNumber),
		TEXT(Contacts_BusinessAddressCity),
		TEXT(Contacts_BusinessPhoneNumber),
		TEXT(Contacts_WebPage),
		TEXT(Contacts_BusinessAddressCountry),
		TEXT(Contacts_Department),
		TEXT(Contacts_Email1Address),
		TEXT(Contacts_Email2Address),
		TEXT(Contacts_Email3Address),
		TEXT(Contacts_BusinessFaxNumber),
		TEXT(Contacts_FileAs),
		TEXT(Contacts_FirstName),
		TEXT(Contacts_MiddleName),
		TEXT(Contacts_HomeAddressCity),
		TEXT(Contacts_HomeAddressCountry),
		TEXT(Contacts_HomeFaxNumber),
		TEXT(Contacts_HomePhoneNumber),
		TEXT(Contacts_Home2PhoneNumber),
		TEXT(Contacts_HomeAddressPostalCode),
		TEXT(Contacts_HomeAddressState),
		TEXT(Contacts_HomeAddressStreet),
		TEXT(Contacts_MobilePhoneNumber),
		TEXT(Contacts_Suffix),
		TEXT(Contacts_CompanyName),
		TEXT(Contacts_OtherAddressCity),
		TEXT(Contacts_OtherAddressCountry),
		TEXT(Contacts_CarPhoneNumber),
		TEXT(Contacts_OtherAddressPostalCode),
		TEXT(Contacts_OtherAddressState),
		TEXT(Contacts_OtherAddressStreet),
		TEXT(Contacts_PagerNumber),
		TEXT(Contacts_Title),
		TEXT(Contacts_BusinessAddressPostalCode),
		TEXT(Contacts_LastName),
		TEXT(Contacts_Spouse),
		TEXT(Contacts_BusinessAddressState),
		TEXT(Contacts_BusinessAddressStreet),
		TEXT(Contacts_JobTitle),
		TEXT(Contacts_YomiFirstName),
		TEXT(Contacts_YomiLastName),
		TEXT(Contacts_YomiCompanyName),
		TEXT(Contacts_OfficeLocation),
		TEXT(Contacts_RadioPhoneNumber),
		{Contacts_Picture, "/9j/4AAQ"},
		TEXT(Contacts2_CustomerId),
		TEXT(Contacts2_GovernmentId),
		TEXT(Contacts2_IMAddress),
		TEXT(Contacts2_IMAddress2),
		TEXT(Contacts2_IMAddress3),
		TEXT(Contacts2_ManagerName),
		TEXT(Contacts2_CompanyMainPhone),
		TEXT(Contacts2_AccountName),
		TEXT(Contacts2_NickName),
		TEXT(Contacts2_MMS),
#undef TEXT
	};
	enum { ALL = sizeof all / sizeof *all };
	static const unsigned versions[] = {25, 120, 121, 140, 141, 160, 161};
	struct item_edit_field fields[ALL];
	(void)state;
	for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
		struct item_context ctx = lab_context(versions[v]);
		struct item_edit edit = {.v = fields, .n = ALL};
		struct str text;
		struct err e = {ERR_NONE, ""};
		/* Backwards, so that second slots come before the first. */
		for (size_t i = 0; i < ALL; i++)
			fields[i] = (struct item_edit_field){
				.tag = all[ALL - 1 - i].tag,
				.sent = lab_leaf(all[ALL - 1 - i].tag, all[ALL - 1 - i].text)};
		assert_true(contact_class.apply(&ctx, STR(""), &edit, INT64_MIN, &text, &e));
		struct wbxml_node *shown = lab_shown(&contact_class, &ctx, text);
		for (size_t i = 0; i < ALL; i++) {
			struct str got = wbxml_child_text(shown, all[i].tag);
			if (!str_eq(got, str_of(all[i].text)))
				fail_msg("%s: \"%.*s\" in\n%.*s", wbxml_tag_name(all[i].tag),
					 STR_ARG(got), STR_ARG(text));
		}
	}
}

/* ---- Lists, pictures, bodies ---- */

static void test_children_and_categories(void **state)
{
	struct item_context ctx = lab_context(141);
	struct str card = STR(CARD("FN:x\r\nX-MS-CHILD:Ann\r\nX-CHILD:Bob\r\n"
				   "CATEGORIES;CHARSET=UTF-8:a\r\n"));
	(void)state;
	assert_has(lab_line(lab_shown(&contact_class, &ctx, card)->first),
		   "Categories(Category=a)|Children(Child=Ann|Child=Bob)");
	struct str new = lab_edit(&contact_class, &ctx, card, Contacts_Children,
				  LAB_ELEMENT(Contacts_Children, lab_leaf(Contacts_Child, "Bob"),
					      lab_leaf(Contacts_Child, "Cleo")));
	assert_str(new, CARD("FN:x\r\nX-MS-CHILD:Cleo\r\nX-CHILD:Bob\r\n"
			     "CATEGORIES;CHARSET=UTF-8:a\r\n"));
	assert_str(lab_edit(&contact_class, &ctx, card, Contacts_Children, NULL),
		   CARD("FN:x\r\nCATEGORIES;CHARSET=UTF-8:a\r\n"));
}

static void test_pictures(void **state)
{
	static const char *const cards[] = {
		CARD("FN:x\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/\r\n 4AAQ\r\nX:1\r\n"),
		CARD4("FN:x\r\nPHOTO:data:image/jpeg;base64,/9j/4AAQ\r\nX:1\r\n"),
		CARD21("FN:x\r\nPHOTO;BASE64;JPEG:\r\n /9j/4AAQ\r\n\r\nX:1\r\n"),
	};
	struct item_context ctx = lab_context(141), ios = ctx;
	struct str out;
	struct err e = {ERR_NONE, ""};
	(void)state;
	ios.client = client_traits(STR("iPhone"), STR("Apple-iPhone"));
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		struct str card = str_of(cards[i]), name = STR("FN:x\r\n");
		const struct wbxml_node *empty = lab_leaf(Contacts_Picture, "");
		assert_str(lab_seen(&contact_class, &ctx, card, Contacts_Picture)->text,
			   "/9j/4AAQ");
		/* The same picture, whatever its line looks like. */
		assert_true(str_eq(lab_edit(&contact_class, &ctx, card, Contacts_Picture,
					    lab_leaf(Contacts_Picture, "/9j/4AAQ")),
				   card));
		assert_true(str_eq(lab_edit(&contact_class, &ios, card, Contacts_Picture, empty),
				   card));
		struct str none = lab_edit(&contact_class, &ctx, card, Contacts_Picture, empty);
		assert_has_not(none, "PHOTO");
		struct str other = lab_edit(&contact_class, &ctx, card, Contacts_Picture,
					    lab_leaf(Contacts_Picture, "iVBORw0K"));
		assert_true(str_find(other, name) >= 0 && str_find(other, STR("X:1\r\n")) >= 0);
		assert_str(lab_seen(&contact_class, &ctx, other, Contacts_Picture)->text,
			   "iVBORw0K");
	}
	char *large = arena_alloc(arena, 48 * 1024 + 5);
	memset(large, 'A', 48 * 1024 + 4);
	assert_false(lab_apply(&contact_class, &ctx, str_of(cards[0]), Contacts_Picture,
			       lab_leaf(Contacts_Picture, large), &out, &e));
	assert_int_equal(e.kind, ERR_INVALID);
	assert_false(lab_apply(&contact_class, &ctx, str_of(cards[0]), Contacts_Picture,
			       lab_leaf(Contacts_Picture, "!"), &out, &e));
}

static void test_birthdays_by_client(void **state)
{
	static const struct {
		const char *type, *agent, *want;
	} clients[] = {
		{"iPhone", "", "1980-03-22T00:00:00.000Z"},
		{"SAMSUNGSMG960F", "", "1980-03-22T00:00:00.000Z"},
		{"Android", "Android-Mail/2023", "1980-03-22T00:00:00.000Z"},
		{"Android", "Android/7.1-EAS-2.0", "1980-03-22T08:00:00.000Z"},
		{"BlackBerry", "RIM-Q10", "1980-03-22T11:00:00.000Z"},
		{"WindowsOutlook15", "", "1980-03-22T11:59:00.000Z"},
	};
	struct str card = STR(CARD("BDAY:1980-03-22\r\n"));
	(void)state;
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		struct item_context ctx = lab_context(121);
		ctx.client = client_traits(str_of(clients[i].type), str_of(clients[i].agent));
		assert_str(lab_seen(&contact_class, &ctx, card, Contacts_Birthday)->text,
			   clients[i].want);
		/* What it is told means the same day when it comes back. */
		assert_true(str_eq(lab_edit(&contact_class, &ctx, card, Contacts_Birthday,
					    lab_leaf(Contacts_Birthday, clients[i].want)),
				   card));
	}
}

static void test_the_old_body(void **state)
{
	struct body_prefs prefs = {.v = {{BODY_PLAIN, 5, false, 0}}, .n = 1};
	struct item_context ctx = lab_context(25);
	struct str card = STR(CARD("FN:x\r\nNOTE:one two three\r\n"));
	(void)state;
	ctx.body = &prefs;
	assert_has(lab_line(lab_shown(&contact_class, &ctx, card)->first),
		   "Body=one t|BodySize=13|BodyTruncated=1");
	assert_str(lab_edit(&contact_class, &ctx, card, Contacts_Body,
			    lab_leaf(Contacts_Body, "ONE t")),
		   CARD("FN:x\r\nNOTE:ONE two three\r\n"));
}

static void test_a_cached_recipient(void **state)
{
	struct item_context ctx = lab_context(141);
	(void)state;
	assert_str(lab_line(lab_shown(&contact_class, &ctx,
				      STR(CARD("FN:Ann B\r\nEMAIL:a@x\r\nX-EASEL-RANK:7\r\n")))
				    ->first),
		   "Email1Address=a@x|FileAs=Ann B|WeightedRank=7");
}

static void test_what_is_left_out(void **state)
{
	struct item_context ctx = lab_context(141);
	(void)state;
	assert_int_equal(contact_class.left_out(&ctx, Contacts_Spouse), LEFT_OUT_GHOSTED);
	assert_int_equal(contact_class.left_out(&ctx, Contacts_Picture), LEFT_OUT_KEPT);
	assert_int_equal(contact_class.left_out(&ctx, AirSyncBase_Body), LEFT_OUT_KEPT);
	assert_int_equal(contact_class.left_out(&ctx, Contacts_WeightedRank), LEFT_OUT_KEPT);
}

static void test_bad_values_are_refused(void **state)
{
	static const struct {
		unsigned tag;
		const char *text;
	} bad[] = {{Contacts_Birthday, "yesterday"},
		   {Contacts_Anniversary, "2001-02-30T00:00:00Z"}};
	struct item_context ctx = lab_context(141);
	struct str out;
	struct err e = {ERR_NONE, ""};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(lab_apply(&contact_class, &ctx, STR(CARD("FN:x\r\n")), bad[i].tag,
				       lab_leaf(bad[i].tag, bad[i].text), &out, &e));
		assert_int_equal(e.kind, ERR_INVALID);
	}
	assert_false(contact_class.encode(NULL, &ctx, STR("no card"), &e));
	assert_int_equal(e.kind, ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_element_both_ways),
		cmocka_unit_test(test_a_full_card),
		cmocka_unit_test(test_children_and_categories),
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_birthdays_by_client),
		cmocka_unit_test(test_the_old_body),
		cmocka_unit_test(test_a_cached_recipient),
		cmocka_unit_test(test_what_is_left_out),
		cmocka_unit_test(test_bad_values_are_refused),
	};
	return cmocka_run_group_tests_name("contacts", tests, lab_set_up, lab_tear_down);
}
