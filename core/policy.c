/* policy: a policy in the forms that devices take. See policy.h for the contract. */
#include "core/policy.h"

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

/* Kinds of elements; any other one is the element of a list's entries. */
enum { BOOLEAN = 1, NUMBER, LIMIT, MINUTES };

static const struct {
	unsigned tag;
	const char *column;
	unsigned kind, since;
} rows[] = {
#define POLICY(element, column, kind, since) {Provision_##element, #column, kind, since},
#include "core/policy.def"
#undef POLICY
};

enum { ROWS = sizeof rows / sizeof *rows };

const char *policy_type(unsigned version)
{
	return version < 120 ? "MS-WAP-Provisioning-XML" : "MS-EAS-Provisioning-WBXML";
}

/* A number, or a boolean as 1 or 0. */
static int64_t number(const json_t *policy, const char *column)
{
	const json_t *v = json_object_get(policy, column);
	return json_is_true(v) ? 1 : json_integer_value(v);
}

static void encode_list(struct wbxml_out *w, unsigned tag, unsigned entry, const json_t *list)
{
	size_t i;
	const json_t *v;
	if (json_array_size(list) == 0)
		return;
	wbxml_begin(w, tag);
	json_array_foreach(list, i, v) wbxml_cstr(w, entry, json_string_value(v));
	wbxml_end(w);
}

static void encode_document(struct wbxml_out *w, const json_t *policy, unsigned version)
{
	wbxml_begin(w, Provision_EASProvisionDoc);
	for (size_t i = 0; i < ROWS; i++) {
		int64_t value = number(policy, rows[i].column);
		if (version < rows[i].since)
			continue;
		if (rows[i].kind > MINUTES)
			encode_list(w, rows[i].tag, rows[i].kind,
				    json_object_get(policy, rows[i].column));
		else if (value == 0 && (rows[i].kind == LIMIT || rows[i].kind == MINUTES))
			wbxml_cstr(w, rows[i].tag, "");
		else
			wbxml_int(w, rows[i].tag, rows[i].kind == MINUTES ? value * 60 : value);
	}
	wbxml_end(w);
}

/* ---- 2.5 ---- */

#define LASSD "HKLM\\Comm\\Security\\Policy\\LASSD"

static void wap_parm(struct buf *out, const char *key, const char *name, int64_t value)
{
	buf_printf(
		out,
		"<characteristic type=\"%s\"><parm name=\"%s\" value=\"%lld\"/></characteristic>",
		key, name, (long long)value);
}

/* How the password is made: 0 letters and digits, 1 digits, 2 either. */
enum { WAP_STRONG = 0, WAP_EITHER = 2, WAP_CODEWORD_AFTER = 3 };

static void wap_registry(struct buf *out, const json_t *policy)
{
	int64_t minutes = number(policy, "max_inactivity_minutes");
	int64_t attempts = number(policy, "max_failed_attempts");
	int64_t length = number(policy, "password_min_length");
	bool strong = number(policy, "password_alphanumeric") != 0;
	buf_printf(out,
		   "<characteristic type=\"Registry\"><characteristic type=\"" LASSD
		   "\\AE\\{50C13377-C66D-400C-889E-C316FC4AB374}\">"
		   "<parm name=\"AEFrequencyType\" value=\"%d\"/>",
		   minutes > 0);
	if (minutes > 0)
		buf_printf(out, "<parm name=\"AEFrequencyValue\" value=\"%lld\"/>",
			   (long long)minutes);
	buf_printf(out, "</characteristic>");
	wap_parm(out, LASSD, "DeviceWipeThreshold", attempts > 0 ? attempts : -1);
	if (attempts > WAP_CODEWORD_AFTER)
		wap_parm(out, LASSD, "CodewordFrequency", WAP_CODEWORD_AFTER);
	if (length > 0)
		wap_parm(out, LASSD "\\LAP\\lap_pw", "MinimumPasswordLength", length);
	wap_parm(out, LASSD "\\LAP\\lap_pw", "PasswordComplexity",
		 strong ? WAP_STRONG : WAP_EITHER);
	buf_printf(out, "</characteristic>");
}

/* The security policy 4131 says 0 where a password is required, 1 where it is not. */
static void encode_wap(struct arena *a, struct wbxml_out *w, const json_t *policy)
{
	struct buf out = {0};
	bool required = number(policy, "password_required") != 0;
	buf_printf(&out, "<wap-provisioningdoc>");
	wap_parm(&out, "SecurityPolicy", "4131", !required);
	if (required)
		wap_registry(&out, policy);
	buf_printf(&out, "</wap-provisioningdoc>");
	wbxml_text(w, Provision_Data, buf_move(a, &out));
}

bool policy_encode(struct arena *a, struct wbxml_out *w, struct str json, unsigned version,
		   struct err *e)
{
	json_error_t why;
	json_t *policy = json_loadb(json.p, json.n, 0, &why);
	if (!json_is_object(policy)) {
		json_decref(policy);
		return err_set(e, ERR_INTERNAL, "the policy can't be read: %s", why.text);
	}
	if (version < 120) {
		encode_wap(a, w, policy);
	} else {
		wbxml_begin(w, Provision_Data);
		encode_document(w, policy, version);
		wbxml_end(w);
	}
	json_decref(policy);
	return true;
}
