/* settings: out of office (MS-ASCMD 2.2.3.122). See settings.h for the contract. */
#include "core/settings.h"

#include "core/base/clock.h"
#include "store/imap_store.h"
#include "store/oof.h"

static const unsigned audience_tags[OOF_AUDIENCES] = {Settings_AppliesToInternal,
						      Settings_AppliesToExternalKnown,
						      Settings_AppliesToExternalUnknown};

/* ---- Set ---- */

static unsigned read_body_type(struct str text, bool *html)
{
	*html = str_eq_nocase(text, STR("HTML"));
	return *html || str_eq_nocase(text, STR("Text")) ? 0 : SETTINGS_ARGUMENTS;
}

/* 0, or the status to answer. One message is for one audience, and no two for the same. */
static unsigned read_message(const struct wbxml_node *node, struct oof *o, unsigned *seen)
{
	struct str enabled = wbxml_child_text(node, Settings_Enabled);
	struct str text = wbxml_child_text(node, Settings_ReplyMessage);
	int audience = -1;
	for (int i = 0; i < OOF_AUDIENCES; i++)
		if (wbxml_child(node, audience_tags[i])) {
			if (audience >= 0)
				return SETTINGS_PROTOCOL;
			audience = i;
		}
	if (audience < 0 || *seen & 1u << audience)
		return SETTINGS_PROTOCOL;
	*seen |= 1u << audience;
	struct oof_message *m = &o->messages[audience];
	if (enabled.p && !str_eq(enabled, STR("0")) && !str_eq(enabled, STR("1")))
		return SETTINGS_ARGUMENTS;
	if (enabled.p)
		m->enabled = str_eq(enabled, STR("1"));
	if (!text.p)
		return 0;
	if (text.n > OOF_MESSAGE_MOST)
		return SETTINGS_ARGUMENTS;
	m->text = text;
	return read_body_type(wbxml_child_text(node, Settings_BodyType), &m->html);
}

/* Both times or neither, and only with the state that needs them (2.2.3.61.2, 2.2.3.124). */
static unsigned read_times(const struct wbxml_node *set, struct oof *o)
{
	struct str start = wbxml_child_text(set, Settings_StartTime);
	struct str end = wbxml_child_text(set, Settings_EndTime);
	if ((start.n > 0) != (end.n > 0))
		return SETTINGS_PROTOCOL;
	if (o->state != OOF_TIMED)
		return 0;
	if (!start.n && o->start < o->end)
		return 0;
	if (!clock_parse(start, &o->start) || !clock_parse(end, &o->end) || o->start >= o->end)
		return SETTINGS_ARGUMENTS;
	return 0;
}

/* What is left out stays as it was. */
static unsigned read_set(const struct wbxml_node *set, struct oof *o)
{
	struct str state = wbxml_child_text(set, Settings_OofState);
	unsigned seen = 0, status = 0;
	uint64_t n;
	if (state.p) {
		if (!str_to_u64(state, &n) || n > OOF_TIMED)
			return SETTINGS_ARGUMENTS;
		o->state = (enum oof_state)n;
	}
	status = read_times(set, o);
	for (const struct wbxml_node *m = set->first; m && !status; m = m->next)
		if (m->tag == Settings_OofMessage)
			status = read_message(m, o, &seen);
	return status;
}

static bool set(struct call *c, const struct oof_ops *ops, const struct wbxml_node *node)
{
	struct oof o;
	struct pg *db = c->session->db;
	if (!ops->get(db, c->arena, c->gate.account, &o, &c->err))
		return false;
	unsigned status = read_set(node, &o);
	if (!status && !ops->set(db, c->arena, c->gate.account, &o, &c->err))
		return false;
	settings_answer(c, Settings_Oof, status ? status : STATUS_OK);
	return true;
}

/* ---- Get ---- */

static void encode_message(struct wbxml_out *w, unsigned tag, const struct oof_message *m)
{
	wbxml_begin(w, Settings_OofMessage);
	wbxml_empty(w, tag);
	wbxml_int(w, Settings_Enabled, m->enabled);
	if (m->text.n) {
		wbxml_text(w, Settings_ReplyMessage, m->text);
		wbxml_cstr(w, Settings_BodyType, m->html ? "HTML" : "Text");
	}
	wbxml_end(w);
}

static void put_time(struct wbxml_out *w, unsigned tag, int64_t ms)
{
	char text[CLOCK_TEXT];
	wbxml_cstr(w, tag, clock_dashed(ms, text));
}

/* The messages in the form that they were set in, whatever the form asked for: each says which. */
static bool get(struct call *c, const struct oof_ops *ops, const struct wbxml_node *node)
{
	struct wbxml_out *w = &c->out;
	struct oof o;
	bool html;
	if (read_body_type(wbxml_child_text(node, Settings_BodyType), &html)) {
		settings_answer(c, Settings_Oof, SETTINGS_PROTOCOL);
		return true;
	}
	if (!ops->get(c->session->db, c->arena, c->gate.account, &o, &c->err))
		return false;
	wbxml_begin(w, Settings_Oof);
	wbxml_int(w, Settings_Status, STATUS_OK);
	wbxml_begin(w, Settings_Get);
	wbxml_int(w, Settings_OofState, o.state);
	if (o.state == OOF_TIMED) {
		put_time(w, Settings_StartTime, o.start);
		put_time(w, Settings_EndTime, o.end);
	}
	for (int i = 0; i < OOF_AUDIENCES; i++)
		encode_message(w, audience_tags[i], &o.messages[i]);
	wbxml_end(w);
	wbxml_end(w);
	return true;
}

/* Mail on a mail server is answered by that, if at all. */
static const struct oof_ops *find_ops(struct call *c)
{
	struct store *mail = c->session->mail;
	return mail && store_imap_person(mail, c->gate.account) ? NULL : &oof_pg;
}

bool settings_oof(struct call *c, const struct wbxml_node *oof)
{
	const struct oof_ops *ops = find_ops(c);
	const struct wbxml_node *what = oof->first;
	if (!ops) {
		settings_answer(c, Settings_Oof, SETTINGS_ACCESS_DENIED);
		return true;
	}
	if (what && what->tag == Settings_Get && !what->next)
		return get(c, ops, what);
	if (what && what->tag == Settings_Set && !what->next)
		return set(c, ops, what);
	settings_answer(c, Settings_Oof, SETTINGS_PROTOCOL);
	return true;
}
