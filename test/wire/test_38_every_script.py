"""Every script of the administrator with its help, without arguments, with wrong ones and with right ones."""

import subprocess
import unittest

import servers
from common import WireTest
from wbxml import ROOT

ADMIN = ROOT / 'migrations' / 'admin'
ANNA, DOMAIN = 'anna@scripts.test', 'scripts.test'
SQL = "x'; DROP TABLE easel.device; --"
DEVICES = ({'device': '999999'}, {'device': '0'}, {'device': 'x'}, {'device': '1 OR 1=1'},
           {'device': SQL}, {'device': '99999999999999'}, {'device': ''})
LEVELS = ({'level': 'planet', 'target': 'x'}, {'level': 'domain', 'target': 'nowhere.test'},
          {'level': 'user', 'target': SQL}, {'level': 'device', 'target': '999999'},
          {'level': 'device', 'target': 'one'}, {'level': SQL, 'target': ''})

# Of each script: arguments that are right (None: it needs none), and those that are not. DEVICE and
# RULE stand for the numbers of those that there are; {right} completes what is wrong.
RIGHT = {
    'account_change': {'address': ANNA, 'language': 'de'},
    'account_create': {'address': 'ben@scripts.test', 'hash': '$scrypt$x'},
    'account_list': None, 'device_list': None, 'domain_list': None, 'housekeep': None,
    'omitted_list': None, 'push_show': None, 'queue_show': None, 'recovery_shown': None,
    'rule_list': None, 'rules_apply': None, 'server_show': None,
    'device_allow': {'device': 'DEVICE'}, 'device_block': {'device': 'DEVICE'},
    'device_quarantine': {'device': 'DEVICE'}, 'device_show': {'device': 'DEVICE'},
    'device_wipe': {'device': 'DEVICE', 'kind': 'hard'}, 'wipe_cancel': {'device': 'DEVICE'},
    'dns_records': {'domain': DOMAIN, 'host': 'mail.scripts.test'},
    'domain_change': {'name': DOMAIN, 'enabled': 'yes'}, 'domain_create': {'name': 'more.test'},
    'folder_share': {'owner': ANNA, 'folder': 'Inbox', 'whom': '*', 'rights': 'read'},
    'group_change': {'name': 'Staff', 'add': ANNA},
    'policy_set': {'level': 'user', 'target': ANNA, 'field': 'enforced', 'value': 'true'},
    'policy_show': {'level': 'user', 'target': ANNA},
    'policy_inherit': {'level': 'user', 'target': ANNA},
    'public_folder_create': {'domain': DOMAIN, 'name': 'Public'},
    'rule_add': {'characteristic': 'os', 'value': 'Word', 'action': 'block'},
    'rule_change': {'rule': 'RULE', 'do': 'off'},
    'rule_level': {'level': 'domain', 'target': DOMAIN, 'action': 'block'},
    'rule_similar': {'device': 'DEVICE', 'characteristic': 'type'},
    'server_set': {'setting': 'heartbeat_max', 'value': '1200'},
    'settings_set': {'level': 'rule', 'target': 'RULE', 'field': 'mail_age', 'value': '3'},
    'settings_show': {'level': 'rule', 'target': 'RULE'},
    'settings_inherit': {'level': 'rule', 'target': 'RULE'},
    'sync_reset': {'device': 'DEVICE'}, 'sync_reset_all': {'sure': 'yes'},
    'trace_set': {'device': 'DEVICE', 'hours': '2'}, 'trace_show': {'account': ANNA},
    'omitted_retry': {'item': 'ITEM'}, 'device_delete': {'device': 'DEVICE'},
}
WRONG = {
    'account_change': ({'address': 'nobody@scripts.test'}, {'address': SQL}, {'timezone': 'Mars/X'},
                       {'language': 'de', 'timezone': 'Mars/X'}, {'enabled': 'maybe'},
                       {'language': 'German'}),
    'account_create': ({'address': 'x'}, {'address': 'x@nowhere.test'}, {'address': ANNA},
                       {'hash': 'plain'}, {'address': SQL}),
    'account_list': ({'domain': 'nowhere.test'},),
    'device_list': ({'account': 'nobody@scripts.test'}, {'domain': SQL}, {'status': 'lost'},
                    {'most': 'many'}, {'unseen': 'long'}, {'unsynced': SQL}),
    'omitted_list': ({'account': SQL},), 'push_show': ({'account': SQL}, {'most': 'x'}),
    'rules_apply': ({'device': 'x'}, {'device': SQL}),
    'device_allow': DEVICES[:1], 'device_block': DEVICES[:1], 'device_quarantine': DEVICES[:1],
    'device_show': DEVICES[:2], 'wipe_cancel': DEVICES[:1], 'sync_reset': DEVICES[:2],
    'device_delete': DEVICES, 'device_wipe': (*DEVICES[:3], {'kind': 'gentle'}, {'kind': ''}, {'everywhere': 'perhaps'}),
    'rule_similar': (*DEVICES[:1], {'characteristic': 'smell'}, {'characteristic': 'os'},
                     {'action': 'dance'}),
    'dns_records': ({'domain': 'nowhere.test'},),
    'domain_change': ({'name': 'nowhere.test'}, {'enabled': 'maybe'}),
    'domain_create': ({'name': DOMAIN}, {'name': 'a b'}, {'name': ''}, {'name': 'x@y.test'}),
    'folder_share': ({'owner': SQL}, {'folder': 'Nothing'}, {'whom': 'nobody@scripts.test'},
                     {'rights': 'everything'}),
    'group_change': ({'name': 'New', 'add': 'nobody@scripts.test'}, {'remove': SQL}),
    'policy_set': (*LEVELS, {'field': 'nonsense'}, {'field': 'id'}, {'field': SQL},
                   {'value': 'perhaps'}, {'field': 'max_mail_age', 'value': '99'}),
    'policy_show': LEVELS[:2], 'policy_inherit': LEVELS[2:4], 'settings_show': LEVELS[4:],
    'settings_inherit': LEVELS[:2],
    'settings_set': (*LEVELS[:1], {'field': 'nonsense'}, {'field': SQL}, {'value': '99'}),
    'public_folder_create': ({'domain': 'nowhere.test'}, {'name': ''}, {'class': 'Nonsense'},
                             {'rights': 'everything'}),
    'rule_add': ({'characteristic': 'smell'}, {'value': ''}, {'action': 'dance'},
                 {'value': 'x' * 300}),
    'rule_change': ({'rule': '999999'}, {'rule': 'x'}, {'do': 'dance'}),
    'rule_level': (*LEVELS[:3], {'action': 'dance'}, {'level': 'server', 'action': 'none'}),
    'server_set': ({'setting': 'nonsense'}, {'setting': SQL}, {'value': 'x'}, {'value': '-1'},
                   {'setting': 'gate_version', 'value': '1'}),
    'sync_reset_all': ({'sure': 'no'}, {'sure': ''}),
    'trace_set': (*DEVICES[:1], {'hours': '-1'}, {'hours': '99999'}, {'hours': 'x'}, {'bodies': 'x'},
                  {'account': ANNA}, {'device': '', 'account': 'nobody@scripts.test'}),
    'trace_show': ({'account': SQL}, {'most': 'x'}),
    'omitted_retry': ({'item': '999999'}, {'item': 'x'}),
}
STATE = """
SELECT format('SELECT %L, md5(coalesce(string_agg(t::text, E''\\n'' ORDER BY t::text), '''')) FROM %s t', c.oid::regclass, c.oid::regclass)
FROM pg_class c WHERE c.relnamespace = 'easel'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""


class EveryScript(WireTest):
    """On a database of its own, which no worker writes to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        postgres = cls.lab.postgres
        cls.database = f'{postgres.conninfo} dbname=every_script'
        postgres.psql('CREATE DATABASE every_script', 'postgres')
        cls.addClassCleanup(postgres.psql, 'DROP DATABASE every_script WITH (FORCE)', 'postgres')
        servers.program(cls.lab.build, 'easel-migrate', '--database', cls.database)
        device, rule = cls.psql(
            f"SELECT easel.domain_create('{DOMAIN}');"
            f"SELECT easel.account_create('{ANNA}', '$scrypt$x');"
            "INSERT INTO easel.device (account_id, device_id, type) SELECT id, 'P', 'Phone' FROM easel.account;"
            "SELECT easel.rule_create('type', 'Brick', 'block');"
            'SELECT (SELECT id FROM easel.device), (SELECT id FROM easel.access_rule)').split('\n')[-1].split('|')
        cls.stands_for = {'DEVICE': device, 'RULE': rule}

    @classmethod
    def psql(cls, text):
        done = subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', text, cls.database],
                              stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    def state(self):
        """All that is in the tables."""
        queries = self.psql(STATE).split('\n')
        return self.psql(' UNION ALL '.join(queries))

    def run_script(self, name, arguments):
        command = ['psql', '-Xq', '-f', str(ADMIN / f'{name}.sql'), self.database]
        for key, value in (arguments or {}).items():
            command[1:1] = ['-v', f'{key}={self.stands_for.get(value, value)}']
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)

    def assert_refused(self, name, arguments):
        with self.subTest(script=name, arguments=arguments):
            done = self.run_script(name, arguments)
            self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertIn('ERROR', done.stdout)
            # Of PostgreSQL's own words only those about values; not about the script's statements.
            self.assertNotIn('syntax error', done.stdout)
            self.assertNotIn('HINT:  No function', done.stdout)

    def test_the_tables_have_every_script(self):
        self.assertEqual(sorted(RIGHT), sorted(path.stem for path in ADMIN.glob('*.sql')))

    def test_help_and_wrong_arguments_change_nothing(self):
        before = self.state()
        for name, right in sorted(RIGHT.items()):
            with self.subTest(script=name):
                done = self.run_script(name, {'help': '1'})
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn(f'{name}.sql', done.stdout)
                self.assertIn('-v ', done.stdout)
            for missing in right or ():
                if name == 'trace_set' and missing == 'hours' or name == 'folder_share':
                    continue  # what they have of themselves
                if missing == 'target' and name.endswith('_show') or missing == 'address' and name == 'dns_records':
                    continue
                if missing in ('add', 'language', 'enabled', 'rights', 'characteristic'):
                    continue  # these may be left out
                self.assert_refused(name, {k: v for k, v in right.items() if k != missing})
            for wrong in WRONG.get(name, ()):
                self.assert_refused(name, {**(right or {}), **wrong})
        self.assertEqual(self.state(), before)

    def test_right_arguments_do_and_show(self):
        last = ('device_delete',)
        for name in sorted(RIGHT, key=lambda name: (name in last, name)):
            if name == 'omitted_retry':
                continue  # there is no such item here
            with self.subTest(script=name):
                done = self.run_script(name, RIGHT[name])
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertTrue(done.stdout.strip() or name in ('trace_show',), 'it shows nothing')


if __name__ == '__main__':
    unittest.main()
