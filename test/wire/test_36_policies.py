"""Each element of a policy in each version, and what is said wrongly in Provision and Settings."""

import re
import unittest

from common import PASSWORD, WireTest, in_versions, message
from wbxml import E, ROOT

# Element, column of easel.policy, since which version, value that is set, what is sent for it, and
# what is sent where nothing is enforced; a tuple is the entries of a list, None: it is not sent.
APPLICATION = '0123456789ABCDEF0123456789abcdef01234567'
ELEMENTS = (
    ('DevicePasswordEnabled', 'password_required', 120, 'true', '1', '0'),
    ('AlphanumericDevicePasswordRequired', 'password_alphanumeric', 120, 'true', '1', '0'),
    ('PasswordRecoveryEnabled', 'password_recovery', 120, 'true', '1', '0'),
    ('RequireStorageCardEncryption', 'require_card_encryption', 121, 'true', '1', '0'),
    ('AttachmentsEnabled', 'allow_attachments', 120, 'false', '0', '1'),
    ('MinDevicePasswordLength', 'password_min_length', 120, '16', '16', ''),
    ('MaxInactivityTimeDeviceLock', 'max_inactivity_minutes', 120, '166', '9960', ''),
    ('MaxDevicePasswordFailedAttempts', 'max_failed_attempts', 120, '4', '4', ''),
    ('MaxAttachmentSize', 'max_attachment_size', 120, '4294967295', '4294967295', ''),
    ('AllowSimpleDevicePassword', 'allow_simple_password', 120, 'false', '0', '1'),
    ('DevicePasswordExpiration', 'password_expiration_days', 120, '730', '730', '0'),
    ('DevicePasswordHistory', 'password_history', 120, '50', '50', '0'),
    ('AllowStorageCard', 'allow_storage_card', 121, 'false', '0', '1'),
    ('AllowCamera', 'allow_camera', 121, 'false', '0', '1'),
    ('RequireDeviceEncryption', 'require_device_encryption', 121, 'true', '1', '0'),
    ('AllowUnsignedApplications', 'allow_unsigned_applications', 121, 'false', '0', '1'),
    ('AllowUnsignedInstallationPackages', 'allow_unsigned_packages', 121, 'false', '0', '1'),
    ('MinDevicePasswordComplexCharacters', 'password_min_classes', 121, '4', '4', '1'),
    ('AllowWiFi', 'allow_wifi', 121, 'false', '0', '1'),
    ('AllowTextMessaging', 'allow_text_messaging', 121, 'false', '0', '1'),
    ('AllowPOPIMAPEmail', 'allow_pop_imap', 121, 'false', '0', '1'),
    ('AllowBluetooth', 'allow_bluetooth', 121, '1', '1', '2'),
    ('AllowIrDA', 'allow_infrared', 121, 'false', '0', '1'),
    ('RequireManualSyncWhenRoaming', 'manual_sync_when_roaming', 121, 'true', '1', '0'),
    ('AllowDesktopSync', 'allow_desktop_sync', 121, 'false', '0', '1'),
    ('MaxCalendarAgeFilter', 'max_calendar_age', 121, '7', '7', '0'),
    ('AllowHTMLEmail', 'allow_html', 121, 'false', '0', '1'),
    ('MaxEmailAgeFilter', 'max_mail_age', 121, '5', '5', '0'),
    ('MaxEmailBodyTruncationSize', 'max_text_size', 121, '0', '0', '-1'),
    ('MaxEmailHTMLBodyTruncationSize', 'max_html_size', 121, '5000', '5000', '-1'),
    ('RequireSignedSMIMEMessages', 'require_signed_mail', 121, 'true', '1', '0'),
    ('RequireEncryptedSMIMEMessages', 'require_encrypted_mail', 121, 'true', '1', '0'),
    ('RequireSignedSMIMEAlgorithm', 'signing_algorithm', 121, '1', '1', '0'),
    ('RequireEncryptionSMIMEAlgorithm', 'encryption_algorithm', 121, '4', '4', '0'),
    ('AllowSMIMEEncryptionAlgorithmNegotiation', 'encryption_negotiation', 121, '0', '0', '2'),
    ('AllowSMIMESoftCerts', 'allow_soft_certificates', 121, 'false', '0', '1'),
    ('AllowBrowser', 'allow_browser', 121, 'false', '0', '1'),
    ('AllowConsumerEmail', 'allow_consumer_email', 121, 'false', '0', '1'),
    ('AllowRemoteDesktop', 'allow_remote_desktop', 121, 'false', '0', '1'),
    ('AllowInternetSharing', 'allow_internet_sharing', 121, 'false', '0', '1'),
    ('UnapprovedInROMApplicationList', 'unapproved_applications', 121, '{Calculator,"<Web> & Co"}',
     ('Calculator', '<Web> & Co'), None),
    ('ApprovedApplicationList', 'approved_applications', 121, '{' + APPLICATION + '}',
     (APPLICATION,), None),
)
REFERENCE = ROOT.parent / 'shared' / 'reference' / 'policies.tsv'


class Gate(WireTest):
    def policy(self, user, **fields):
        for field, value in {'enforced': 'true', **fields}.items():
            self.lab.sql("SELECT easel.policy_set('user', :'u', :'f', :'v')", u=user, f=field,
                         v=value)


class Elements(Gate):
    def sent(self, document):
        """What a policy says: its elements, lists as tuples."""
        return {node.name.partition(':')[2]: tuple(entry.text for entry in node.children)
                or node.text or '' for node in document.children}

    def wanted(self, phone, column):
        return {row[0]: row[column] for row in ELEMENTS
                if phone.number() >= row[2] and row[column] is not None}

    def test_the_table_has_all_that_there_are(self):
        if not REFERENCE.exists():
            self.skipTest('the reference is not there')
        known = {}
        for line in REFERENCE.read_text(encoding='utf-8').splitlines()[1:]:
            element, _, _, since, _, neutral = line.split('\t')[:6]
            if not element.startswith('wap:'):
                known[element] = (int(since.replace('.', '')), neutral)
        self.assertEqual({row[0]: row[2] for row in ELEMENTS},
                         {element: since for element, (since, _) in known.items()})
        for element, _, _, _, _, neutral in ELEMENTS:
            allowed = known[element][1].replace('(empty)', '').replace('(omit or empty)', 'None')
            self.assertIn(str(neutral), [word.strip() for word in allowed.split(' or ')], element)

    @in_versions('12.0', '12.1', '14.1', '16.1')
    def test_each_element_and_its_neutral_value(self, version):
        user = self.account()
        phone = self.new_phone(user, version)
        self.assertEqual(self.sent(phone.provision()), self.wanted(phone, 5))
        self.policy(user, **{row[1]: row[3] for row in ELEMENTS})
        self.assertEqual(self.sent(phone.provision()), self.wanted(phone, 4))
        self.policy(user, enforced='false')
        self.assertEqual(self.sent(phone.provision()), self.wanted(phone, 5))

    def test_the_older_form(self):
        """What 2.5 has words for: name and value of each parm."""
        for fields, want in (
                ({}, {'4131': '1', 'AEFrequencyType': None}),
                ({'password_required': 'true'},
                 {'4131': '0', 'AEFrequencyType': '0', 'AEFrequencyValue': None,
                  'DeviceWipeThreshold': '-1', 'CodewordFrequency': None,
                  'MinimumPasswordLength': None, 'PasswordComplexity': '2'}),
                ({'password_required': 'true', 'max_inactivity_minutes': '15',
                  'max_failed_attempts': '8', 'password_min_length': '6',
                  'password_alphanumeric': 'true'},
                 {'4131': '0', 'AEFrequencyType': '1', 'AEFrequencyValue': '15',
                  'DeviceWipeThreshold': '8', 'CodewordFrequency': '3',
                  'MinimumPasswordLength': '6', 'PasswordComplexity': '0'}),
                ({'max_inactivity_minutes': '15'}, {'4131': '1', 'AEFrequencyType': None})):
            with self.subTest(fields):
                user = self.account()
                self.policy(user, **fields)
                text = self.new_phone(user, '2.5').provision().text
                parms = dict(re.findall(r'<parm name="([^"]+)" value="([^"]*)"/>', text))
                self.assertEqual({name: parms.get(name) for name in want}, want, text)


class Said(Gate):
    """Bad values in Provision and Settings, forged keys and ids: a clear answer, and nothing let in."""

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_forged_policy_keys(self, version):
        user = self.account()
        self.policy(user)
        phone, other = (self.new_phone(user, version).start() for _ in range(2))
        mine = phone.policy_key
        for key in (None, '0', str(int(mine) ^ 1), other.policy_key, '4294967295', '4294967296',
                    '-1', '99999999999999999999', mine + '0', "0' OR 1=1", 'x', '0x10', ' '):
            phone.policy_key = key
            answer = phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)),
                                   expect=None)
            self.assertTrue(phone.wants_provisioning(answer), (key, answer))
        phone.policy_key = mine
        self.assertEqual(phone.folder_sync('0').status, '1')

    @in_versions('12.1', '14.1', '16.1')
    def test_the_key_of_the_same_device_in_another_account(self, version):
        """A device id is nothing secret: it opens nothing in another account."""
        anna, ben = self.account(), self.account('ben')
        self.policy(anna), self.policy(ben)
        phone = self.new_phone(anna, version).start()
        thief = self.new_phone(ben, version, device_id=phone.device_id)
        thief.policy_key = phone.policy_key
        answer = thief.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)),
                               expect=None)
        self.assertTrue(phone.wants_provisioning(answer))
        thief.provision()
        thief.folder_sync('0')
        self.assertEqual(phone.folder_sync().status, '1')
        # Neither the tree's key nor an item's name is of any use there.
        self.lab.deliver(anna, message('Mine'))
        phone.sync_all(phone.inbox)
        self.assertEqual(thief.sync_raw(thief.collection(thief.inbox, key=phone.keys[phone.inbox]))
                         .root.get('Collections/Collection/Status'), '3')
        self.assertEqual(thief.sync_all(thief.inbox), {})

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_acknowledgements_that_are_none(self, version):
        user = self.account()
        self.policy(user)
        phone = self.new_phone(user, version)
        first = phone.command('Provision', phone.provision_request()).root
        temporary = first.get('Policies/Policy/PolicyKey')
        phone.policy_key = temporary
        for key, status, want in (
                (str(int(temporary) ^ 1), '1', '5'), ('0', '1', '5'), ('', '1', '2'),
                ('-1', '1', '2'), ('99999999999999999999', '1', '2'), ("1'; --", '1', '2'),
                (temporary, '0', '2'), (temporary, '5', '2'), (temporary, '', '2'),
                (temporary, '99999999999', '2'), (temporary, 'x', '2')):
            answer = phone.command('Provision', phone.provision_acknowledge(key, status), expect=None)
            self.assertEqual((answer.status, answer.root.get('Policies/Policy/Status')), ('1', want),
                             (key, status))
            self.assertFalse(answer.root.has('Policies/Policy/PolicyKey'))
        answer = phone.command('Provision', phone.provision_acknowledge(temporary))
        phone.policy_key = answer.root.get('Policies/Policy/PolicyKey')
        self.assertEqual(phone.folder_sync('0').status, '1')

    @in_versions('12.1', '14.1', '16.1')
    def test_acknowledgements_of_a_wipe_that_are_none(self, version):
        """Only a Status of 1 in the right element ends a wipe; and without a wipe it does nothing."""
        phone = self.phone(version=version)
        acknowledge = E('Provision:Provision', E('RemoteWipe', E('Status', 1)))
        phone.command('Provision', acknowledge, expect=None)
        self.assertEqual(phone.folder_sync().status, '1')
        self.lab.sql("SELECT easel.device_wipe(id, 'hard') FROM easel.device WHERE device_id = :'d'",
                     d=phone.device_id)
        for said in (E('RemoteWipe', E('Status', 2)), E('RemoteWipe', E('Status', 'x')),
                     E('RemoteWipe', E('Status', '')), E('RemoteWipe'), E('Status', 1),
                     E('RemoteWipe', E('Status', '1' * 40)),
                     phone.number() >= 161 and E('AccountOnlyRemoteWipe', E('Status', 1)) or None):
            answer = phone.command('Provision', E('Provision:Provision', said))
            self.assertTrue(answer.root.has('RemoteWipe'), said)
        self.assertEqual(phone.command('Provision', acknowledge).status, '1')
        self.assertEqual(self.lab.sql("SELECT access FROM easel.device WHERE device_id = :'d'",
                                      d=phone.device_id), [['blocked']])

    HOSTILE = ("'; DROP TABLE easel.device; --", '$1', '%s%n\\', '"><script>', 'x' * 70000,
               'Ünïcødé \U0001f4f1', '\t\r\n', '')

    @in_versions('12.1', '14.1', '16.1')
    def test_what_a_device_says_of_itself(self, version):
        """SQL, markup, and more than there is room for, in every field; the device is listed all the same."""
        phone = self.phone(version=version)
        fields = ['Model', 'IMEI', 'FriendlyName', 'OS', 'OSLanguage', 'PhoneNumber']
        fields += ['MobileOperator', 'UserAgent'] if phone.number() >= 140 else ['UserAgent']
        for text in self.HOSTILE:
            document = E('Settings:Settings', E('DeviceInformation', E('Set', [
                E(field, text) for field in fields])))
            self.assertEqual(phone.command('Settings', document).status, '1')
            row = self.lab.sql("SELECT name, model, os, os_language, phone_number FROM"
                               " easel.device_list WHERE device_id = :'d'", d=phone.device_id)
            self.assertEqual(len(row), 1)
            for value in row[0]:
                self.assertLessEqual(len(value), 1024)
        self.assertEqual(phone.folder_sync().status, '1')

    def test_hostile_words_and_rules(self):
        """A rule is compared with what a device says, which is no pattern and no SQL."""
        phone = self.phone()
        self.lab.sql("SELECT easel.rule_create('model', :'v', 'block')", v="%' OR '1'='1")
        self.addCleanup(self.lab.sql, "DELETE FROM easel.access_rule")
        for text in self.HOSTILE:
            phone.command('Settings', E('Settings:Settings', E('DeviceInformation', E('Set', E(
                'Model', text)))))
            self.lab.sql('SELECT easel.devices_decide_again(id) FROM easel.device'
                         " WHERE device_id = :'d'", d=phone.device_id)
            self.assertEqual(phone.folder_sync().status, '1', text)

    @in_versions('12.1', '16.1')
    def test_device_ids_and_types(self, version):
        user = self.account()
        for device, kind, good in (
                ('x' * 64, 'Phone', True), ('x' * 65, 'Phone', False), ('', 'Phone', False),
                ("a'b", 'Phone', False), ('a b', 'Phone', False), ('ä', 'Phone', False),
                ('../..', 'Phone', False), ('A-b_c.9', "P'; DROP TABLE easel.device; --", True),
                ('LONGTYPE', 't' * 3000, True), ('NOTYPE', '', False)):
            phone = self.new_phone(user, version, device_id=device or None, device_type=kind)
            phone.device_id = device
            answer = phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)),
                                   expect=None)
            self.assertEqual(answer.code == 200 and answer.status == '1', good, (device, answer))
            if not good:
                self.assertIn(answer.code, (200, 400))
        self.assertEqual(self.lab.sql(
            "SELECT count(*), max(length(type)) FROM easel.device v JOIN easel.account a"
            " ON a.id = v.account_id WHERE a.address = :'u'", u=user), [['3', '256']])

    @in_versions('12.1', '16.1')
    def test_settings_that_make_no_sense(self, version):
        phone = self.phone(version=version)
        for document in (E('Settings:Settings'), E('Settings:Settings', E('DeviceInformation')),
                         E('Settings:Settings', E('DeviceInformation', E('Get'))),
                         E('Settings:Settings', E('DevicePassword', E('Set', E('Password', 'x' * 9999)))),
                         E('Settings:Settings', phone.device_information(),
                           phone.device_information())):
            answer = phone.command('Settings', document, expect=None)
            self.assertTrue(answer.code == 400 or answer.code == 200)
            self.assertNotEqual([node.text for node in answer.root.walk()
                                 if node.name == 'Settings:Status'], ['1', '1'], document)
        self.assertEqual(phone.folder_sync().status, '1')

    def test_a_login_that_is_sql(self):
        for user in ("' OR 1=1 --", "anna@example.test' --", '$1', '"; DROP TABLE easel.account; --'):
            self.assertEqual(self.new_phone(user, password=PASSWORD).raw('OPTIONS').code, 401)
        self.lab.sql('DELETE FROM easel.login_failure')


if __name__ == '__main__':
    unittest.main()
