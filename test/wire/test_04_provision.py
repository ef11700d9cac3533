"""Provision: two phases, two keys (MS-ASPROV 3.1.5, 3.2.5); devices that no policy applies to."""

from common import WireTest, in_versions
from phone import POLICY_TYPE, VERSIONS
from wbxml import E


class WithoutPolicy(WireTest):
    @in_versions(*VERSIONS[1:])
    def test_no_policy_is_demanded_where_none_applies(self, version):
        phone = self.new_phone(self.account(), version)
        self.assertEqual(phone.folder_sync().status, '1')
        self.assertIsNotNone(phone.sync(phone.inbox))
        self.assertIsNone(phone.policy_key)

    def test_a_key_of_0_or_of_another_server_does_no_harm(self):
        user = self.account()
        for key in ('0', '1307199584', '4294967295'):
            with self.subTest(key):
                phone = self.new_phone(user)
                phone.policy_key = key
                self.assertEqual(phone.folder_sync().status, '1')

    @in_versions(*VERSIONS[1:])
    def test_a_phone_that_asks_nonetheless_gets_an_answer(self, version):
        phone = self.phone(version=version)
        phone.provision()
        self.assertEqual(phone.folder_sync().status, '1')


class Demanded(WireTest):
    """With a policy that devices must accept."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.sql("INSERT INTO easel.policy (level, enforced) VALUES ('server', true)")
        cls.addClassCleanup(cls.lab.sql, "DELETE FROM easel.policy WHERE level = 'server'")

    def assert_wants_provisioning(self, phone):
        """Every command is refused: 449 up to 12.1, status 142 to 144 from 14.0 (R487, R7564)."""
        for command, document in (
                ('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0))),
                ('Sync', phone.sync_request(phone.collection('1', key='0'))),
                ('Ping', phone.ping_request(['1'], 60)),
                ('GetItemEstimate', E('GetItemEstimate:GetItemEstimate', E('Collections', E(
                    'Collection', E('AirSync:SyncKey', 0), E('CollectionId', 1))))),
                ('ItemOperations', E('ItemOperations:ItemOperations', E('Fetch', E(
                    'Store', 'Mailbox'), E('AirSync:CollectionId', 1),
                    E('AirSync:ServerId', '1:1'))))):
            with self.subTest(command):
                answer = phone.command(command, document, expect=None)
                if phone.number() < 140:
                    self.assertEqual(answer.code, 449)
                else:
                    self.assertEqual(answer.code, 200)
                    self.assertIn(answer.status, ('142', '143', '144'))

    def first_phase(self, phone):
        answer = phone.command('Provision', phone.provision_request())
        self.assertEqual(answer.status, '1')
        policy = answer.root.find('Policies/Policy')
        self.assertEqual((policy.get('PolicyType'), policy.get('Status')), (POLICY_TYPE, '1'))
        return answer, policy

    @in_versions(*VERSIONS[1:])
    def test_both_phases_in_every_version(self, version):
        phone = self.new_phone(self.account(), version)
        self.assert_wants_provisioning(phone)
        document = phone.provision()
        self.assertEqual(document.name, 'Provision:EASProvisionDoc')
        self.assertEqual(phone.folder_sync().status, '1')
        self.assertIsNotNone(phone.sync(phone.inbox))

    @in_versions('12.1', '16.1')
    def test_the_key_in_the_base64_query(self, version):
        phone = self.new_phone(self.account(), version, query='base64').start()
        self.assertTrue(phone.policy_key)
        self.assertTrue(phone.inbox)

    @in_versions('14.1', '16.0', '16.1')
    def test_the_first_answer_confirms_the_device_information(self, version):
        answer, policy = self.first_phase(self.new_phone(self.account(), version))
        self.assertEqual(answer.root.get('Settings:DeviceInformation/Status'), '1')
        self.assertGreater(int(policy.get('PolicyKey')), 0)
        self.assertLess(int(policy.get('PolicyKey')), 2 ** 32)
        self.assertTrue(policy.find('Data/EASProvisionDoc').children)

    @in_versions('14.1', '16.0', '16.1')
    def test_the_device_information_is_demanded_from_14_1(self, version):
        """Status 165."""
        phone = self.new_phone(self.account(), version)
        answer = phone.command('Provision', E('Provision:Provision', E('Policies', E(
            'Policy', E('PolicyType', POLICY_TYPE)))))
        self.assertEqual(answer.status, '165')

    @in_versions(*VERSIONS[1:])
    def test_the_two_keys_differ_and_the_final_answer_has_no_data(self, version):
        phone = self.new_phone(self.account(), version)
        temporary = self.first_phase(phone)[1].get('PolicyKey')
        phone.policy_key = temporary
        answer = phone.command('Provision', phone.provision_acknowledge(temporary))
        policy = answer.root.find('Policies/Policy')
        self.assertEqual((answer.status, policy.get('Status')), ('1', '1'))
        self.assertNotEqual(policy.get('PolicyKey'), temporary)
        self.assertFalse(policy.has('Data'))

    @in_versions('12.1', '14.1', '16.1')
    def test_the_temporary_key_opens_nothing(self, version):
        phone = self.new_phone(self.account(), version)
        phone.policy_key = self.first_phase(phone)[1].get('PolicyKey')
        self.assert_wants_provisioning(phone)

    @in_versions(*VERSIONS[1:])
    def test_a_wrong_temporary_key_is_status_5(self, version):
        """MS-ASPROV R692: the client acknowledges a policy that is not the one offered."""
        phone = self.new_phone(self.account(), version)
        key = int(self.first_phase(phone)[1].get('PolicyKey'))
        phone.policy_key = str(key ^ 1)
        answer = phone.command('Provision', phone.provision_acknowledge(key ^ 1))
        policy = answer.root.find('Policies/Policy')
        self.assertEqual((answer.status, policy.get('Status')), ('1', '5'))
        self.assertFalse(policy.has('PolicyKey'))
        self.assert_wants_provisioning(phone)

    def test_an_acknowledgement_out_of_the_blue_is_status_5(self):
        phone = self.new_phone(self.account())
        answer = phone.command('Provision', phone.provision_acknowledge(12345))
        self.assertEqual(answer.root.get('Policies/Policy/Status'), '5')

    def test_a_lost_final_answer_can_be_asked_for_again(self):
        phone = self.new_phone(self.account())
        temporary = self.first_phase(phone)[1].get('PolicyKey')
        phone.policy_key = temporary
        phone.command('Provision', phone.provision_acknowledge(temporary))
        again = phone.command('Provision', phone.provision_acknowledge(temporary))
        if again.root.get('Policies/Policy/Status') == '1':
            phone.policy_key = again.root.get('Policies/Policy/PolicyKey')
        else:
            phone.provision()
        self.assertEqual(phone.folder_sync().status, '1')

    @in_versions('12.1', '14.0', '16.1')
    def test_an_unknown_policy_type_is_status_3(self, version):
        phone = self.new_phone(self.account(), version)
        request = phone.provision_request()
        for node in request.walk():
            if node.name == 'PolicyType':
                node.text = 'MS-WAP-Provisioning-XML'
        answer = phone.command('Provision', request)
        policy = answer.root.find('Policies/Policy')
        self.assertEqual((answer.status, policy.get('Status')), ('1', '3'))
        self.assertFalse(policy.has('Data'))

    def test_a_refusing_device_stays_out(self):
        phone = self.new_phone(self.account())
        temporary = self.first_phase(phone)[1].get('PolicyKey')
        phone.policy_key = temporary
        answer = phone.command('Provision', phone.provision_acknowledge(temporary, status=3))
        key = answer.root.get('Policies/Policy/PolicyKey')
        phone.policy_key = key or temporary
        self.assert_wants_provisioning(phone)

    def test_another_devices_key_is_refused(self):
        user = self.account()
        first, second = self.new_phone(user).start(), self.new_phone(user)
        second.policy_key = first.policy_key
        self.assert_wants_provisioning(second)

    @in_versions(*VERSIONS[1:])
    def test_a_key_that_was_never_given_is_refused(self, version):
        phone = self.new_phone(self.account(), version).start()
        phone.policy_key = str(int(phone.policy_key) ^ 1)
        self.assert_wants_provisioning(phone)

    def test_the_same_policy_twice(self):
        phone = self.phone()
        before = repr(phone.provision())
        self.assertEqual(repr(phone.provision()), before)
        self.assertEqual(phone.folder_sync().status, '1')

    def test_options_and_settings_need_no_policy(self):
        phone = self.new_phone(self.account())
        self.assertTrue(phone.options())
        self.assertEqual(phone.send_device_information().status, '1')

    @in_versions('14.1', '16.1')
    def test_the_device_information_is_kept(self, version):
        phone = self.new_phone(self.account(), version).start()
        self.assertEqual(self.lab.sql(
            "SELECT model, os, os_language, friendly_name, phone_number FROM easel.device"
            " WHERE device_id = :'d'", d=phone.device_id),
            [['Wire Test', 'Test 1', 'English', 'Test phone', '+15550100']])


class Broken(WireTest):
    @in_versions(*VERSIONS[1:])
    def test_a_request_that_makes_no_sense_is_status_2(self, version):
        """MS-ASPROV R704, R497: syntax error."""
        phone = self.new_phone(self.account(), version)
        info = phone.number() >= 141 and phone.device_information() or None
        for document in (E('Provision:Provision', info, E('Policies')),
                         E('Provision:Provision', info, E('Policies', E('Policy')))):
            with self.subTest(repr(document)):
                answer = phone.command('Provision', document, expect=None)
                if phone.number() < 140 and answer.code == 400:
                    continue
                self.assertEqual(answer.status, '2')
