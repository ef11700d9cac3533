-- Access rules in their order, what levels inherit, and what a change of them makes of the gate's verdict.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test', '$scrypt$x', 'Anna') AS anna \gset
SELECT easel.rule_create('os', 'Android', 'block') AS short \gset
SELECT easel.rule_create('os', 'android 8', 'allow') AS long \gset
SELECT easel.rule_create('model', 'Nexus', 'quarantine') AS model \gset
SELECT easel.rule_create('type', 'Brick', 'block') AS type \gset
INSERT INTO easel.device (account_id, device_id, type, model, os) VALUES (:anna, 'P', 'Brick', NULL, NULL) RETURNING id AS phone \gset
CREATE FUNCTION tap.decided(os text, model text, type text, waited boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE easel.device v SET os = decided.os, model = decided.model, type = decided.type;
	RETURN (SELECT d.access || coalesce(' ' || r.value, '') FROM easel.device v, easel.access_decision(v.id, waited) d
	        LEFT JOIN easel.access_rule r ON r.id = d.rule_id);
END $$;

SELECT is(tap.decided(c.os, c.model, c.type, c.waited), c.want, c.name) FROM (VALUES
	('ANDROID 8.1.0', 'Nexus 7', 'Brick', true, 'allowed android 8', 'the longest value of the first characteristic decides'),
	('Android 9', 'Nexus 7', 'Brick', true, 'blocked Android', 'a shorter one where the longer does not match'),
	('iOS 9', 'nexus 7', 'Brick', true, 'quarantined Nexus', 'then the model'),
	('iOS 9', 'iPad', 'brick2', true, 'blocked Brick', 'then the type'),
	('iOS 9', 'iPad', 'iPad', true, 'allowed', 'then the global rule'),
	('And', 'iPad', 'iPad', true, 'allowed', 'what is shorter than a rule does not match it'),
	(NULL, NULL, 'Brick', false, 'discovery', 'what a rule has to know is waited for'),
	(NULL, NULL, 'Brick', true, 'blocked Brick', 'not for ever'),
	('%', '_', '''; DROP', true, 'allowed', 'a word is no pattern')) c(os, model, type, waited, want, name);
UPDATE easel.access_rule SET active = false WHERE id IN (:short, :long, :model);
SELECT is(tap.decided(NULL, NULL, 'x', false), 'allowed', 'rules that are off are not waited for');
SELECT easel.access_rule_set('domain', 'example.test', 'quarantine');
SELECT is(tap.decided('x', 'x', 'Brick'), 'quarantined', 'the domain''s rule comes first');
SELECT easel.access_rule_set('user', 'anna@example.test', 'block');
SELECT is(tap.decided('x', 'x', 'x'), 'blocked', 'the user''s before it');
SELECT easel.device_allow(:phone);
SELECT is(easel.device_decide(:phone), 'allowed', 'an administrator''s decision stands over the rules');

-- Inheritance

CREATE FUNCTION tap.held(device integer, field text) RETURNS text LANGUAGE sql AS
	'SELECT value || '' '' || origin FROM easel.policy_effective p WHERE p.device = held.device AND p.field = held.field';
SELECT is(tap.held(:phone, 'max_mail_age'), '0 default', 'nothing is restricted');
SELECT easel.policy_set('server', NULL, 'max_mail_age', '5');
SELECT is(tap.held(:phone, 'max_mail_age'), '5 server', 'the server''s policy holds');
SELECT easel.policy_set('domain', 'example.test', 'max_mail_age', '3');
SELECT is(tap.held(:phone, 'max_mail_age'), '3 domain', 'the domain''s before it');
SELECT easel.policy_set('user', 'anna@example.test', 'allow_camera', 'false');
SELECT is(tap.held(:phone, 'max_mail_age'), '3 domain', 'a level that customises one field inherits the others');
SELECT easel.policy_set('device', :'phone', 'max_mail_age', '0');
SELECT is(tap.held(:phone, 'max_mail_age'), '0 device', 'not enforced can be said');
SELECT easel.policy_inherit('device', :'phone');
SELECT is(tap.held(:phone, 'max_mail_age'), '3 domain', 'and taken back');
SELECT is((easel.effective_of(:anna, :phone)).mail_age, 0, 'without being enforced nothing of it acts');
SELECT is(verdict, 'ok', 'and the device comes in') FROM easel.gate('anna@example.test', 'P', NULL, 161, 0);
SELECT easel.policy_set('server', NULL, 'enforced', 'true');
SELECT is((easel.effective_of(:anna, :phone)).mail_age, 3, 'enforced it does');
SELECT is((verdict, mail_age)::text, '(provision,3)', 'and the next request is asked to provision')
FROM easel.gate('anna@example.test', 'P', NULL, 161, 0);
SELECT is((SELECT array_agg(s) FROM easel.devices_stopped(ARRAY[:anna], ARRAY[:phone]) s), ARRAY[1], 'so is one that waits');
SELECT easel.settings_set('device', :'phone', 'mail_age', '2');
SELECT is((easel.effective_of(:anna, :phone)).mail_age, 2, 'of policy and settings the stricter holds');
UPDATE easel.device SET access_rule_id = :type;
SELECT easel.settings_set('rule', :'type', 'mail_folders', 'default');
SELECT is((SELECT value || ' ' || origin FROM easel.device_settings_effective(:phone) WHERE field = 'mail_folders'), 'default rule',
          'the settings of the rule that matched act');

SELECT throws_ok(format('SELECT easel.policy_set(%L, %L, %L, %L)', l, t, f, v), NULL, NULL, format('%s %s=%s is refused', l, f, v))
FROM (VALUES ('default', NULL, 'enforced', 'true'), ('server', NULL, 'id', '1'), ('server', NULL, 'level', 'user'),
             ('server', NULL, 'max_failed_attempts', '3'), ('server', NULL, 'enforced = true; --', 'true'),
             ('user', 'nobody@example.test', 'enforced', 'true'), ('device', '1 OR 1=1', 'enforced', 'true')) c(l, t, f, v);

-- What a user may do

SELECT easel.account_create('ben@example.test', '$scrypt$x', 'Ben') AS ben \gset
SELECT ok(NOT easel.user_act(:ben, :phone, 'wipe'), 'nobody acts on another one''s device');
SELECT ok(NOT easel.user_act(:anna, :phone, 'loosen'), 'or in a way that there is not');
SELECT easel.policy_set('device', :'phone', 'max_inactivity_minutes', '2');
SELECT easel.device_wipe(:phone, 'hard', false, 'administrator');
SELECT ok(NOT easel.user_act(:anna, :phone, 'remove'), 'an administrator''s wipe is not replaced by a softer one');
SELECT ok(NOT easel.user_act(:anna, :phone, 'wipe'), 'or by one that could be taken back');
SELECT ok(NOT easel.user_act(:anna, :phone, 'cancel'), 'nor taken back');
SELECT is((SELECT string_agg(w.kind || ' ' || w.requested_by, ' ') FROM easel.wipe w WHERE w.state = 'pending'),
	'hard administrator', 'it waits as it did');
SELECT easel.wipe_cancel(:phone);
SELECT ok(easel.user_act(:anna, :phone, 'remove') AND easel.user_act(:anna, :phone, 'wipe'), 'his own he may make harder');
SELECT ok(easel.user_act(:anna, :phone, 'cancel'), 'and take back');
SELECT ok(easel.user_act(:anna, :phone, 'lock'), 'a policy is tightened');
SELECT is(tap.held(:phone, 'max_inactivity_minutes'), '2 device', 'never loosened');

SELECT * FROM finish();
ROLLBACK;
