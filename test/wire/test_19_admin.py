"""The administrator's psql scripts: each shows what it did, its arguments, and clear errors."""

import subprocess
import unittest

from common import WireTest, message
from wbxml import ROOT

ADMIN = ROOT / 'migrations' / 'admin'


def run_script(lab, script, **variables):
    """Runs one of the administrator's scripts with psql; what came of it."""
    command = ['psql', '-Xq', '-f', str(ADMIN / script), lab.postgres.conninfo]
    for key, value in variables.items():
        command[1:1] = ['-v', f'{key}={value}']
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


class Scripts(WireTest):
    def run_script(self, script, **variables):
        return run_script(self.lab, script, **variables)

    def test_each_shows_its_arguments_and_changes_nothing(self):
        for script in sorted(ADMIN.glob('*.sql')):
            with self.subTest(script.name):
                done = self.run_script(script.name, help=1)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn('-v ', done.stdout)

    def test_a_missing_argument_is_a_clear_error(self):
        for name in ('domain_create.sql', 'account_create.sql', 'sync_reset.sql',
                     'dns_records.sql'):
            with self.subTest(name):
                done = self.run_script(name)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn('-v help=1', done.stdout)

    def test_a_domain_and_an_account_are_made_and_used(self):
        self.assertIn('admin.test', self.run_script('domain_create.sql', name='admin.test').stdout)
        made = self.run_script('account_create.sql', address="o'hara@admin.test", name='"; DROP',
                               hash=self.lab.hash('secret'))
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertIn("o'hara@admin.test", made.stdout)
        self.assertEqual(self.new_phone("o'hara@admin.test", password='secret').raw('OPTIONS').code, 200)

    def test_an_account_of_an_unknown_domain_is_refused(self):
        done = self.run_script('account_create.sql', address='a@nowhere.test', hash=self.lab.hash('x'))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('nowhere.test', done.stdout)

    def test_the_dns_records_of_a_domain(self):
        self.run_script('domain_create.sql', name='dns.test')
        self.lab.sql("INSERT INTO easel.protocol (domain_id, type, host, port, security)"
                     " SELECT id, 'SMTP', 'mx.{domain}', 587, 'starttls' FROM easel.domain"
                     " WHERE name = 'dns.test'")
        done = self.run_script('dns_records.sql', domain='DNS.test', host='mail.dns.test',
                               address='192.0.2.7')
        self.assertEqual([line.split(None, 3) for line in done.stdout.splitlines()], [
            ['mail.dns.test.', 'IN', 'A', '192.0.2.7'],
            ['dns.test.', 'IN', 'MX', '10 mail.dns.test.'],
            ['autodiscover.dns.test.', 'IN', 'CNAME', 'mail.dns.test.'],
            ['autoconfig.dns.test.', 'IN', 'CNAME', 'mail.dns.test.'],
            ['_autodiscover._tcp.dns.test.', 'IN', 'SRV', '0 0 443 mail.dns.test.'],
            ['_submission._tcp.dns.test.', 'IN', 'SRV', '0 1 587 mx.dns.test.']])
        done = self.run_script('dns_records.sql', domain='elsewhere.test', host='x')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('not served', done.stdout)

    def test_devices_are_listed_and_made_to_sync_anew(self):
        phone = self.synced_phone([message()])
        self.one_item(phone)
        listed = self.run_script('device_list.sql', account=phone.user).stdout
        self.assertIn(phone.device_id, listed)
        number = self.lab.sql('SELECT id FROM easel.device WHERE device_id = :\'id\'',
                              id=phone.device_id)[0][0]
        self.assertIn(phone.device_id, self.run_script('sync_reset.sql', device=number).stdout)
        answer = phone.sync_raw(phone.collection(phone.inbox))
        self.assertEqual(answer.root.get('Collections/Collection/Status'), '3')


if __name__ == '__main__':
    unittest.main()
