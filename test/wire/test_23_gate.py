"""The gate: access rules, provisioning outcomes, remote wipe, caps of version and number."""

import itertools
import time

from common import WireTest, in_versions, message
from phone import TEXT, body, options
from wbxml import E

VERSIONS = ('2.5', '12.1', '14.1', '16.1')
_numbers = itertools.count(1)

FOLDER_SYNC = E('FolderHierarchy:FolderSync', E('SyncKey', 0))


class Gate(WireTest):
    def sql(self, text, **variables):
        return self.lab.sql(text, **variables)

    def value(self, text, **variables):
        return self.sql(text, **variables)[0][0]

    def device(self, phone):
        return int(self.value("SELECT v.id FROM easel.device v WHERE device_id = :'d'",
                              d=phone.device_id))

    def access(self, phone):
        return self.value("SELECT access FROM easel.device WHERE device_id = :'d'",
                          d=phone.device_id)

    def policy(self, user, **fields):
        """Enforces a policy for one user."""
        for field, value in {'enforced': 'true', **fields}.items():
            self.sql("SELECT easel.policy_set('user', :'u', :'f', :'v')", u=user, f=field, v=value)

    def refused(self, phone, command='FolderSync', document=FOLDER_SYNC):
        """What a command is refused with: the HTTP code below 14.0, the status from then on."""
        answer = phone.command(command, document, expect=None)
        if phone.number() < 140:
            self.assertNotEqual(answer.code, 200, answer)
            return answer.code
        self.assertEqual(answer.code, 200, answer)
        return int(answer.status)

    def assert_refused(self, phone, http, status, **more):
        self.assertEqual(self.refused(phone, **more), http if phone.number() < 140 else status)

    def assert_told(self, user, *subjects):
        """Waits until the user's Inbox holds the information mails, and no other one."""
        deadline = time.monotonic() + 15
        while True:
            found = [row[0] for row in self.sql(
                "SELECT c.summary ->> 'subject' FROM easel.item i JOIN easel.content c"
                " ON c.account_id = i.account_id AND c.id = i.content_id JOIN easel.account a"
                " ON a.id = i.account_id WHERE a.address = :'u'"
                " AND convert_from(c.data, 'UTF8') LIKE '%Auto-Submitted%' ORDER BY i.uid", u=user)]
            if len(found) >= len(subjects) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertEqual(len(found), len(subjects), found)
        for subject, words in zip(found, subjects):
            self.assertIn(words, subject)


class Access(Gate):
    def rule(self, characteristic, value, action):
        self.sql("SELECT easel.rule_create(:'c', :'v', :'a')", c=characteristic, v=value, a=action)
        self.addCleanup(self.sql, "DELETE FROM easel.access_rule WHERE value = :'v'", v=value)

    @in_versions(*VERSIONS)
    def test_a_blocked_device_stays_out(self, version):
        phone = self.phone(version=version)
        self.sql("SELECT easel.device_block(:d)", d=self.device(phone))
        self.assert_refused(phone, 403, 129)
        self.assert_refused(phone, 403, 129, command='Provision', document=phone.provision_request())
        self.sql("SELECT easel.device_allow(:d)", d=self.device(phone))
        self.assertEqual(phone.folder_sync().status, '1')

    def test_a_rule_for_the_type_decides_at_once_and_one_query_later_serves(self):
        kind = f'Brick{next(_numbers)}'
        self.rule('type', kind.lower(), 'block')
        phone = self.new_phone(self.account(), device_type=kind + 'X')
        self.assert_refused(phone, 403, 129)
        self.assertIn('begins with', self.value(
            "SELECT access_reason FROM easel.device WHERE device_id = :'d'", d=phone.device_id))

    @in_versions('12.1', '14.1', '16.1')
    def test_discovery_until_the_device_has_said_what_it_is(self, version):
        name = f'Wire Test{next(_numbers)}'
        self.rule('model', name, 'block')
        phone = self.new_phone(self.account(), version)
        self.assert_refused(phone, 449, 142)
        self.assertEqual(self.access(phone), 'discovery')
        if phone.number() >= 141:
            phone.provision()
        else:
            phone.send_device_information()
        answer = phone.command('FolderSync', FOLDER_SYNC)
        self.assertEqual((answer.status, self.access(phone)), ('1', 'allowed'))

    def test_discovery_ends_by_itself(self):
        self.rule('os', f'System{next(_numbers)}', 'block')
        phone = self.new_phone(self.account(), '2.5')
        self.assert_refused(phone, 449, 142)
        self.sql("UPDATE easel.device SET access_at = now() - interval '1 hour'"
                 " WHERE device_id = :'d'", d=phone.device_id)
        self.assertEqual(phone.folder_sync('0').status, '1')

    @in_versions('12.1', '16.1')
    def test_nothing_leaves_the_server_in_quarantine(self, version):
        phone = self.synced_phone([message('Secret')], version)
        item = next(iter(phone.items[phone.inbox]))
        self.sql("SELECT easel.device_quarantine(:d)", d=self.device(phone))
        self.assert_told(phone.user, 'waiting to be approved')
        self.lab.deliver(phone.user, message('More'))
        phone.folder_sync()  # default folders only
        self.assertIsNone(phone.sync(phone.inbox))
        fetch = E('ItemOperations:ItemOperations', E('Fetch', E('Store', 'Mailbox'), E(
            'AirSync:CollectionId', phone.inbox), E('AirSync:ServerId', item)))
        self.assert_refused(phone, 403, 130, command='ItemOperations', document=fetch)
        ping = phone.ping([phone.inbox], 60)
        self.assertIsNone(ping.answer(0.5))
        self.sql("SELECT easel.device_allow(:d)", d=self.device(phone))
        phone.sync(phone.inbox)
        self.assertTrue(self.find_item(phone, 'More'))

    def test_an_originals_content_is_not_sent_in_quarantine(self):
        phone = self.synced_phone([message('Secret')], '16.1')
        item = next(iter(phone.items[phone.inbox]))
        self.sql("SELECT easel.device_quarantine(:d)", d=self.device(phone))
        forward = E('ComposeMail:SmartForward', E('ClientId', 'c1'), E('Source', E(
            'FolderId', phone.inbox), E('ItemId', item)), E('Mime', message('Fwd', to=phone.user)))
        self.assertEqual(self.refused(phone, 'SmartForward', forward), 130)

    def test_no_more_devices_than_the_limit(self):
        user = self.account()
        first = self.phone(user)
        self.sql("SELECT easel.policy_set('user', :'u', 'max_devices', '1')", u=user)
        self.assertEqual(self.refused(self.new_phone(user)), 177)
        self.assertEqual(self.refused(self.new_phone(user, '12.1')), 403)
        self.sql("SELECT easel.device_delete(:d)", d=self.device(first))
        self.phone(user)

    def test_one_query_for_each_request(self):
        wishes = options(body(TEXT), filter_type=0)
        phone = self.synced_phone([message()], options=wishes)
        for _ in range(2):
            phone.sync(phone.inbox, options=wishes)
        self.wait_for_log(1, f'device={phone.device_id}', 'command=Sync', 'sql=1 ')

    def test_another_accounts_device_is_another_device(self):
        phone = self.phone()
        other = self.new_phone(self.account(), device_id=phone.device_id).start()
        self.sql("SELECT easel.device_block(v.id) FROM easel.device v JOIN easel.account a"
                 " ON a.id = v.account_id WHERE a.address = :'u'", u=phone.user)
        self.assertEqual(self.refused(phone), 129)
        self.assertEqual(other.folder_sync().status, '1')


class Versions(Gate):
    def test_the_cap_shows_in_options_and_is_held(self):
        user = self.account()
        phone = self.phone(user)
        self.sql("SELECT easel.policy_set('user', :'u', 'max_protocol_version', '141')", u=user)
        self.assertEqual(phone.options()[0][-1], '14.1')
        answer = phone.command('FolderSync', FOLDER_SYNC)
        self.assertEqual(answer.status, '138')
        self.assertEqual(answer.headers['X-MS-RP'].split(',')[-1], '14.1')
        self.assertEqual(self.phone(user, '14.1').folder_sync().status, '1')

    def test_below_14_0_the_cap_is_505(self):
        user = self.account()
        self.sql("SELECT easel.policy_set('user', :'u', 'max_protocol_version', '25')", u=user)
        self.assertEqual(self.refused(self.new_phone(user, '12.1')), 505)
        self.assertEqual(self.refused(self.new_phone(user, '14.1')), 138)
        self.assertEqual(self.new_phone(user, '2.5').folder_sync('0').status, '1')


class Provisioning(Gate):
    @in_versions('12.1', '16.1')
    def test_the_policy_of_all_levels(self, version):
        user = self.account()
        self.policy(user, password_required='true', max_inactivity_minutes='5',
                    approved_applications='{0123456789abcdef0123456789abcdef01234567}',
                    unapproved_applications='{"Web & Co"}', max_failed_attempts='8')
        phone = self.new_phone(user, version)
        self.assert_refused(phone, 449, 142)
        document = phone.provision()
        self.assertEqual([document.get(name) for name in (
            'DevicePasswordEnabled', 'MaxInactivityTimeDeviceLock',
            'MaxDevicePasswordFailedAttempts', 'ApprovedApplicationList/Hash',
            'UnapprovedInROMApplicationList/ApplicationName', 'AllowCamera')],
            ['1', '300', '8', '0123456789abcdef0123456789abcdef01234567', 'Web & Co', '1'])
        self.assertEqual(phone.folder_sync('0').status, '1')
        self.assertEqual(self.value("SELECT policy FROM easel.device_list WHERE device_id = :'d'",
                                    d=phone.device_id), 'accepted')

    def test_the_older_form(self):
        user = self.account()
        self.policy(user, password_required='true', max_inactivity_minutes='5',
                    password_min_length='6', password_alphanumeric='true')
        phone = self.new_phone(user, '2.5')
        self.assert_refused(phone, 449, 142)
        text = phone.provision().text
        for part in ('name="4131" value="0"', 'name="AEFrequencyValue" value="5"',
                     'name="MinimumPasswordLength" value="6"', 'name="PasswordComplexity" value="0"',
                     'name="DeviceWipeThreshold" value="-1"'):
            self.assertIn(part, text)
        self.assertEqual(phone.folder_sync('0').status, '1')

    @in_versions('12.1', '14.1', '16.1')
    def test_a_changed_policy_reaches_a_waiting_phone(self, version):
        user = self.account()
        self.policy(user)
        phone = self.new_phone(user, version).start()
        phone.sync_all(phone.inbox)
        ping = phone.ping([phone.inbox], 600)
        self.assertIsNone(ping.answer(0.3))
        ping = phone.ping([phone.inbox], 600)
        self.wait_parked(phone)
        self.policy(user, allow_camera='false')
        self.assertEqual(ping.answer(10).status, '7')
        self.assert_refused(phone, 449, 143)
        self.assertEqual(phone.provision().get('AllowCamera'), '0')
        self.assertEqual(phone.folder_sync().status, '1')

    def wait_parked(self, phone):
        """Until the gate has seen the phone's Ping: it is noted with its heartbeat."""
        deadline = time.monotonic() + 10
        while self.value("SELECT coalesce(ping_heartbeat, 0) FROM easel.device WHERE"
                         " device_id = :'d'", d=phone.device_id) != '600':
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_a_cancelled_policy_is_taken_back(self):
        user = self.account()
        self.policy(user, allow_camera='false')
        phone = self.new_phone(user).start()
        self.policy(user, enforced='false')
        self.assertEqual(self.refused(phone), 142)
        self.assertEqual(phone.provision().get('AllowCamera'), '1')
        self.assertEqual(phone.folder_sync().status, '1')
        self.assertEqual(self.value("SELECT allow_camera FROM easel.policy p JOIN easel.account a"
                                    " ON a.id = p.account_id WHERE a.address = :'u'", u=user), 'f')

    def acknowledge(self, phone, status):
        first = phone.command('Provision', phone.provision_request()).root
        phone.policy_key = first.get('Policies/Policy/PolicyKey')
        return phone.command('Provision', phone.provision_acknowledge(phone.policy_key, status),
                             expect=None)

    @in_versions(*VERSIONS)
    def test_a_device_that_takes_it_in_part(self, version):
        user = self.account()
        self.policy(user)
        phone = self.new_phone(user, version)
        answer = self.acknowledge(phone, 2)
        self.assertEqual(answer.code if phone.number() < 140 else int(answer.status),
                         403 if phone.number() < 140 else 139)
        self.assert_refused(phone, 403, 139)
        self.assert_told(user, 'could not connect')
        self.policy(user, allow_non_provisionable='true')
        answer = self.acknowledge(phone, 2)
        phone.policy_key = answer.root.get('Policies/Policy/PolicyKey')
        self.assertEqual(phone.folder_sync('0').status, '1')

    @in_versions('12.1', '16.1')
    def test_a_device_that_refuses(self, version):
        user = self.account()
        self.policy(user)
        phone = self.new_phone(user, version)
        answer = self.acknowledge(phone, 3)
        self.assertFalse(answer.root.has('Policies/Policy/PolicyKey'))
        self.assert_refused(phone, 449, 142)
        self.assert_told(user, 'could not connect')

    def test_a_device_that_others_manage(self):
        user = self.account()
        self.policy(user)
        phone = self.new_phone(user)
        self.assertEqual(self.acknowledge(phone, 4).status, '145')
        self.assertEqual(self.refused(phone), 145)

    @in_versions('2.5', '16.1')
    def test_a_device_that_does_not_know_policies(self, version):
        user = self.account()
        self.policy(user)
        phone = self.new_phone(user, version)
        for _ in range(3):
            self.assert_refused(phone, 449, 142)
            self.sql("UPDATE easel.device SET policy_asked_at = now() - interval '1 hour'"
                     " WHERE device_id = :'d'", d=phone.device_id)
        self.assert_refused(phone, 449, 141)
        self.assert_told(user, 'could not connect')
        self.assertEqual(self.value("SELECT policy FROM easel.device_list WHERE device_id = :'d'",
                                    d=phone.device_id), 'unsupported')
        self.policy(user, allow_non_provisionable='true', refresh_hours='24')
        self.assertEqual(phone.folder_sync('0').status, '1')
        self.sql("UPDATE easel.device SET policy_asked_at = now() - interval '25 hours'"
                 " WHERE device_id = :'d'", d=phone.device_id)
        self.assert_refused(phone, 449, 142)
        self.assertEqual(phone.folder_sync('0').status, '1')

    def test_the_policy_is_taken_again_at_its_interval(self):
        user = self.account()
        self.policy(user, refresh_hours='24')
        phone = self.new_phone(user).start()
        self.assertEqual(phone.folder_sync().status, '1')
        self.sql("UPDATE easel.device SET policy_at = now() - interval '25 hours'"
                 " WHERE device_id = :'d'", d=phone.device_id)
        self.assertEqual(self.refused(phone), 143)

    def test_a_recovery_password(self):
        user = self.account()
        phone = self.phone(user)
        send = E('Settings:Settings', E('DevicePassword', E('Set', E('Password', 'open sesame'))))
        self.assertEqual(phone.command('Settings', send).root.get('DevicePassword/Status'), '7')
        self.policy(user, password_recovery='true')
        phone.provision()
        self.assertEqual(phone.command('Settings', send).root.get('DevicePassword/Status'), '1')


class Wipe(Gate):
    def wipe(self, phone, kind='hard', everywhere='false'):
        self.sql("SELECT easel.device_wipe(:d, :'k', :e)", d=self.device(phone), k=kind,
                 e=everywhere)

    def acknowledge(self, phone, tag, status):
        return phone.command('Provision', E('Provision:Provision', E(tag, E('Status', status))))

    @in_versions(*VERSIONS)
    def test_a_hard_wipe(self, version):
        phone = self.phone(version=version)
        self.wipe(phone)
        self.assert_refused(phone, 449, 140)
        for _ in range(2):
            answer = phone.command('Provision', E('Provision:Provision'))
            self.assertEqual(answer.status, '1')
            self.assertTrue(answer.root.has('RemoteWipe'))
        failed = self.acknowledge(phone, 'RemoteWipe', 2)
        self.assertEqual((failed.status, failed.root.has('RemoteWipe')), ('2', True))
        done = self.acknowledge(phone, 'RemoteWipe', 1)
        self.assertEqual((done.status, done.root.has('RemoteWipe')), ('1', False))
        self.assert_refused(phone, 403, 129)
        self.assert_told(phone.user, 'has been erased')
        self.sql("SELECT easel.device_allow(:d)", d=self.device(phone))
        self.assertEqual(phone.folder_sync('0').status, '1')

    def test_a_wipe_is_pushed(self):
        phone = self.synced_phone([])
        ping = phone.ping([phone.inbox], 600)
        self.assertIsNone(ping.answer(0.3))
        waiting = phone.begin('Sync', E('AirSync:Sync', E('Collections', E(
            'Collection', E('SyncKey', phone.keys[phone.inbox]), E('CollectionId', phone.inbox))),
            E('HeartbeatInterval', 600)))
        self.assertIsNone(waiting.answer(0.3))
        ping = phone.ping([phone.inbox], 600)
        self.assertFalse(self.wipe(phone))
        answer = ping.answer(10)
        self.assertIn(answer.status, ('7', '140'))
        self.assertEqual(self.refused(phone), 140)

    def test_a_soft_wipe_by_its_own_element(self):
        phone = self.phone(version='16.1')
        self.wipe(phone, 'soft')
        self.assertEqual(self.refused(phone), 140)
        self.assertTrue(phone.command('Provision', E('Provision:Provision')).root.has(
            'AccountOnlyRemoteWipe'))
        self.acknowledge(phone, 'AccountOnlyRemoteWipe', 1)
        self.assertEqual(self.refused(phone), 129)
        self.assert_told(phone.user, 'has been removed')

    @in_versions('2.5', '12.1', '14.1', '16.0')
    def test_a_soft_wipe_empties_the_tree_below_16_1(self, version):
        phone = self.synced_phone([message()], version)
        self.wipe(phone, 'soft')
        self.assertEqual(phone.sync_raw(phone.collection(phone.inbox)).status, '12')
        answer = phone.folder_sync()
        self.assertEqual((answer.status, phone.folders), ('1', {}))
        self.assert_refused(phone, 403, 129, document=E(
            'FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key)))
        self.assertEqual(self.access(phone), 'blocked')
        self.assert_told(phone.user, 'has been removed')

    def test_it_can_be_cancelled(self):
        phone = self.phone()
        self.wipe(phone)
        self.assertEqual(self.value('SELECT easel.wipe_cancel(:d)', d=self.device(phone)), '1')
        self.assertEqual(phone.folder_sync().status, '1')

    def test_it_outlives_the_devices_row(self):
        phone = self.phone()
        self.wipe(phone)
        self.sql('SELECT easel.device_delete(:d)', d=self.device(phone))
        self.assertEqual(self.refused(phone), 140)
        self.acknowledge(phone, 'RemoteWipe', 1)
        self.assertEqual(self.refused(phone), 129)

    def test_in_every_account(self):
        phone = self.phone()
        other = self.new_phone(self.account(), device_id=phone.device_id).start()
        self.sql("SELECT easel.device_wipe(v.id, 'hard', true) FROM easel.device v JOIN"
                 " easel.account a ON a.id = v.account_id WHERE a.address = :'u'", u=phone.user)
        self.assertEqual((self.refused(phone), self.refused(other)), (140, 140))
        self.acknowledge(phone, 'RemoteWipe', 1)
        self.assertEqual((self.refused(phone), self.refused(other)), (129, 129))

    def test_a_device_that_does_not_come_for_it(self):
        phone = self.phone()
        self.wipe(phone)
        for _ in range(3):
            self.assertEqual(self.refused(phone), 140)
            self.sql("UPDATE easel.wipe SET told_at = now() - interval '1 hour'"
                     " WHERE device_id = :'d'", d=phone.device_id)
        self.assertEqual(self.value("SELECT wipe FROM easel.device_list WHERE device_id = :'d'",
                                    d=phone.device_id), 'unsupported')


