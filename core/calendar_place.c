/* calendar_place: where an event is, and what is attached to it. See calendar.h. */
#include "core/calendar.h"

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/text.h"

enum { PART_BYTES = 12 /* of the digest that names an attachment */ };

/* ---- Location ---- */

void emit_location(struct event_view *x, unsigned tag)
{
	struct str text = ical_text(x->c->a, x->event, "LOCATION");
	if (text.n)
		wbxml_text(x->w, tag, text);
}

bool apply_location(struct event_edit *x, const struct item_edit_field *f)
{
	ical_set_text(x->c->a, x->event, "LOCATION", calendar_text(f));
	return true;
}

/*
 * The children of AirSyncBase:Location (MS-ASAIRS 2.2.2.28). DisplayName is LOCATION, Latitude and
 * Longitude are GEO, and the rest has lines of our own.
 */
static const struct place_field {
	unsigned tag;
	const char *line; /* NULL: GEO */
	bool number;
} place_fields[] = {
	{AirSyncBase_DisplayName, "LOCATION", false},
	{AirSyncBase_Annotation, "X-EASEL-LOCATION-ANNOTATION", false},
	{AirSyncBase_Street, "X-EASEL-LOCATION-STREET", false},
	{AirSyncBase_City, "X-EASEL-LOCATION-CITY", false},
	{AirSyncBase_State, "X-EASEL-LOCATION-STATE", false},
	{AirSyncBase_Country, "X-EASEL-LOCATION-COUNTRY", false},
	{AirSyncBase_PostalCode, "X-EASEL-LOCATION-POSTALCODE", false},
	{AirSyncBase_Latitude, NULL, true},
	{AirSyncBase_Longitude, NULL, true},
	{AirSyncBase_Accuracy, "X-EASEL-LOCATION-ACCURACY", true},
	{AirSyncBase_Altitude, "X-EASEL-LOCATION-ALTITUDE", true},
	{AirSyncBase_AltitudeAccuracy, "X-EASEL-LOCATION-ALTITUDEACCURACY", true},
	{AirSyncBase_LocationUri, "X-EASEL-LOCATION-URI", false},
};

enum { PLACE_FIELDS = sizeof place_fields / sizeof *place_fields };

/* A decimal number as XML has it. */
static bool is_number(struct str s)
{
	size_t digits = 0, i = s.n && (s.p[0] == '-' || s.p[0] == '+');
	bool point = false;
	for (; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else if (s.p[i] == '.' && !point)
			point = true;
		else
			return false;
	}
	return digits > 0 && digits <= 24;
}

static struct str place_value(struct arena *a, const struct ical_node *event,
			      const struct place_field *f)
{
	struct str geo = ical_value(event, "GEO"), latitude;
	if (f->line)
		return ical_text(a, event, f->line);
	if (!geo.n || !str_next(&geo, ';', &latitude))
		return STR("");
	return str_trim(f->tag == AirSyncBase_Latitude ? latitude : geo);
}

void emit_place(struct event_view *x, unsigned tag)
{
	bool any = false;
	for (size_t i = 0; i < PLACE_FIELDS; i++) {
		struct str value = place_value(x->c->a, x->event, &place_fields[i]);
		if (!value.n || (place_fields[i].number && !is_number(value)))
			continue;
		if (!any)
			wbxml_begin(x->w, tag);
		any = true;
		wbxml_text(x->w, place_fields[i].tag, value);
	}
	if (any)
		wbxml_end(x->w);
}

/* The place is what was sent: what it lacks is no part of it any more. */
bool apply_place(struct event_edit *x, const struct item_edit_field *f)
{
	struct arena *a = x->c->a;
	for (size_t i = 0; i < PLACE_FIELDS; i++) {
		struct str value = wbxml_child_text(f->sent, place_fields[i].tag);
		if (value.n && place_fields[i].number && !is_number(str_trim(value)))
			return err_set(x->e, ERR_INVALID, "%s of a Location is no number",
				       wbxml_tag_name(place_fields[i].tag));
		if (place_fields[i].line &&
		    !str_eq(value, ical_text(a, x->event, place_fields[i].line)))
			ical_set_text(a, x->event, place_fields[i].line, value);
	}
	struct str latitude = str_trim(wbxml_child_text(f->sent, AirSyncBase_Latitude));
	struct str longitude = str_trim(wbxml_child_text(f->sent, AirSyncBase_Longitude));
	if (latitude.n && longitude.n)
		calendar_put(x, "GEO",
			     arena_printf(a, "%.*s;%.*s", STR_ARG(latitude), STR_ARG(longitude)));
	else
		calendar_put(x, "GEO", NULL);
	return true;
}

/* ---- Attachments (16.x) ---- */

struct str calendar_attachment_part(struct arena *a, struct str base64)
{
	unsigned char digest[DIGEST_SIZE];
	digest_sha256(base64, digest);
	return text_hex_encode(a, (struct str){(const char *)digest, PART_BYTES});
}

static bool is_inline(struct arena *a, const struct ical_node *line)
{
	return str_eq_nocase(ical_param(a, line, "ENCODING"), STR("BASE64"));
}

/* A file without a name would not be opened by any client. */
static struct str file_name(struct arena *a, const struct ical_node *line)
{
	static const char *const names[] = {"FILENAME", "X-FILENAME", "X-APPLE-FILENAME",
					    "X-LABEL"};
	static const struct {
		const char *type, *extension;
	} types[] = {{"image/png", "png"},	 {"image/jpeg", "jpg"}, {"image/gif", "gif"},
		     {"application/pdf", "pdf"}, {"text/plain", "txt"}, {"text/html", "html"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct str name = ical_param(a, line, names[i]);
		if (name.n)
			return name;
	}
	struct str type = ical_param(a, line, "FMTTYPE");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (str_eq_nocase(type, str_of(types[i].type)))
			return str_of(arena_printf(a, "attachment.%s", types[i].extension));
	return STR("attachment.bin");
}

static struct str reference_of(const struct event_view *x, struct str part)
{
	return str_of(
		arena_printf(x->c->a, "%.*s:%.*s", STR_ARG(x->c->ctx->server_id), STR_ARG(part)));
}

void emit_attachments(struct event_view *x, unsigned tag)
{
	struct arena *a = x->c->a;
	bool any = false;
	for (const struct ical_node *l = ical_line(x->event, "ATTACH"); l; l = ical_again(l)) {
		struct str value = str_trim(l->value), id = ical_param(a, l, "X-CONTENT-ID");
		if (!is_inline(a, l))
			continue;
		if (!any)
			wbxml_begin(x->w, tag);
		any = true;
		wbxml_begin(x->w, AirSyncBase_Attachment);
		wbxml_text(x->w, AirSyncBase_DisplayName, file_name(a, l));
		wbxml_text(x->w, AirSyncBase_FileReference,
			   reference_of(x, calendar_attachment_part(a, value)));
		wbxml_int(x->w, AirSyncBase_Method, 1);
		wbxml_int(x->w, AirSyncBase_EstimatedDataSize, (int64_t)(value.n / 4 * 3));
		if (id.n)
			wbxml_text(x->w, AirSyncBase_ContentId, id);
		wbxml_end(x->w);
	}
	if (any)
		wbxml_end(x->w);
}

/* As text in base64, or as bytes. */
static bool content_of(struct arena *a, const struct wbxml_node *add, struct str *base64)
{
	const struct wbxml_node *content = wbxml_child(add, AirSyncBase_Content);
	struct str bytes;
	if (!content || !content->text.n)
		return false;
	if (content->content == WBXML_OPAQUE)
		bytes = content->text;
	else if (!text_base64_decode(a, content->text, true, &bytes))
		return false;
	*base64 = text_base64_encode(a, bytes);
	return true;
}

/* Some clients send an attachment without its content when they move an event: it is no new one. */
static bool add_attachment(struct event_edit *x, const struct wbxml_node *add)
{
	struct arena *a = x->c->a;
	struct str name = wbxml_child_text(add, AirSyncBase_DisplayName), base64;
	struct str type = wbxml_child_text(add, AirSyncBase_ContentType);
	struct str id = wbxml_child_text(add, AirSyncBase_ContentId);
	struct str params = STR(";ENCODING=BASE64;VALUE=BINARY");
	if (!wbxml_child_text(add, AirSyncBase_ClientId).n)
		return err_set(x->e, ERR_INVALID, "an attachment without ClientId");
	if (!content_of(a, add, &base64))
		return true;
	if (type.n)
		params = ical_params_with(a, params, "FMTTYPE", type);
	if (name.n)
		params = ical_params_with(a, params, "FILENAME", name);
	if (id.n)
		params = ical_params_with(a, params, "X-CONTENT-ID", id);
	ical_add(a, x->event, "ATTACH", params, base64);
	return true;
}

static struct ical_node *find_attachment(struct arena *a, const struct ical_node *event,
					 struct str part)
{
	struct ical_node *n = ical_line(event, "ATTACH");
	while (n &&
	       !(is_inline(a, n) && str_eq(calendar_attachment_part(a, str_trim(n->value)), part)))
		n = ical_again(n);
	return n;
}

/* One that is gone already needs no removal. */
static void delete_attachment(struct event_edit *x, const struct wbxml_node *node)
{
	struct str reference = wbxml_child_text(node, AirSyncBase_FileReference), part = reference;
	for (ptrdiff_t colon; (colon = str_find_byte(part, ':')) >= 0;)
		part = str_sub(part, (size_t)colon + 1, part.n);
	struct ical_node *line = find_attachment(x->c->a, x->event, part);
	if (line)
		ical_remove(line);
}

bool apply_attachments(struct event_edit *x, const struct item_edit_field *f)
{
	for (const struct wbxml_node *n = f->sent ? f->sent->first : NULL; n; n = n->next) {
		if (n->tag == AirSyncBase_Delete)
			delete_attachment(x, n);
		else if (n->tag == AirSyncBase_Add && !add_attachment(x, n))
			return false;
	}
	return true;
}

bool calendar_attachment(const struct item_context *ctx, struct str text, struct str part,
			 struct item_attachment *out, struct err *e)
{
	struct calendar c;
	if (!calendar_read(ctx, text, &c, e))
		return false;
	for (struct ical_node *n = ical_component(c.vcalendar, "VEVENT"); n; n = ical_again(n)) {
		const struct ical_node *line = find_attachment(ctx->arena, n, part);
		if (!line)
			continue;
		out->name = file_name(ctx->arena, line);
		out->type = ical_param(ctx->arena, line, "FMTTYPE");
		if (!out->type.n)
			out->type = STR("application/octet-stream");
		return text_base64_decode(ctx->arena, line->value, true, &out->bytes) ||
		       err_set(e, ERR_MALFORMED, "an attachment that is not base64");
	}
	return err_set(e, ERR_NOT_FOUND, "there is no such attachment");
}

/* MS-ASAIRS 2.2.2.8: the device's own name for each new attachment beside ours. */
void calendar_respond_attachments(struct wbxml_out *w, const struct item_context *ctx,
				  const struct wbxml_node *sent)
{
	bool any = false;
	for (const struct wbxml_node *n = sent ? sent->first : NULL; n; n = n->next) {
		struct str base64;
		if (n->tag != AirSyncBase_Add || !content_of(ctx->arena, n, &base64))
			continue;
		if (!any)
			wbxml_begin(w, AirSyncBase_Attachments);
		any = true;
		wbxml_begin(w, AirSyncBase_Attachment);
		wbxml_text(w, AirSyncBase_ClientId, wbxml_child_text(n, AirSyncBase_ClientId));
		wbxml_cstr(w, AirSyncBase_FileReference,
			   arena_printf(ctx->arena, "%.*s:%.*s", STR_ARG(ctx->server_id),
					STR_ARG(calendar_attachment_part(ctx->arena, base64))));
		wbxml_end(w);
	}
	if (any)
		wbxml_end(w);
}
