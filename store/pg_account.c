/* account: who a request is from. See account.h for the contract. */
#include "store/account.h"

#include <arpa/inet.h>

#include "core/base/arena.h"
#include "store/pg.h"

#define GATE                                                                                       \
	"SELECT account_id, address, display_name, password_hash, remembered, throttled, verdict," \
	" hierarchy_modseq, timezone, language, device, device_type, user_agent,"                  \
	" protocol_version, access = 'quarantined', policy_key, policy_offered_key, stale, wipe,"  \
	" wipe_kind = 'soft', ping_heartbeat, ping_folders, sync_request, max_protocol_version,"   \
	" mail_age, calendar_age, text_size, html_size, html, attachments, attachment_size,"       \
	" enforced, trace, heartbeat_min, heartbeat_max, ping_max_folders, sync_max_collections,"  \
	" sync_max_items, sync_max_bytes, message_size,"                                           \
	" (SELECT coalesce(a.lives_at, d.lives_at) FROM easel.account a"                           \
	" JOIN easel.domain d ON d.id = a.domain_id WHERE a.id = account_id)"

/* The columns, in that order. */
enum {
	ACCOUNT,
	ADDRESS,
	DISPLAY_NAME,
	PASSWORD_HASH,
	REMEMBERED,
	THROTTLED,
	VERDICT,
	HIERARCHY_MODSEQ,
	TIMEZONE,
	LANGUAGE,
	DEVICE,
	DEVICE_TYPE,
	USER_AGENT,
	PROTOCOL_VERSION,
	QUARANTINED,
	POLICY_KEY,
	POLICY_OFFERED_KEY,
	STALE,
	WIPE,
	WIPE_SOFT,
	PING_HEARTBEAT,
	PING_FOLDERS,
	SYNC_REQUEST,
	MAX_VERSION,
	MAIL_AGE,
	CALENDAR_AGE,
	TEXT_SIZE,
	HTML_SIZE,
	HTML,
	ATTACHMENTS,
	ATTACHMENT_SIZE,
	ENFORCED,
	TRACE,
	HEARTBEAT_MIN,
	HEARTBEAT_MAX,
	PING_MAX_FOLDERS,
	SYNC_MAX_COLLECTIONS,
	SYNC_MAX_ITEMS,
	SYNC_MAX_BYTES,
	MESSAGE_SIZE,
	LIVES_AT,
	QUIET
};

#define GATE_CALL "easel.gate($1::text, $2::text, $3::inet, $4::integer, $5::bigint)"

static PG_STATEMENT(account_gate_row, GATE ", false FROM " GATE_CALL);

/*
 * No function of the schema: PostgreSQL would not make it part of this statement's plan, and plan
 * it anew with every request.
 */
static PG_STATEMENT(
	account_gate_quiet, GATE
	", EXISTS (SELECT FROM easel.sync_base b"
	" JOIN easel.collection_folder f ON f.account_id = b.account_id AND f.id = b.folder_id"
	" WHERE b.account_id = g.account_id AND b.device = g.device AND b.folder_id = $6"
	" AND b.epoch || '.' || b.n = $7::text AND CASE"
	" WHEN f.class <> 'Email' OR g.message_size = 0 THEN b.options::text = $8::text"
	" ELSE b.options::jsonb = $8::jsonb || jsonb_build_object('message_size', g.message_size) END"
	" AND b.cutoff IS NOT DISTINCT FROM greatest(to_timestamp($9::bigint / 1000.0),"
	" CASE f.class WHEN 'Email' THEN easel.age_start(g.mail_age, now())"
	" WHEN 'Calendar' THEN easel.age_start(g.calendar_age, now()) END)"
	" AND b.modseq = f.modseq AND b.cut_uid IS NULL AND b.fill_uid IS NULL AND b.todo = '{}'"
	" AND b.folder_epoch = f.epoch AND NOT EXISTS (SELECT FROM easel.sync_answer a"
	" WHERE a.account_id = b.account_id AND a.device = b.device AND a.folder_id = b.folder_id))"
	" FROM " GATE_CALL " g");

static PG_STATEMENT(
	account_device,
	"SELECT a.address, v.device_id FROM easel.device v JOIN easel.account a ON a.id = v.account_id"
	" WHERE v.id = $1");

static PG_STATEMENT(
	account_remember,
	"WITH forgotten AS (DELETE FROM easel.login_failure f USING easel.account a"
	" WHERE a.id = $1 AND f.login = a.address AND f.address = $3::inet)"
	" INSERT INTO easel.password_memory (account_id, digest) VALUES ($1, $2::bytea)"
	" ON CONFLICT (account_id) DO UPDATE SET digest = excluded.digest, checked_at = now()");

static PG_STATEMENT(
	account_failure,
	"INSERT INTO easel.login_failure (login, address) VALUES ($1::text, $2::inet)"
	" ON CONFLICT (login, address) DO UPDATE SET last_at = now(), failures = CASE"
	" WHEN login_failure.last_at < now() - make_interval(secs =>"
	" (SELECT login_pause FROM easel.server)) THEN 1 ELSE login_failure.failures + 1 END");

void account_put_address(struct pg_params *p, struct arena *a, struct str address)
{
	unsigned char parsed[sizeof(struct in6_addr)];
	const char *text = str_dup(a, address);
	bool valid =
		inet_pton(AF_INET, text, parsed) == 1 || inet_pton(AF_INET6, text, parsed) == 1;
	pg_cstr(p, valid ? text : "0.0.0.0");
}

static void read_limits(const struct pg_rows *r, struct limits *out)
{
	out->heartbeat_min = (int)pg_get_int(r, 0, HEARTBEAT_MIN);
	out->heartbeat_max = (int)pg_get_int(r, 0, HEARTBEAT_MAX);
	out->ping_max_folders = (int)pg_get_int(r, 0, PING_MAX_FOLDERS);
	out->sync_max_collections = (int)pg_get_int(r, 0, SYNC_MAX_COLLECTIONS);
	out->sync_max_items = (int)pg_get_int(r, 0, SYNC_MAX_ITEMS);
	out->sync_max_bytes = (int)pg_get_int(r, 0, SYNC_MAX_BYTES);
}

static void read_caps(const struct pg_rows *r, struct caps *out)
{
	out->max_version = (int)pg_get_int(r, 0, MAX_VERSION);
	out->mail_age = (int)pg_get_int(r, 0, MAIL_AGE);
	out->calendar_age = (int)pg_get_int(r, 0, CALENDAR_AGE);
	out->text_size = pg_get_int(r, 0, TEXT_SIZE);
	out->html_size = pg_get_int(r, 0, HTML_SIZE);
	out->html = pg_get_bool(r, 0, HTML);
	out->attachments = pg_get_bool(r, 0, ATTACHMENTS);
	out->attachment_size = pg_get_int(r, 0, ATTACHMENT_SIZE);
	out->message_size = pg_get_int(r, 0, MESSAGE_SIZE);
}

/* A verdict that is not known here keeps the device out. */
static enum verdict read_verdict(struct str s)
{
	static const char *const names[] = {
		[VERDICT_DISABLED] = "disabled",
		[VERDICT_WIPE] = "wipe",
		[VERDICT_NEW] = "new",
		[VERDICT_FULL] = "full",
		[VERDICT_BLOCKED] = "blocked",
		[VERDICT_DISCOVERY] = "discovery",
		[VERDICT_DECIDE] = "decide",
		[VERDICT_VERSION] = "version",
		[VERDICT_PROVISION] = "provision",
		[VERDICT_REFRESH] = "refresh",
		[VERDICT_KEY] = "key",
		[VERDICT_PARTLY] = "partly",
		[VERDICT_ELSEWHERE] = "elsewhere",
		[VERDICT_UNSUPPORTED] = "unsupported",
		[VERDICT_OK] = "ok",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eq(s, str_of(names[i])))
			return (enum verdict)i;
	return VERDICT_DISABLED;
}

static struct str copy_or_null(struct arena *a, const struct pg_rows *r, int col)
{
	return pg_is_null(r, 0, col) ? (struct str){NULL, 0} : pg_get_copy(a, r, 0, col);
}

static void read_device(struct arena *a, const struct pg_rows *r, struct gate_row *out)
{
	out->device = (int32_t)pg_get_int(r, 0, DEVICE);
	out->quarantined = pg_get_bool(r, 0, QUARANTINED);
	out->device_type = copy_or_null(a, r, DEVICE_TYPE);
	out->user_agent = copy_or_null(a, r, USER_AGENT);
	out->protocol_version = (int)pg_get_int(r, 0, PROTOCOL_VERSION);
	out->policy_key = (uint32_t)pg_get_int(r, 0, POLICY_KEY);
	out->policy_offered_key = (uint32_t)pg_get_int(r, 0, POLICY_OFFERED_KEY);
	out->stale = pg_get_bool(r, 0, STALE);
	out->wipe = (int32_t)pg_get_int(r, 0, WIPE);
	out->wipe_soft = pg_get_bool(r, 0, WIPE_SOFT);
	out->ping_heartbeat = (int)pg_get_int(r, 0, PING_HEARTBEAT);
	out->ping_folders = copy_or_null(a, r, PING_FOLDERS);
	out->sync_request = copy_or_null(a, r, SYNC_REQUEST);
}

static void read_row(struct arena *a, const struct pg_rows *r, struct gate_row *out)
{
	out->account = (int32_t)pg_get_int(r, 0, ACCOUNT);
	out->address = copy_or_null(a, r, ADDRESS);
	out->display_name = copy_or_null(a, r, DISPLAY_NAME);
	out->password_hash = copy_or_null(a, r, PASSWORD_HASH);
	out->remembered = copy_or_null(a, r, REMEMBERED);
	out->verdict = read_verdict(pg_get_str(r, 0, VERDICT));
	out->hierarchy_modseq = pg_get_int(r, 0, HIERARCHY_MODSEQ);
	out->timezone = copy_or_null(a, r, TIMEZONE);
	out->language = copy_or_null(a, r, LANGUAGE);
	out->enforced = pg_get_bool(r, 0, ENFORCED);
	out->lives_at = pg_get_copy(a, r, 0, LIVES_AT);
	out->trace = (int)pg_get_int(r, 0, TRACE);
	out->quiet = pg_get_bool(r, 0, QUIET);
	read_device(a, r, out);
	read_caps(r, &out->caps);
}

static void put_quiet(struct pg_params *p, struct arena *a, const struct gate_quiet *quiet)
{
	pg_int(p, quiet->folder);
	pg_text(p, a, quiet->key);
	pg_text(p, a, quiet->options);
	if (quiet->cutoff == INT64_MIN)
		pg_null(p);
	else
		pg_int(p, quiet->cutoff);
}

enum found account_gate(struct pg *db, struct arena *a, const struct gate_question *q,
			struct gate_row *out, struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, q->login);
	pg_text(&p, a, q->device_id);
	account_put_address(&p, a, q->address);
	pg_int(&p, q->version);
	if (q->policy_key < 0)
		pg_null(&p);
	else
		pg_int(&p, q->policy_key);
	*out = (struct gate_row){0};
	if (q->quiet)
		put_quiet(&p, a, q->quiet);
	struct pg_rows *r = pg_run(db, q->quiet ? &account_gate_quiet : &account_gate_row, &p, e);
	if (!r)
		return FOUND_FAILED;
	enum found found = FOUND_FAILED;
	if (pg_count(r) == 1) {
		read_limits(r, &out->limits);
		out->throttled = pg_get_bool(r, 0, THROTTLED);
		found = pg_is_null(r, 0, 0) ? FOUND_NONE : FOUND_ONE;
		if (found == FOUND_ONE)
			read_row(a, r, out);
	} else {
		err_set(e, ERR_INTERNAL, "easel.gate gave no row: easel.server is empty");
	}
	pg_done(&r);
	return found;
}

enum found account_of_device(struct pg *db, struct arena *a, int32_t device, struct str *address,
			     struct str *device_id, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	struct pg_rows *r;
	enum found found = pg_find(db, &account_device, &p, &r, e);
	if (found == FOUND_ONE) {
		*address = pg_get_copy(a, r, 0, 0);
		*device_id = pg_get_copy(a, r, 0, 1);
	}
	pg_done(&r);
	return found;
}

bool account_remember_login(struct pg *db, struct arena *a, int32_t account, struct str digest,
			    struct str address, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_bytes(&p, digest);
	account_put_address(&p, a, address);
	return pg_do(db, &account_remember, &p, e);
}

bool account_count_failure(struct pg *db, struct arena *a, struct str login, struct str address,
			   struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, login);
	account_put_address(&p, a, address);
	return pg_do(db, &account_failure, &p, e);
}

static PG_STATEMENT(account_bare_name, "SELECT a.address FROM easel.account a"
				       " WHERE a.address = easel.login_address(lower($1::text))");

enum found account_of_bare_name(struct pg *db, struct arena *a, struct str name,
				struct str *address, struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, name);
	struct pg_rows *r;
	enum found found = pg_find(db, &account_bare_name, &p, &r, e);
	if (found == FOUND_ONE)
		*address = pg_get_copy(a, r, 0, 0);
	pg_done(&r);
	return found;
}

static PG_STATEMENT(account_alias, "SELECT 1 FROM easel.alias WHERE account_id = $1::integer"
				   " AND address = lower($2::text)");

enum found account_has_alias(struct pg *db, struct arena *a, int32_t account, struct str address,
			     struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, address);
	return pg_found(db, &account_alias, &p, e);
}
