"""Settings: what a device tells about itself (MS-ASCMD 2.2.1.18)."""

from common import WireTest, in_versions
from phone import VERSIONS
from wbxml import E


class DeviceInformation(WireTest):
    def stored(self, phone):
        return self.lab.sql("SELECT model, imei, friendly_name, os, os_language, phone_number"
                            " FROM easel.device WHERE device_id = :'d'", d=phone.device_id)[0]

    @in_versions(*VERSIONS[1:])
    def test_it_is_kept(self, version):
        phone = self.phone(version=version)
        answer = phone.send_device_information()
        self.assertEqual((answer.status, answer.root.get('DeviceInformation/Status')),
                         ('1', '1'))
        self.assertEqual(self.stored(phone), ['Wire Test', '490154203237518', 'Test phone',
                                              'Test 1', 'English', '+15550100'])

    def test_only_some_of_it(self):
        phone = self.phone()
        answer = phone.command('Settings', E('Settings:Settings', E('DeviceInformation', E(
            'Set', E('Model', 'Other model'), E('OS', 'Größe 9')))))
        self.assertEqual(answer.root.get('DeviceInformation/Status'), '1')
        self.assertEqual((self.stored(phone)[0], self.stored(phone)[3]),
                         ('Other model', 'Größe 9'))

    def test_long_and_odd_values_do_no_harm(self):
        phone = self.phone()
        answer = phone.command('Settings', E('Settings:Settings', E('DeviceInformation', E(
            'Set', E('Model', 'x' * 5000), E('FriendlyName', "'; DROP TABLE x; --")))))
        self.assertIn(answer.root.get('DeviceInformation/Status'), ('1', '2', '5'))
        self.assertEqual(phone.folder_sync().status, '1')

    @in_versions('12.1', '16.1')
    def test_nothing_to_set_is_refused(self, version):
        """Status 2 (protocol error) or 5 (invalid arguments), of the property or the request."""
        phone = self.phone(version=version)
        for document in (E('Settings:Settings', E('DeviceInformation')),
                         E('Settings:Settings')):
            answer = phone.command('Settings', document)
            statuses = {answer.status, answer.root.get('DeviceInformation/Status')}
            self.assertTrue(statuses & {'2', '5'}, answer)
