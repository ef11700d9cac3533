"""The psql scripts for devices, rules, policies, settings: what each prints, and wrong arguments."""

import re
import time
from xml.etree import ElementTree

from common import WireTest, message
from phone import TEXT, body, options
from test_19_admin import run_script
from wbxml import E


class DeviceScripts(WireTest):
    def good(self, script, **variables):
        done = run_script(self.lab, script + '.sql', **variables)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def bad(self, script, *words, **variables):
        done = run_script(self.lab, script + '.sql', **variables)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout)

    def number(self, phone):
        return self.lab.sql("SELECT id FROM easel.device WHERE device_id = :'d'",
                            d=phone.device_id)[0][0]

    def test_what_is_done_to_a_device_is_shown(self):
        phone = self.synced_phone([message()])
        device = self.number(phone)
        self.assertIn('blocked', self.good('device_block', device=device, reason="it's lost"))
        self.assertIn("it's lost", self.good('device_list', account=phone.user, status='blocked'))
        self.assertIn('quarantined', self.good('device_quarantine', device=device))
        self.assertIn('allowed', self.good('device_allow', device=device))
        self.assertIn('soft', self.good('device_wipe', device=device, kind='soft'))
        shown = self.good('device_show', device=device)
        for word in ('allow_camera', 'mail_folders', 'default', 'pending', phone.device_id):
            self.assertIn(word, shown)
        self.assertIn('1', self.good('wipe_cancel', device=device))
        self.assertIn(phone.device_id, self.good('device_delete', device=device))
        self.bad('device_show', 'there is no device', device=device)

    def test_policies_and_settings(self):
        user = self.account()
        self.assertIn('max_mail_age', self.good('policy_set', level='user', target=user,
                                                field='max_mail_age', value=3))
        self.assertIn('max_mail_age', self.good('policy_show', level='user', target=user))
        self.bad('policy_set', 'max_mail_age', level='user', target=user, field='max_mail_age',
                 value=99)
        self.bad('policy_set', 'there is no', level='user', target=user, field='nonsense', value=1)
        self.bad('policy_set', 'no level', level='planet', field='enforced', value='true')
        self.bad('policy_set', 'no account', level='user', target="x'; DROP TABLE easel.policy",
                 field='enforced', value='true')
        self.assertIn('1', self.good('policy_inherit', level='user', target=user))
        self.assertIn('calendar_age', self.good('settings_set', level='user', target=user,
                                                field='calendar_age', value=5))

    def test_a_trace_can_be_read_and_masks_texts(self):
        phone = self.synced_phone([])
        device = self.number(phone)
        self.good('trace_set', device=device, hours=1)
        self.lab.deliver(phone.user, message('A subject', 'Very secret.\n'))
        phone.sync(phone.inbox)
        shown = self.good('trace_show', account=phone.user)
        for word in (f'{phone.device_id} [', '<<< Sync', '>>> 200', 'A subject', '<SyncKey>'):
            self.assertIn(word, shown)
        self.assertNotIn('Very secret', shown)

    def wait_for_entries(self, phone, count):
        deadline = time.monotonic() + 10
        while self.lab.sql("SELECT count(*) FROM easel.trace WHERE device_id = :'d'",
                           d=phone.device_id) != [[str(count)]]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_the_answers_of_those_that_waited_are_in_the_trace(self):
        phone = self.synced_phone([], options=options(body(TEXT)))
        self.good('trace_set', device=self.number(phone), hours=1)
        ping = phone.ping([phone.inbox], 600)
        self.wait_for_entries(phone, 1)
        self.lab.deliver(phone.user, message('First', 'Very <secret> & "so".\n'))
        self.assertEqual(ping.answer(10).status, '2')
        self.good('trace_set', device=self.number(phone), hours=1, bodies='true')
        phone.sync(phone.inbox)
        wait = phone.begin('Sync', E('AirSync:Sync', E('Collections', E(
            'Collection', E('SyncKey', phone.keys[phone.inbox]), E('CollectionId', phone.inbox))),
            E('HeartbeatInterval', 600)))
        self.wait_for_entries(phone, 5)
        self.lab.deliver(phone.user, message('Second'))
        self.assertIsNotNone(wait.answer(10))
        entries = [row[0] for row in self.lab.sql(
            "SELECT entry FROM easel.trace WHERE device_id = :'d' ORDER BY id", d=phone.device_id)]
        heads = [re.sub(r' \[[0-9a-f]{4}\] \d\d:\d\d:\d\d ', ' ', entry.partition('\n')[0])
                 for entry in entries]
        self.assertEqual(heads, [f'{phone.device_id} {what}' for what in (
            '<<< Ping', '>>> 200 OK', '<<< Sync', '>>> 200 OK', '<<< Sync', '>>> 200 OK')])
        self.assertIn('<Status>2</Status>', entries[1])
        self.assertIn('Very &lt;secret&gt; &amp; "so".', entries[3])  # it was asked for
        self.assertIn('Second', entries[5])
        for entry in entries:
            ElementTree.fromstring(entry.partition('\n')[2].encode())

    def test_rules(self):
        made = self.good('rule_add', characteristic='type', value='Scripted', action='block')
        rule = self.lab.sql("SELECT id FROM easel.access_rule WHERE value = 'Scripted'")[0][0]
        self.assertIn('Scripted', made)
        self.assertIn('quarantine', self.good('rule_change', rule=rule, do='quarantine'))
        self.bad('rule_change', 'do:', rule=rule, do='dance')
        self.bad('rule_add', 'characteristic', characteristic='smell', value='x', action='block')
        self.assertIn('global rule', self.good('rule_list'))
        self.good('rules_apply')
        self.good('rule_change', rule=rule, do='delete')

    def test_the_rest(self):
        user = self.account()
        self.assertIn('heartbeat_max', self.good('server_show'))
        self.bad('server_set', 'no setting', setting='nonsense', value=1)
        self.assertIn('1800', self.good('server_set', setting='heartbeat_max', value=1800))
        self.assertIn('Europe/Berlin', self.good('account_change', address=user,
                                                 timezone='Europe/Berlin'))
        self.bad('account_change', 'timezone', address=user, timezone='Mars/Olympus')
        self.good('account_list'), self.good('queue_show'), self.good('recovery_shown')
        self.assertIn('tombstones', self.good('housekeep'))
        self.bad('sync_reset_all', 'nothing was changed', sure='no')
        self.bad('domain_change', 'no domain', name='nowhere.test', enabled='no')

