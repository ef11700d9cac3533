-- The gate's verdicts in their order, what a device has to do about its policy, and the wipes.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test', '$scrypt$x', 'Anna') AS anna \gset
SELECT easel.account_create('ben@example.test', '$scrypt$x', 'Ben') AS ben \gset
INSERT INTO easel.device (account_id, device_id, type, protocol_version) VALUES (:anna, 'P', 'Phone', 161) RETURNING id AS phone \gset
CREATE FUNCTION tap.verdict(version integer DEFAULT 161, key bigint DEFAULT 0, device_id text DEFAULT 'P', who text DEFAULT 'anna')
RETURNS text LANGUAGE sql AS $$ SELECT verdict FROM easel.gate(who || '@example.test', device_id, NULL, version, key) $$;

-- The order: each later obstacle is set up first, and hidden by the next one.
SELECT is(tap.verdict(), 'ok', 'nothing stands against it');
SELECT is(tap.verdict(161, 0, 'P', 'nobody'), 'nobody', 'no account');
SELECT is(tap.verdict(161, 0, 'NEW'), 'new', 'a new device');
SELECT easel.policy_set('server', NULL, 'enforced', 'true');
SELECT is(tap.verdict(), 'provision', 'the policy is to be taken');
SELECT easel.policy_set('server', NULL, 'max_protocol_version', '141');
SELECT is(tap.verdict(), 'version', 'the cap comes before the policy');
SELECT is(tap.verdict(161, 0, 'NEW'), 'version', 'for new devices too');
SELECT is(tap.verdict(141), 'provision', 'at the cap it goes on');
UPDATE easel.device SET access = 'discovery', access_at = now() WHERE id = :phone;
SELECT is(tap.verdict(), 'discovery', 'discovery before the cap');
UPDATE easel.device SET access_at = now() - interval '61 seconds' WHERE id = :phone;
SELECT is(tap.verdict(), 'decide', 'its time is up');
UPDATE easel.server SET discovery_wait = 120;
SELECT is(tap.verdict(), 'discovery', 'the time is a setting');
UPDATE easel.device SET information_at = now() WHERE id = :phone;
SELECT is(tap.verdict(), 'decide', 'it has said what it is');
UPDATE easel.device SET access = 'blocked' WHERE id = :phone;
SELECT is(tap.verdict(), 'blocked', 'blocked');
SELECT easel.device_wipe(:phone, 'hard') AS wipe \gset
SELECT is(tap.verdict(), 'wipe', 'a wipe reaches a blocked device');
UPDATE easel.account SET enabled = false WHERE id = :anna;
SELECT is(tap.verdict(), 'disabled', 'off for the user, before all');
UPDATE easel.account SET enabled = true WHERE id = :anna;
UPDATE easel.domain SET enabled = false;
SELECT is(tap.verdict(), 'disabled', 'off for the domain');
UPDATE easel.domain SET enabled = true;
UPDATE easel.server SET enabled = false;
SELECT is(tap.verdict(), 'disabled', 'off for the server');
UPDATE easel.server SET enabled = true;
SELECT is(easel.wipe_cancel(:phone), 1, 'the wipe is taken back');
SELECT easel.device_allow(:phone);
SELECT easel.policy_set('server', NULL, 'max_protocol_version', '0');

-- The policy: offered, acknowledged, fresh

SELECT ok(easel.device_offer_policy(:phone, 7) ? 'allow_camera', 'the policy that is offered is whole');
SELECT is(tap.verdict(161, 7), 'provision', 'the temporary key opens nothing');
SELECT ok(easel.device_acknowledge_policy(:phone, 1, 8), 'accepted');
SELECT is(tap.verdict(161, c.key), c.want, c.name) FROM (VALUES
	(8, 'ok', 'with its key'), (0, 'provision', 'without'), (9, 'key', 'with another'), (4294967295, 'key', 'with a forged one'),
	(NULL, 'ok', 'Ping need not say it')) c(key, want, name);
SELECT easel.policy_set('server', NULL, 'allow_camera', 'false');
SELECT is(tap.verdict(161, 8), 'refresh', 'a changed policy is to be taken again');
SELECT easel.policy_set('server', NULL, 'allow_camera', NULL);
SELECT is(tap.verdict(161, 8), 'ok', 'changed back it need not');
SELECT easel.policy_set('server', NULL, 'refresh_hours', '24');
UPDATE easel.device SET policy_at = now() - interval '25 hours';
SELECT is(tap.verdict(161, 8), 'refresh', 'at its interval it is to be taken again');
SELECT easel.policy_set('server', NULL, 'refresh_hours', '0');
CREATE FUNCTION tap.acknowledged(status integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	who integer := (SELECT id FROM easel.device WHERE device_id = 'P');
	let_in boolean;
BEGIN
	PERFORM easel.device_offer_policy(who, 7);
	let_in := easel.device_acknowledge_policy(who, status, 8);
	RETURN let_in || ' ' || tap.verdict(161, 8) || ' ' ||
		(SELECT policy FROM easel.device_list WHERE id = who);
END $$;
SELECT is(tap.acknowledged(c.status), c.want, c.name) FROM (VALUES
	(2, 'false partly partly', 'in part is not enough'), (3, 'false provision refused', 'refused'),
	(4, 'false elsewhere managed elsewhere', 'managed by others')) c(status, want, name);
SELECT is((SELECT array_agg(kind ORDER BY kind) FROM easel.notice), ARRAY['policy_refused', 'policy_unsupported', 'policy_unsupported'],
          'its user is told each time');
SELECT easel.policy_set('server', NULL, 'allow_non_provisionable', 'true');
SELECT is(tap.acknowledged(c.status), c.want, c.name) FROM (VALUES
	(2, 'true ok partly', 'in part will do where that is configured'), (4, 'true ok managed elsewhere', 'so will others'),
	(3, 'false provision refused', 'a refusal will not')) c(status, want, name);

-- A device that does not do policies

INSERT INTO easel.device (account_id, device_id, type) VALUES (:anna, 'OLD', 'Old') RETURNING id AS old \gset
SELECT easel.device_asked(:old), easel.device_asked(:old);
SELECT is(policy_asked, 1, 'requests that follow closely are one') FROM easel.device WHERE id = :old;
UPDATE easel.device SET policy_asked = 3 WHERE id = :old;
SELECT is(tap.verdict(161, 0, 'OLD'), 'ok', 'it is let in where that is configured');
SELECT easel.policy_set('server', NULL, 'refresh_hours', '24');
UPDATE easel.device SET policy_asked_at = now() - interval '25 hours' WHERE id = :old;
SELECT is(tap.verdict(161, 0, 'OLD'), 'provision', 'asked again at each interval');
SELECT easel.device_asked(:old);
SELECT is(tap.verdict(161, 0, 'OLD'), 'ok', 'once');
SELECT is(policy, 'unsupported', 'the list says so') FROM easel.device_list WHERE id = :old;
SELECT easel.policy_set('server', NULL, 'allow_non_provisionable', 'false');
SELECT is(tap.verdict(161, 0, 'OLD'), 'unsupported', 'or kept out');
SELECT easel.policy_set('server', NULL, 'enforced', 'false');
SELECT is(tap.verdict(161, 0, 'OLD'), 'ok', 'a policy that is no more keeps nobody out');
SELECT is(tap.verdict(161, 8), 'provision', 'one that was taken is taken back');
SELECT is(easel.policy_document(easel.policy_fields(:anna, :phone)), easel.policy_document(
	(SELECT easel.level_fields(to_jsonb(p)) FROM easel.policy p WHERE level = 'default')), 'by the neutral one');
SELECT is((SELECT allow_non_provisionable FROM easel.policy WHERE level = 'server'), false, 'what was configured stays');
SELECT easel.policy_inherit('server');

-- Room

SELECT easel.policy_set('user', 'ben@example.test', 'max_devices', '1');
SELECT is((SELECT access FROM easel.device_admit(:ben, 'ONE', 'Phone', '', 161)), 'allowed', 'there is room');
SELECT is((SELECT (device, access)::text FROM easel.device_admit(:ben, 'TWO', 'Phone', '', 161)), '(,full)', 'and no more');
SELECT is((SELECT access FROM easel.device_admit(:ben, 'ONE', 'Phone', '', 161)), 'allowed', 'who is there needs none');
SELECT easel.device_block(id) FROM easel.device WHERE device_id = 'ONE';
SELECT is((SELECT access FROM easel.device_admit(:ben, 'TWO', 'Phone', '', 161)), 'allowed', 'nor does who is blocked');
SELECT easel.policy_inherit('user', 'ben@example.test');

-- Wipes

DELETE FROM easel.notice;
INSERT INTO easel.device (account_id, device_id, type) VALUES (:ben, 'P', 'Phone') RETURNING id AS bens \gset
SELECT throws_ok(format('SELECT easel.device_wipe(%s, %L)', :phone, k), '22023', NULL, format('%L is no kind of wipe', k))
	FROM unnest(ARRAY['medium', NULL, '''; DROP TABLE easel.wipe']) k;
SELECT throws_ok('SELECT easel.device_wipe(0, ''hard'')', 'P0002', NULL, 'nor is there a device 0');
SELECT easel.device_wipe(:phone, 'soft') AS soft \gset
SELECT is((SELECT (tap.verdict(), tap.verdict(161, 0, 'P', 'ben'))::text), '(wipe,ok)', 'in one account only');
SELECT easel.device_wipe(:phone, 'hard') AS hard \gset
SELECT is((SELECT array_agg(state || ' ' || kind ORDER BY id) FROM easel.wipe WHERE id IN (:soft, :hard)),
          ARRAY['cancelled soft', 'pending hard'], 'a second order replaces the first');
SELECT easel.wipe_delivered(:hard), easel.wipe_delivered(:hard, true);
SELECT is((SELECT wipe FROM easel.device_list WHERE id = :phone), 'failed, repeated', 'the list says how it stands');
SELECT easel.device_delete(:phone);
SELECT is(tap.verdict(), 'wipe', 'it outlives the device''s row');
SELECT (SELECT device FROM easel.device_admit(:anna, 'P', 'Phone', '', 161)) AS phone \gset
SELECT is(tap.verdict(), 'wipe', 'and waits for the new one');
SELECT easel.wipe_done(:hard, :anna);
SELECT is(tap.verdict(), 'blocked', 'once acknowledged the device is kept out');
SELECT is((SELECT array_agg(kind) FROM easel.notice), ARRAY['wipe_hard'], 'its user is told');
SELECT is(easel.wipe_cancel(:phone), 0, 'it can''t be taken back any more');
SELECT easel.wipe_done(:hard, :anna);
SELECT is((SELECT count(*) FROM easel.notice), 1::bigint, 'a second acknowledgement changes nothing');
SELECT easel.device_delete(:phone);
SELECT (SELECT device FROM easel.device_admit(:anna, 'P', 'Phone', '', 161)) AS phone \gset
SELECT is(tap.verdict(), 'blocked', 'as a new device too');
SELECT easel.device_allow(:phone);
SELECT is(tap.verdict(), 'ok', 'until it is allowed again');
SELECT easel.device_delete(:phone);
SELECT (SELECT device FROM easel.device_admit(:anna, 'P', 'Phone', '', 161)) AS phone \gset
SELECT is(tap.verdict(), 'ok', 'for good');

SELECT easel.device_wipe(:phone, 'soft', true) AS everywhere \gset
SELECT is((SELECT (tap.verdict(), tap.verdict(161, 0, 'P', 'ben'))::text), '(wipe,wipe)', 'in every account');
SELECT easel.wipe_done(:everywhere, :ben);
SELECT is((SELECT (tap.verdict(), tap.verdict(161, 0, 'P', 'ben'))::text), '(wipe,blocked)', 'of the account''s data it is done in each');
SELECT is((SELECT state FROM easel.wipe WHERE id = :everywhere), 'pending', 'and goes on until the last');
SELECT easel.wipe_done(:everywhere, :anna);
SELECT is((SELECT (tap.verdict(), (SELECT state FROM easel.wipe WHERE id = :everywhere))::text), '(blocked,done)', 'which is now');
SELECT easel.device_allow(:phone), easel.device_allow(:bens);
SELECT easel.device_wipe(:phone, 'hard', true) AS everywhere \gset
SELECT easel.wipe_done(:everywhere, :anna);
SELECT is((SELECT (tap.verdict(), tap.verdict(161, 0, 'P', 'ben'))::text), '(blocked,blocked)', 'of the whole device once is enough');
SELECT easel.device_allow(:phone), easel.device_allow(:bens);
SELECT easel.device_wipe(:phone, 'hard', true);
SELECT is(easel.wipe_cancel(:bens), 1, 'one in every account is taken back from any of them');
SELECT is((SELECT (tap.verdict(), tap.verdict(161, 0, 'P', 'ben'))::text), '(ok,ok)', 'for all');
SELECT easel.device_wipe(:phone, 'hard') AS hard \gset
SELECT easel.wipe_told(:hard), easel.wipe_told(:hard);
SELECT is(told, 1, 'requests that follow closely are told once') FROM easel.wipe WHERE id = :hard;
UPDATE easel.wipe SET told = 3 WHERE id = :hard;
SELECT is(wipe, 'unsupported', 'what does not come for it can''t be wiped') FROM easel.device_list WHERE id = :phone;

-- What a user may do never loosens

SELECT ok(NOT easel.user_act(:anna, :phone, 'remove'), 'an administrator''s wipe is not replaced');
SELECT ok(NOT easel.user_act(:anna, :phone, 'cancel'), 'or taken back');
SELECT easel.wipe_cancel(:phone);
SELECT ok(easel.user_act(:anna, :phone, 'remove') AND easel.user_act(:anna, :phone, 'wipe') AND easel.user_act(:anna, :phone, 'cancel'),
          'his own are');
SELECT ok(NOT easel.user_act(:ben, :phone, a), 'not on the device of another: ' || a)
	FROM unnest('{wipe,remove,cancel,stop,delete,password,lock,encryption,attachments}'::text[]) a;
SELECT easel.device_quarantine(:phone);
SELECT ok(NOT easel.user_act(:anna, :phone, 'delete'), 'a decision can''t be shaken off');
SELECT easel.device_allow(:phone);
SELECT easel.policy_set('device', :'phone', 'allow_camera', 'false');
SELECT ok(NOT easel.user_act(:anna, :phone, 'delete'), 'nor a policy of the device');
SELECT easel.policy_inherit('device', :'phone');
SELECT ok(easel.user_act(:anna, :phone, 'delete'), 'otherwise it may go');
SELECT ok(easel.user_act(:ben, :bens, 'stop') AND NOT easel.user_act(:ben, :bens, 'wipe'), 'one that is stopped is out of reach');
SELECT is(easel.user_page(:ben)::jsonb -> 0 ->> 'device_id', 'TWO', 'and not shown');

SELECT * FROM finish();
ROLLBACK;
