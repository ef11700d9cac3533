/* directory: people wherever an account finds them. See directory.h for the contract. */
#include "core/directory.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/content_lines.h"
#include "core/gal.h"
#include "core/item_class.h"

enum { WORDS = 8 };

/* ---- One entry ---- */

static void put_text(struct buf *b, struct arena *a, const char *start, struct str value)
{
	if (value.n)
		buf_printf(b, "%s:%.*s\r\n", start,
			   STR_ARG(content_escape(a, text_to_xml(a, value))));
}

static void put_bytes(struct buf *b, struct arena *a, const char *start, struct str value)
{
	if (value.n)
		buf_printf(b, "%s:%.*s\r\n", start, STR_ARG(text_base64_encode(a, value)));
}

/* An entry as a vCard, so that it is told as all others are. */
static struct str card_of(struct arena *a, const struct ldap_person *p)
{
	struct buf b = {0};
	struct str last = content_escape(a, text_to_xml(a, p->v[LDAP_LAST_NAME]));
	struct str first = content_escape(a, text_to_xml(a, p->v[LDAP_FIRST_NAME]));
	struct str company = content_escape(a, text_to_xml(a, p->v[LDAP_COMPANY]));
	struct str office = content_escape(a, text_to_xml(a, p->v[LDAP_OFFICE]));
	buf_cstr(&b, "BEGIN:VCARD\r\nVERSION:3.0\r\n");
	put_text(&b, a, "FN", p->v[LDAP_NAME].n ? p->v[LDAP_NAME] : p->v[LDAP_MAIL]);
	buf_printf(&b, "N:%.*s;%.*s;;;\r\n", STR_ARG(last), STR_ARG(first));
	put_text(&b, a, "EMAIL", p->v[LDAP_MAIL]);
	put_text(&b, a, "TEL;TYPE=WORK", p->v[LDAP_PHONE]);
	put_text(&b, a, "TEL;TYPE=HOME", p->v[LDAP_HOME_PHONE]);
	put_text(&b, a, "TEL;TYPE=CELL", p->v[LDAP_MOBILE]);
	put_text(&b, a, "TITLE", p->v[LDAP_TITLE]);
	if (company.n || office.n)
		buf_printf(&b, "ORG:%.*s;;%.*s\r\n", STR_ARG(company), STR_ARG(office));
	put_text(&b, a, "X-EASEL-ALIAS", p->v[LDAP_ALIAS]);
	put_bytes(&b, a, "PHOTO;ENCODING=b;TYPE=JPEG", p->v[LDAP_PHOTO]);
	put_bytes(&b, a, "KEY;ENCODING=b;TYPE=X509", p->v[LDAP_CERTIFICATE]);
	buf_cstr(&b, "END:VCARD\r\n");
	return buf_move(a, &b);
}

static bool is_known(const struct people *known, struct str address)
{
	for (size_t i = 0; i < known->n; i++)
		if (gal_has_address(&known->v[i], address))
			return true;
	return false;
}

static void add_person(struct call *c, const struct ldap_person *p, struct people *out)
{
	struct item_context ctx = {.arena = c->arena, .version = c->version, .now = clock_now()};
	struct item_facts facts;
	struct err ignored;
	struct str card = card_of(c->arena, p);
	if (!p->v[LDAP_MAIL].n || is_known(out, p->v[LDAP_MAIL]) ||
	    !contact_class.facts(&ctx, card, &facts, &ignored))
		return;
	out->v[out->n++] = (struct person){.gal = true, .summary = facts.summary, .card = card};
	out->total++;
}

/* ---- The LDAP server ---- */

/* Words of two letters and more; of an address all of it. Wildcards are letters like others. */
static size_t split(struct str text, struct str words[WORDS])
{
	size_t n = 0;
	struct str word;
	while (n < WORDS && str_next(&text, ' ', &word)) {
		word = str_trim(word);
		if (word.n >= 2)
			words[n++] = word;
	}
	return n;
}

static bool ask_ldap(struct call *c, const struct people_ldap *ldap,
		     const struct people_question *q, struct people *out)
{
	struct str words[WORDS];
	size_t nwords = split(q->text, words), n;
	const struct ldap_question asked = {
		.words = words, .nwords = nwords, .most = DIRECTORY_MOST, .whole = q->whole};
	struct ldap_person *found;
	if (!nwords)
		return true;
	if (!ldap_people(c->arena, &ldap->server, &asked, &found, &n, &c->err)) {
		log_event(LOG_WARNING, "ldap", &c->err);
		err_clear(&c->err);
		return true;
	}
	struct person *all = arena_array(c->arena, out->n + n, sizeof *all);
	if (out->n)
		memcpy(all, out->v, out->n * sizeof *all);
	out->v = all;
	for (size_t i = 0; i < n; i++)
		add_person(c, &found[i], out);
	return true;
}

bool directory_find(struct call *c, const struct people_question *asked, struct people *out)
{
	struct people_question q = *asked;
	struct people_ldap ldap;
	q.account = c->gate.account;
	enum found found = q.lists ? people_ldap_of(c->session->db, c->session->secrets, q.account,
						    false, &ldap, &c->err)
				   : FOUND_NONE;
	if (found == FOUND_FAILED)
		return false;
	if (found == FOUND_NONE)
		return people_find(c->session->db, c->arena, &q, out, &c->err);
	q.skip = 0;
	q.most = DIRECTORY_MOST;
	if (!people_find(c->session->db, c->arena, &q, out, &c->err) ||
	    !ask_ldap(c, &ldap, &q, out))
		return false;
	size_t skip = asked->skip < out->n ? asked->skip : out->n;
	out->v += skip;
	out->n -= skip;
	if (out->n > asked->most)
		out->n = asked->most;
	return true;
}
