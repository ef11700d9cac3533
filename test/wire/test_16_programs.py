"""The programs: delivery, import, passwords, migrations, and how a worker starts."""

import mailbox
import socket
import subprocess
import tempfile
from pathlib import Path

import servers
from common import PASSWORD, WireTest, message, samples
from phone import Phone

EX_USAGE, EX_NOUSER, EX_NOINPUT, EX_UNAVAILABLE, EX_TEMPFAIL = 64, 67, 66, 69, 75
EX_DATAERR, EX_CANTCREAT = 65, 73


class Program(WireTest):
    def run_program(self, name, *arguments, text=b'', database=None):
        """Runs a program; returns (exit code, what it said)."""
        where = ['--database', database or self.lab.postgres.conninfo]
        done = subprocess.run([str(self.lab.build / name), *where, *arguments], input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              cwd=servers.ROOT)
        return done.returncode, done.stdout.decode(errors='replace')


class Deliver(Program):
    def deliver(self, *arguments, **named):
        return self.run_program('easel-deliver', *arguments, text=message('Delivered'), **named)

    def test_exit_codes_of_sysexits(self):
        user = self.account()
        for name, arguments, codes in (
                ('all is well', (user,), (0,)),
                ('another folder', ('--folder', 'Sent Items', user), (0,)),
                ('nobody', ('nobody@example.test',), (EX_NOUSER,)),
                ('another domain', ('anna@example.org',), (EX_NOUSER,)),
                ('no account named', (), (EX_USAGE,)),
                ('an option that is not there', ('--nonsense', user), (EX_USAGE,)),
                ('a folder that is not there', ('--folder', 'Nowhere', user),
                 (EX_CANTCREAT, EX_NOINPUT, EX_DATAERR, EX_UNAVAILABLE))):
            with self.subTest(name):
                code, output = self.deliver(*arguments)
                self.assertIn(code, codes, output)
                self.assertEqual(bool(output), code != 0, output)

    def test_a_database_that_is_away_is_a_temporary_failure(self):
        """75: Postfix keeps the message and tries again."""
        code, output = self.deliver('anna@example.test', database='host=/nowhere dbname=easel')
        self.assertEqual(code, EX_TEMPFAIL, output)

    def test_the_address_in_any_case(self):
        user = self.account()
        self.assertEqual(self.deliver(user.upper())[0], 0)
        phone = self.phone(user)
        self.assertEqual(len(phone.sync_all(phone.inbox)), 1)

    def test_into_a_folder(self):
        phone = self.phone()
        self.lab.deliver(phone.user, message('Sent'), 'Sent Items')
        self.assertEqual(phone.sync_all(phone.inbox), {})
        self.assertEqual(len(phone.sync_all(phone.folder(5))), 1)

    def test_the_envelope_line_of_mbox_is_not_part_of_it(self):
        phone = self.phone()
        self.lab.deliver(phone.user, b'From ben Mon Nov 16 09:12:00 2026\n' + message('Enveloped'))
        phone.sync_all(phone.inbox)
        self.assertEqual(self.one_item(phone)[1].get('Email:Subject'), 'Enveloped')


class Import(Program):
    def subjects(self, user):
        phone = self.phone(user)
        return sorted(data.get('Email:Subject') for data in phone.sync_all(phone.inbox).values())

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix='easel-mail-')))
        self.wanted = sorted(f'Message {n}' for n in range(5))
        self.messages = [message(subject, f'Text\nFrom the {subject}\n') for subject in self.wanted]

    def test_an_mbox(self):
        path = self.folder / 'mbox'
        box = mailbox.mbox(path)
        for each in self.messages:
            box.add(each)
        box.close()
        user = self.account()
        self.lab.import_mail(user, path)
        self.assertEqual(self.subjects(user), self.wanted)

    def test_a_maildir_with_its_flags(self):
        path = self.folder / 'Maildir'
        box = mailbox.Maildir(path)
        for number, each in enumerate(self.messages):
            item = mailbox.MaildirMessage(each)
            if number < 2:
                item.set_subdir('cur')
                item.set_flags('S')
            box.add(item)
        user = self.account()
        self.lab.import_mail(user, path)
        phone = self.phone(user)
        read = [d.get('Email:Read') for d in phone.sync_all(phone.inbox).values()]
        self.assertEqual(sorted(read), ['0', '0', '0', '1', '1'])

    def test_a_folder_of_eml(self):
        for number, each in enumerate(self.messages):
            (self.folder / f'{number}.eml').write_bytes(each)
        (self.folder / 'notes.txt').write_text('not a message')
        user = self.account()
        self.lab.import_mail(user, self.folder)
        self.assertEqual(self.subjects(user), self.wanted)

    def test_the_samples(self):
        user = self.account()
        self.lab.import_mail(user, servers.ROOT / 'test' / 'data' / 'mail')
        self.assertEqual(len(self.subjects(user)), len(samples()))

    def test_the_date_is_the_messages_own(self):
        (self.folder / '1.eml').write_bytes(message('Old', date='Mon, 2 Mar 2020 10:00:00 +0000'))
        user = self.account()
        self.lab.import_mail(user, self.folder)
        phone = self.phone(user)
        phone.sync_all(phone.inbox)
        self.assertEqual(self.one_item(phone)[1].get('Email:DateReceived')[:10], '2020-03-02')

    def test_a_path_that_is_not_there(self):
        code, output = self.run_program('easel-deliver', '--import', str(self.folder / 'none'),
                                        self.account())
        self.assertEqual(code, EX_NOINPUT, output)


class Passwords(Program):
    def test_it_sets_the_password_of_an_account(self):
        user = self.account()
        code, output = self.run_program('easel-passwd', user, text=b'new password\n')
        self.assertEqual(code, 0, output)
        self.assertTrue(self.new_phone(user, password='new password').options())
        self.assertEqual(self.new_phone(user).raw('OPTIONS').code, 401)

    def test_hashes_are_salted(self):
        hashes = {servers.program(self.lab.build, 'easel-passwd', text=b'x').strip()
                  for _ in range(3)}
        self.assertEqual(len(hashes), 3)
        self.assertTrue(all(each.startswith('$scrypt$') for each in hashes))

    def test_nobody(self):
        self.assertNotEqual(self.run_program('easel-passwd', 'nobody@example.test', text=b'x')[0],
                            0)


class Migrations(Program):
    def fresh_database(self, name):
        self.lab.postgres.psql('CREATE DATABASE :"name"', 'postgres', name=name)
        return f'{self.lab.postgres.conninfo} dbname={name}'

    def test_running_it_again_changes_nothing(self):
        before = self.lab.postgres.psql('SELECT count(*) FROM pg_class')
        for _ in range(2):
            code, output = self.run_program('easel-migrate')
            self.assertEqual(code, 0, output)
        self.assertEqual(self.lab.postgres.psql('SELECT count(*) FROM pg_class'), before)

    def test_several_at_once_on_an_empty_database(self):
        conninfo = self.fresh_database('at_once')
        running = [subprocess.Popen([str(self.lab.build / 'easel-migrate'), '--database', conninfo],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    cwd=servers.ROOT) for _ in range(4)]
        for each in running:
            output, _ = each.communicate()
            self.assertEqual(each.returncode, 0, output)
        self.assertEqual(self.lab.postgres.psql('SELECT count(*) FROM easel.server', 'at_once'),
                         [['1']])

    def refuses(self, conninfo):
        """What a worker says that ends instead of serving this database."""
        worker = servers.Worker(self.lab.folder, 90, self.lab.build, conninfo)
        with self.assertRaises(servers.LabError) as caught:
            worker.start()
            worker.kill()
        return str(caught.exception)

    def test_a_worker_refuses_an_empty_database(self):
        said = self.refuses(self.fresh_database('empty'))
        self.assertIn('easel-migrate', said)

    def test_a_worker_refuses_a_schema_that_it_does_not_know(self):
        conninfo = self.fresh_database('newer')
        self.assertEqual(self.run_program('easel-migrate', database=conninfo)[0], 0)
        table = self.lab.postgres.psql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'easel'"
            " AND table_name LIKE '%migration%'", 'newer')[0][0]
        columns = [row[0] for row in self.lab.postgres.psql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'easel'"
            " AND table_name = :'t' ORDER BY ordinal_position", 'newer', t=table)]
        number = columns[0]
        others = ', '.join(columns[1:])
        self.lab.postgres.psql(f'INSERT INTO easel.{table} ({number}, {others}) SELECT {number}'
                               f' + 1000, {others} FROM easel.{table} LIMIT 1', 'newer')
        self.assertRegex(self.refuses(conninfo), 'schema|migration')


class Starting(Program):
    def test_with_an_inherited_socket(self):
        """As spawn-fcgi and systemd do it: the listening socket is descriptor 0."""
        path = str(self.lab.folder / 'inherited.sock')
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(16)
            process = subprocess.Popen(
                [str(self.lab.build / 'easel'), '--database', self.lab.postgres.conninfo,
                 '--key-file', str(self.lab.folder / 'key')], stdin=listening,
                stderr=subprocess.PIPE, cwd=servers.ROOT)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        certificate = servers.make_certificate(self.lab.folder / 'certificate')
        folder = self.lab.folder / 'second'
        folder.mkdir()
        nginx = servers.Nginx(folder, servers.free_port(), servers.free_port(), [f'unix:{path}'],
                              certificate, '127.0.0.1:').start()
        self.addCleanup(nginx.kill)
        phone = Phone(f'https://127.0.0.1:{nginx.port}', self.account(), PASSWORD)
        self.addCleanup(phone.close)
        self.assertTrue(phone.start().inbox)
        process.terminate()
        self.assertEqual(process.wait(timeout=15), 0)

    def test_on_a_tcp_port(self):
        worker = servers.Worker(self.lab.folder, 91, self.lab.build, self.lab.postgres.conninfo)
        worker.socket = f'127.0.0.1:{servers.free_port()}'
        self.addCleanup(worker.kill)
        self.assertEqual(worker.start().stop(), 0)

    def test_options_that_make_no_sense(self):
        for options in (('--nonsense',), ('--threads', '0'), ('--threads', 'many'),
                        ('--log-level', 'loud'), ('--socket', '/nowhere/at/all.sock')):
            with self.subTest(str(options)):
                done = subprocess.run(
                    [str(self.lab.build / 'easel'), '--socket', str(self.lab.folder / 'x.sock'),
                     '--database', self.lab.postgres.conninfo, '--key-file',
                     str(self.lab.folder / 'key'), *options], stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=20)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stdout)

    def test_a_socket_file_left_by_a_crash(self):
        worker = servers.Worker(self.lab.folder, 92, self.lab.build, self.lab.postgres.conninfo)
        self.addCleanup(worker.kill)
        worker.start()
        worker.kill()
        self.assertEqual(worker.start().stop(), 0)
