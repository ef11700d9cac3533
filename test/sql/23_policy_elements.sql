-- Every field of a policy on every level, and what its column refuses. A column without a row here is a failure.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test', '$scrypt$x', 'Anna') AS anna \gset
INSERT INTO easel.device (account_id, device_id) VALUES (:anna, 'P') RETURNING id AS phone \gset

-- one and other: values that are set; neutral: the built-in default, with which a level says "not enforced".
CREATE TABLE tap.field (name text, neutral text, one text, other text, refused text[]);
INSERT INTO tap.field
SELECT unnest(names), neutral, CASE neutral WHEN 'true' THEN 'false' ELSE 'true' END, neutral, '{2,maybe,"","1; DROP TABLE easel.policy"}'::text[]
FROM (VALUES
	('false', '{enforced,password_required,password_alphanumeric,password_recovery,require_device_encryption,require_card_encryption,
		manual_sync_when_roaming,require_signed_mail,require_encrypted_mail,allow_non_provisionable}'::text[]),
	('true', '{allow_simple_password,allow_storage_card,allow_camera,allow_wifi,allow_infrared,allow_text_messaging,
		allow_internet_sharing,allow_desktop_sync,allow_remote_desktop,allow_browser,allow_consumer_email,allow_pop_imap,
		allow_unsigned_applications,allow_unsigned_packages,allow_html,allow_attachments,allow_soft_certificates}')) b(neutral, names);
INSERT INTO tap.field VALUES
	('password_min_length', '0', '4', '16', '{-1,17,x,4.5}'),
	('password_min_classes', '1', '2', '4', '{0,5,x}'),
	('password_expiration_days', '0', '1', '730', '{-1,731,x}'),
	('password_history', '0', '1', '50', '{-1,51,x}'),
	('max_inactivity_minutes', '0', '1', '166', '{-1,167,9999999999}'),
	('max_failed_attempts', '0', '4', '16', '{-1,1,3,17}'),
	('allow_bluetooth', '2', '0', '1', '{-1,3}'),
	('approved_applications', '[]', '{0123456789abcdef0123456789ABCDEF01234567}',
		'{0123456789abcdef0123456789ABCDEF01234567,ffffffffffffffffffffffffffffffffffffffff}',
		ARRAY['{0123}', '{0123456789abcdef0123456789abcdef012345678}', '{xyz3456789abcdef0123456789abcdef01234567}', '{NULL}', 'x']),
	('unapproved_applications', '[]', '{Calculator}', '{Calculator,"Web & <Co>"}',
		ARRAY['{NULL}', 'x', '{' || repeat('x', 16385) || '}', '{' || repeat('x,', 1000) || 'x}']),
	('max_mail_age', '0', '1', '5', '{-1,6}'),
	('max_calendar_age', '0', '4', '7', '{-1,1,3,8}'),
	('max_text_size', '-1', '0', '2147483647', '{-2,2147483648}'),
	('max_html_size', '-1', '0', '2147483647', '{-2,2147483648}'),
	('max_attachment_size', '0', '1', '4294967295', '{-1,4294967296}'),
	('signing_algorithm', '0', '1', '1', '{-1,2}'),
	('encryption_algorithm', '0', '1', '4', '{-1,5}'),
	('encryption_negotiation', '2', '0', '1', '{-1,3}'),
	('refresh_hours', '0', '1', '8784', '{-1,8785}'),
	('max_protocol_version', '0', '25', '161', '{-1,24,130,162}'),
	('max_devices', '0', '1', '10000', '{-1,10001}');

SELECT is((SELECT array_agg(attname ORDER BY attname) FROM pg_attribute WHERE attrelid = 'easel.policy'::regclass AND attnum > 0
	AND NOT attisdropped AND attname NOT IN ('id', 'level', 'domain_id', 'account_id', 'device', 'changed_at')),
	(SELECT array_agg(name::name ORDER BY name) FROM tap.field), 'every column is tried');
SELECT is((SELECT count(*) FROM pg_attribute WHERE attrelid = 'easel.policy'::regclass AND attnum > 0 AND NOT attisdropped
	AND col_description(attrelid, attnum) IS NULL), 0::bigint, 'and says its unit');

CREATE FUNCTION tap.shown(value text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN value LIKE '{%' THEN to_jsonb(value::text[])::text ELSE value END
$$;
-- One field set level by level and inherited again: what holds, and where it comes from, after each step.
CREATE FUNCTION tap.walk(f tap.field, device integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	step record;
	seen text[] := '{}';
BEGIN
	FOR step IN SELECT * FROM (VALUES
		(1, 'default', '', ''), (2, 'server', '', f.one), (3, 'domain', 'example.test', f.other), (4, 'user', 'anna@example.test', f.one),
		(5, 'device', device::text, CASE f.neutral WHEN '[]' THEN '{}' ELSE f.neutral END),
		(6, 'device', device::text, NULL), (7, 'user', 'anna@example.test', NULL), (8, 'domain', 'example.test', NULL),
		(9, 'server', '', NULL)) s(n, level, target, value) ORDER BY n LOOP
		IF step.n > 1 THEN
			PERFORM easel.policy_set(step.level, step.target, f.name, step.value);
		END IF;
		seen := seen || (SELECT p.value || ' ' || p.origin FROM easel.policy_effective p WHERE p.device = walk.device AND p.field = f.name);
	END LOOP;
	RETURN seen;
END $$;
SELECT is(tap.walk(f, :phone), ARRAY[f.neutral || ' default', tap.shown(f.one) || ' server', tap.shown(f.other) || ' domain',
	tap.shown(f.one) || ' user', f.neutral || ' device', tap.shown(f.one) || ' user', tap.shown(f.other) || ' domain',
	tap.shown(f.one) || ' server', f.neutral || ' default'], f.name || ' is inherited, set and set back on each level')
FROM tap.field f;

SELECT throws_ok(format('SELECT easel.policy_set(%L, %L, %L, %L)', l.level, l.target, f.name, r), NULL, NULL,
	format('%s=%s is refused on the level %s', f.name, left(r, 30), l.level))
FROM tap.field f, unnest(f.refused) r, (VALUES ('server', NULL), ('device', :'phone')) l(level, target);
SELECT is((SELECT count(*) FROM easel.policy WHERE num_nonnulls(enforced, max_devices, allow_camera) > 0 AND level <> 'default'), 0::bigint,
	'nothing of that stays');

-- Of each field: what the device is sent, enforced and not.
SELECT easel.policy_set('server', NULL, 'enforced', 'true');
SELECT easel.policy_set('domain', 'example.test', name, one) FROM tap.field WHERE name <> 'enforced';
SELECT is(d.doc -> f.name, CASE WHEN f.one LIKE '{%' THEN to_jsonb(f.one::text[]) ELSE f.one::jsonb END, f.name || ' is sent')
FROM tap.field f, (SELECT easel.policy_document(easel.policy_fields(:anna, :phone)) AS doc) d
WHERE f.name NOT IN ('enforced', 'refresh_hours', 'allow_non_provisionable', 'max_protocol_version', 'max_devices');
SELECT ok(NOT d.doc ?| '{enforced,refresh_hours,allow_non_provisionable,max_protocol_version,max_devices}', 'what is the server''s own is not')
FROM (SELECT easel.policy_document(easel.policy_fields(:anna, :phone)) AS doc) d;
SELECT easel.policy_set('user', 'anna@example.test', 'enforced', 'false');
SELECT is(d.doc ->> f.name, f.neutral, f.name || ' is neutral for who is exempted')
FROM tap.field f, (SELECT easel.policy_document(easel.policy_fields(:anna, :phone)) AS doc) d
WHERE f.name NOT IN ('enforced', 'refresh_hours', 'allow_non_provisionable', 'max_protocol_version', 'max_devices');
SELECT is((e).max_devices || ' ' || (e).max_protocol_version || ' ' || (e).refresh_hours, '1 25 1', 'the server''s own limits act all the same')
FROM (SELECT easel.effective_of(:anna, :phone) AS e) x;
SELECT is((SELECT count(*) FROM easel.policy_effective WHERE device = :phone AND NOT in_force), 42::bigint, 'what does not act is shown as such');

-- Settings, with the level of the rule between user and device

SELECT easel.rule_create('type', 'x', 'allow') AS rule \gset
UPDATE easel.device SET access_rule_id = :rule WHERE id = :phone;
CREATE FUNCTION tap.setting(device integer, field text) RETURNS text LANGUAGE sql AS
	'SELECT value || '' '' || origin FROM easel.device_settings_effective(setting.device) e WHERE e.field = setting.field';
SELECT is(tap.setting(:phone, 'mail_age'), '0 default', 'nothing is set');
SELECT easel.settings_set(l, t, 'mail_age', v) FROM (VALUES ('server', '', '1'), ('domain', 'example.test', '2'), ('user', 'anna@example.test', '3'),
	('rule', :'rule', '4'), ('device', :'phone', '0')) s(l, t, v);
SELECT is(tap.setting(:phone, 'mail_age'), '0 device', 'the device''s comes first');
SELECT easel.settings_inherit('device', :'phone');
SELECT is(tap.setting(:phone, 'mail_age'), '4 rule', 'then the rule''s');
SELECT easel.settings_inherit('rule', :'rule');
SELECT is(tap.setting(:phone, 'mail_age'), '3 user', 'then the user''s');
SELECT easel.settings_inherit('user', 'anna@example.test');
SELECT is(tap.setting(:phone, 'mail_age'), '2 domain', 'then the domain''s');
SELECT easel.settings_inherit('domain', 'example.test');
SELECT is(tap.setting(:phone, 'mail_age'), '1 server', 'then the server''s');
SELECT easel.settings_set('rule', :'rule', 'mail_age', '2');
SELECT is((easel.effective_of(:anna, :phone)).mail_age, 2, 'settings of a rule act live on the devices that it let in');
SELECT easel.rule_create('type', 'y', 'allow') AS another \gset
SELECT is((easel.effective_of(:anna, :phone)).mail_age, 2, 'not those of another');

SELECT * FROM finish();
ROLLBACK;
