/*
 * ResolveRecipients (MS-ASCMD 2.2.1.15): names and addresses become recipients out of the account's
 * contacts and the global address lists; with certificates, pictures, and when they are busy.
 *
 * An address that somebody has exactly is that one; else a text finds those whose names, addresses
 * or numbers begin with its words, and the only one of them, or the only one with just this name,
 * is meant.
 */
#include "core/call.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/directory.h"
#include "core/free_busy.h"
#include "core/gal.h"
#include "core/vcard.h"
#include "store/certificate.h"

enum {
	TO_MOST = 1000,	  /* MS-ASCMD 2.2.3.184 */
	TO_LONGEST = 256, /* characters */
	SUGGESTIONS = 20, /* when the client sets no limit */
	SUGGESTIONS_MOST = 100,
	BUSY_RECIPIENTS = 100, /* MS-ASCMD 2.2.3.177.12 */
	LIST_MOST = 20,	       /* members of a list whose time is looked at */
	DAYS_MOST = 42,
	DEFAULT_DAYS = 7,
	CARD_CERTIFICATES = 16
};

enum retrieval { RETRIEVE_NONE = 1, RETRIEVE_FULL = 2, RETRIEVE_MINI = 3 };

struct resolution {
	struct call *call;
	struct str *to;
	size_t n;
	int64_t retrieval, certificates_left, suggestions;
	bool busy; /* Availability is asked for */
	int64_t from, until;
	size_t busy_asked; /* recipients so far whose time was looked at */
	struct picture_wish picture, pictures_each;
	int64_t now;
};

/* ---- Decoding ---- */

/* False: not a number up to `most`. */
static bool read_number(const struct wbxml_node *options, unsigned tag, int64_t most, int64_t *out)
{
	const struct wbxml_node *node = wbxml_child(options, tag);
	return !node || (str_to_i64(str_trim(node->text), out) && *out >= 0 && *out <= most);
}

/* MS-ASCMD 2.2.3.61.1, 2.2.3.176.1. */
static bool read_busy(const struct wbxml_node *node, struct resolution *r)
{
	struct str end = wbxml_child_text(node, ResolveRecipients_EndTime);
	int64_t from, until;
	if (!node || r->call->version < 140)
		return true;
	if (!clock_parse(wbxml_child_text(node, ResolveRecipients_StartTime), &from))
		return false;
	until = from + (int64_t)DEFAULT_DAYS * 24 * 60 * 60 * 1000;
	if (end.n && !clock_parse(end, &until))
		return false;
	r->busy = true;
	r->from = from / 1000;
	r->until = (until + 999) / 1000;
	return r->until >= r->from + FREE_BUSY_SLOT &&
	       r->until - r->from <= (int64_t)DAYS_MOST * 24 * 60 * 60;
}

static bool read_options(const struct wbxml_node *options, struct resolution *r)
{
	r->retrieval = RETRIEVE_NONE;
	r->certificates_left = 9999;
	r->suggestions = SUGGESTIONS;
	if (!read_number(options, ResolveRecipients_CertificateRetrieval, RETRIEVE_MINI,
			 &r->retrieval) ||
	    r->retrieval < RETRIEVE_NONE ||
	    !read_number(options, ResolveRecipients_MaxCertificates, 9999, &r->certificates_left) ||
	    !read_number(options, ResolveRecipients_MaxAmbiguousRecipients, 9999, &r->suggestions))
		return false;
	if (r->suggestions > SUGGESTIONS_MOST)
		r->suggestions = SUGGESTIONS_MOST;
	return read_busy(wbxml_child(options, ResolveRecipients_Availability), r) &&
	       picture_wish_read(
		       r->call->version < 141 ? NULL
					      : wbxml_child(options, ResolveRecipients_Picture),
		       ResolveRecipients_MaxSize, ResolveRecipients_MaxPictures, &r->pictures_each);
}

static size_t characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool decode(struct call *c, struct resolution *r)
{
	const struct wbxml_node *options = wbxml_child(c->root, ResolveRecipients_Options);
	const struct wbxml_node *to = wbxml_child(c->root, ResolveRecipients_To);
	*r = (struct resolution){.call = c, .now = clock_now()};
	r->to = arena_array(c->arena, TO_MOST, sizeof *r->to);
	if (options && wbxml_again(options))
		return false;
	for (; to; to = wbxml_again(to)) {
		if (r->n == TO_MOST || !str_trim(to->text).n || characters(to->text) > TO_LONGEST)
			return false;
		r->to[r->n++] = to->text;
	}
	return r->n > 0 && read_options(options, r);
}

/* ---- Who is meant ---- */

/* The first of those that fit, and whether the others are the same address. */
struct choice {
	const struct person *who;
	bool several;
};

static void choose(struct arena *a, struct choice *choice, const struct person *who)
{
	if (!choice->who) {
		choice->who = who;
		return;
	}
	struct str old = gal_text(a, choice->who, "EmailAddress");
	if (!str_eq_nocase(old, gal_text(a, who, "EmailAddress")))
		choice->several = true;
	else if (who->gal && !choice->who->gal)
		choice->who = who;
}

static struct choice choose_exact(struct arena *a, const struct people *found, struct str to,
				  bool address)
{
	struct choice choice = {0};
	for (size_t i = 0; i < found->n; i++) {
		const struct person *p = &found->v[i];
		if (address ? gal_has_address(p, to)
			    : str_eq_nocase(gal_text(a, p, "DisplayName"), to))
			choose(a, &choice, p);
	}
	return choice;
}

/* "Name" <address>: the address. */
static struct str bare_address(struct str to)
{
	ptrdiff_t from = str_find_byte(to, '<');
	to = str_trim(to);
	if (from >= 0 && to.n && to.p[to.n - 1] == '>')
		return str_trim(str_sub(to, (size_t)from + 1, to.n - (size_t)from - 2));
	return to;
}

/* The one who is meant, or NULL; *found are those to choose from. False: c->err. */
static bool resolve(struct resolution *r, struct str to, struct people *found,
		    const struct person **who)
{
	struct call *c = r->call;
	struct str text = bare_address(to);
	bool address = str_find_byte(text, '@') > 0;
	struct people_question q = {.text = text,
				    .lists = true,
				    .own = true,
				    .whole =
					    r->retrieval != RETRIEVE_NONE || r->pictures_each.asked,
				    .most = SUGGESTIONS_MOST};
	*who = NULL;
	if (!directory_find(c, &q, found))
		return false;
	struct choice choice = choose_exact(c->arena, found, text, address);
	if (!choice.who && found->total == 1)
		choice.who = &found->v[0];
	if (choice.who && !choice.several) {
		*who = choice.who;
		return true;
	}
	if (found->n || !address)
		return true;
	struct person *colleague = arena_alloc(c->arena, sizeof *colleague);
	enum found known = people_colleague(c->session->db, c->arena, c->gate.account, text,
					    colleague, &c->err);
	if (known == FOUND_ONE)
		*who = colleague;
	return known != FOUND_FAILED;
}

/* ---- Certificates ---- */

struct certificates {
	struct str v[CARD_CERTIFICATES];
	size_t n;
};

static void read_certificates(struct resolution *r, struct str card, struct certificates *out)
{
	struct content_lines lines;
	struct err e;
	struct str bytes;
	out->n = 0;
	if (!card.p || !vcard_read(r->call->arena, card, &lines, &e))
		return;
	for (size_t i = content_find(&lines, STR("KEY"), 0); i && out->n < CARD_CERTIFICATES;
	     i = content_find(&lines, STR("KEY"), i + 1))
		if (content_binary(&lines, &lines.v[i], &bytes) && certificate_valid(bytes, r->now))
			out->v[out->n++] = bytes;
}

/* The first certificate of each member of a list; *members are all of them. */
static bool list_certificates(struct resolution *r, int32_t group, struct certificates *out,
			      size_t *members)
{
	struct call *c = r->call;
	struct str *addresses;
	size_t n;
	out->n = 0;
	if (!people_members(c->session->db, c->arena, group, CARD_CERTIFICATES, &addresses, &n,
			    members, &c->err))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct person member;
		struct certificates own;
		enum found found = people_colleague(c->session->db, c->arena, c->gate.account,
						    addresses[i], &member, &c->err);
		if (found == FOUND_FAILED)
			return false;
		if (found == FOUND_NONE)
			continue;
		read_certificates(r, member.card, &own);
		if (own.n)
			out->v[out->n++] = own.v[0];
	}
	return true;
}

static void encode_certificates(struct resolution *r, const struct certificates *found,
				size_t recipients)
{
	struct wbxml_out *w = &r->call->out;
	bool beyond = (int64_t)found->n > r->certificates_left;
	unsigned status = !found->n ? CERTIFICATES_NONE : beyond ? CERTIFICATES_LIMIT : STATUS_OK;
	wbxml_begin(w, ResolveRecipients_Certificates);
	wbxml_int(w, ResolveRecipients_Status, status);
	wbxml_int(w, ResolveRecipients_CertificateCount, (int64_t)found->n);
	wbxml_int(w, ResolveRecipients_RecipientCount, (int64_t)recipients);
	for (size_t i = 0; status == STATUS_OK && i < found->n; i++) {
		struct arena *a = r->call->arena;
		r->certificates_left--;
		if (r->retrieval == RETRIEVE_FULL)
			wbxml_text(w, ResolveRecipients_Certificate,
				   text_base64_encode(a, found->v[i]));
		else if (i == 0) /* one to a recipient */
			wbxml_text(w, ResolveRecipients_MiniCertificate,
				   text_base64_encode(a, certificate_mini(a, found->v[i])));
	}
	wbxml_end(w);
}

/* ---- Availability ---- */

/* Adds the time of one address. 0, or the status that says why not. */
static unsigned add_busy(struct resolution *r, struct str address, struct free_busy *f)
{
	struct call *c = r->call;
	struct busy_source source;
	if (!people_busy(c->session->db, c->arena, c->gate.account, address, r->from * 1000,
			 r->until * 1000, &source, &c->err))
		return BUSY_FAILED;
	if (!source.account || !source.allowed)
		return BUSY_NOT_ALLOWED;
	struct item_context ctx = {.arena = c->arena,
				   .version = 141,
				   .address = address,
				   .timezone = source.timezone,
				   .now = r->now};
	for (size_t i = 0; i < source.n && !arena_overflowed(c->arena); i++) {
		struct arena_mark mark = arena_mark(c->arena);
		free_busy_add(&ctx, source.events[i], f);
		arena_release(c->arena, mark);
	}
	return 0;
}

/* Of a list the time of all members together, as far as one may know it. */
static unsigned list_busy(struct resolution *r, int32_t group, struct free_busy *f)
{
	struct call *c = r->call;
	struct str *addresses;
	size_t n, total;
	unsigned worst = BUSY_NOT_ALLOWED;
	if (!people_members(c->session->db, c->arena, group, LIST_MOST, &addresses, &n, &total,
			    &c->err))
		return BUSY_FAILED;
	if (total > LIST_MOST)
		return BUSY_LIST_TOO_LARGE;
	for (size_t i = 0; i < n; i++) {
		unsigned status = add_busy(r, addresses[i], f);
		if (status == BUSY_FAILED)
			return status;
		if (!status)
			worst = 0;
	}
	return worst;
}

static void encode_busy(struct resolution *r, const struct person *who, struct str address)
{
	struct wbxml_out *w = &r->call->out;
	struct free_busy f;
	unsigned status = 0;
	int32_t group = gal_group(who);
	free_busy_start(r->call->arena, r->from, r->until, &f);
	if (++r->busy_asked > BUSY_RECIPIENTS)
		status = BUSY_TOO_MANY;
	else
		status = group ? list_busy(r, group, &f) : add_busy(r, address, &f);
	wbxml_begin(w, ResolveRecipients_Availability);
	wbxml_int(w, ResolveRecipients_Status, status ? status : STATUS_OK);
	if (!status)
		wbxml_cstr(w, ResolveRecipients_MergedFreeBusy, f.digits);
	wbxml_end(w);
}

/* ---- Answering ---- */

/* With all that is asked for when `whole`; a suggestion has no certificates. */
static bool encode_recipient(struct resolution *r, const struct person *who, bool whole)
{
	static const struct picture_tags tags = {ResolveRecipients_Picture,
						 ResolveRecipients_Status, ResolveRecipients_Data};
	struct call *c = r->call;
	struct wbxml_out *w = &c->out;
	struct str address = gal_text(c->arena, who, "EmailAddress"), card = {NULL, 0};
	int32_t group = gal_group(who);
	bool certificates = whole && r->retrieval != RETRIEVE_NONE;
	if ((certificates || r->picture.asked) &&
	    people_card(c->session->db, c->arena, c->gate.account, who, &card, &c->err) ==
		    FOUND_FAILED)
		return false;
	wbxml_begin(w, ResolveRecipients_Recipient);
	wbxml_int(w, ResolveRecipients_Type, who->gal ? 2 : 1);
	wbxml_text(w, ResolveRecipients_DisplayName, gal_text(c->arena, who, "DisplayName"));
	wbxml_text(w, ResolveRecipients_EmailAddress, address);
	if (whole && r->busy)
		encode_busy(r, who, address);
	if (certificates) {
		struct certificates found;
		size_t recipients = 1;
		if (!group)
			read_certificates(r, card, &found);
		else if (!list_certificates(r, group, &found, &recipients))
			return false;
		encode_certificates(r, &found, recipients);
	}
	picture_encode(c, &tags, card, &r->picture);
	wbxml_end(w);
	return true;
}

static bool encode_suggestions(struct resolution *r, const struct people *found)
{
	struct wbxml_out *w = &r->call->out;
	size_t n = found->n < (size_t)r->suggestions ? found->n : (size_t)r->suggestions;
	unsigned status = !found->n	     ? RESOLVED_NOT
			  : n < found->total ? RESOLVED_PARTLY
					     : RESOLVED_AMBIGUOUS;
	wbxml_int(w, ResolveRecipients_Status, status);
	if (!found->n)
		return true;
	wbxml_int(w, ResolveRecipients_RecipientCount, (int64_t)found->total);
	for (size_t i = 0; i < n; i++)
		if (!encode_recipient(r, &found->v[i], false))
			return false;
	return true;
}

/* One To. False: the request as a whole fails (c->err). */
static bool answer(struct resolution *r, struct str to)
{
	struct wbxml_out *w = &r->call->out;
	struct people found;
	const struct person *who;
	if (!resolve(r, to, &found, &who))
		return false;
	r->picture = r->pictures_each; /* the limit is for each To */
	wbxml_begin(w, ResolveRecipients_Response);
	wbxml_text(w, ResolveRecipients_To, to);
	if (who) {
		wbxml_int(w, ResolveRecipients_Status, STATUS_OK);
		wbxml_int(w, ResolveRecipients_RecipientCount, 1);
		if (!encode_recipient(r, who, true))
			return false;
	} else if (!encode_suggestions(r, &found)) {
		return false;
	}
	wbxml_end(w);
	return !arena_overflowed(r->call->arena) ||
	       err_set(&r->call->err, ERR_TOO_LARGE, "no room for all recipients");
}

void command_resolverecipients(struct call *c)
{
	struct resolution r;
	bool may;
	if (!decode(c, &r)) {
		call_answer_status(c, RESOLVE_PROTOCOL);
		return;
	}
	/* Who asks too often may try again later. */
	if (!people_may_search(c->session->db, c->gate.account, &may, &c->err) || !may) {
		call_answer_status(c, RESOLVE_SERVER);
		return;
	}
	call_begin(c);
	call_status(c, STATUS_OK);
	for (size_t i = 0; i < r.n; i++) {
		if (!answer(&r, r.to[i])) {
			call_fail(c, NULL);
			return;
		}
	}
}
