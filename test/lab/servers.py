"""The servers of a lab, one class each: PostgreSQL, an Easel worker, nginx, Apache, Dovecot, Cyrus.

Each runs in the foreground of its own process, under the lab's folder. A lab for tests ties them to
the life of the test; the demo's go on when the program that started them has ended, and are found
again by the pid files they leave.
"""

import ctypes
import imaplib
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psql

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
SOCKET_PATH_MAX = 100  # of 107 bytes; PostgreSQL adds a name of its own
READY_SECONDS = 30
STOP_SECONDS = 15
LIBC = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """A server can't be started; says what its log says."""


def free_port():
    """A TCP port that nobody uses now. Whoever gets it too late tries another."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True


def answers(address):
    """Whether something accepts connections at a path or a (host, port)."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def raise_file_limit():
    """Thousands of parked phones need as many descriptors; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A process with a log. `folder` is its own; `stays` means that it outlives this program."""

    name = 'server'
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL

    def __init__(self, folder, stays=False):
        self.folder, self.stays, self.process = Path(folder), stays, None
        self.log_path = self.folder / f'{self.name}.log'

    # A subclass says: command(), what to run, and ready(), whether it serves.

    def start(self):
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
                start_new_session=True, preexec_fn=None if self.stays else self._die_with_parent)
        if self.stays:
            (self.folder / f'{self.name}.pid').write_text(f'{self.process.pid}\n')
        self._wait_until_ready()
        return self

    def _die_with_parent(self):
        # Note: the kernel means the thread that started it, so labs are started by the main one.
        LIBC.prctl(PR_SET_PDEATHSIG, self.death_signal, 0, 0, 0)

    def as_user(self, user, command):
        """The command as another user, when this one is root; it still ends with this program."""
        if os.geteuid() != 0:
            return command
        prefix = ['setpriv', f'--reuid={user}', f'--regid={pwd.getpwnam(user).pw_gid}',
                  '--init-groups']
        if not self.stays:
            prefix += ['--pdeathsig', signal.Signals(self.death_signal).name[3:]]
        reach = prefix + ['test', '-x', str(self.folder)]
        if subprocess.run(reach, check=False).returncode != 0:
            # The folder is below one that only root may enter, like /root.
            prefix += ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']
        return prefix + command

    def _wait_until_ready(self):
        """Waits until it serves; its own end is noticed at once."""
        for _ in range(READY_SECONDS * 50):
            if self.ready():
                return
            try:
                code = self.process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            raise LabError(f'{self.name} ended with {code}:\n{self.log_tail()}')
        self.kill()
        raise LabError(f'{self.name} is not ready after {READY_SECONDS} s:\n{self.log_tail()}')

    def log_tail(self):
        lines = self.log_path.read_text(errors='replace').splitlines()
        return '\n'.join(lines[-15:])

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Stops it cleanly; returns its exit code."""
        if not self.running():
            return None
        os.kill(self.process.pid, self.stop_signal)
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f'{self.name} did not stop:\n{self.log_tail()}') from None

    def kill(self):
        """Ends it and whatever it started, at once."""
        if not self.running():
            return
        os.kill(self.process.pid, self.death_signal)
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Postgres(Server):
    """A private cluster, on a unix socket in its folder and on a TCP port of 127.0.0.1."""

    name = 'postgres'
    stop_signal = signal.SIGINT    # "fast": doesn't wait for clients
    death_signal = signal.SIGQUIT  # "immediate": takes its children and shared memory along

    def __init__(self, folder, port, database='easel', fsync=True, stays=False):
        super().__init__(folder, stays)
        self.port, self.database, self.fsync = port, database, fsync
        self.data = self.folder / 'data'
        socket_folder = str(self.folder)
        self.host = socket_folder if len(socket_folder) <= SOCKET_PATH_MAX - 20 else '127.0.0.1'
        self.conninfo = f'host={self.host} port={port} user=easel dbname={database}'
        self.session = psql.Session(self.program('psql'), self.conninfo)

    @staticmethod
    def program(name):
        """The path of a PostgreSQL program, of the newest version there is."""
        found = sorted(Path('/usr/lib/postgresql').glob(f'*/bin/{name}'),
                       key=lambda path: int(path.parts[4]))
        if not found:
            raise LabError('no PostgreSQL server is installed')
        return str(found[-1])

    def as_owner(self, command):
        """The command as the user who may run PostgreSQL: root may not."""
        return self.as_user('postgres', command)

    def check(self):
        """Creates the cluster if it is not there."""
        self.folder.mkdir(exist_ok=True)
        if (self.data / 'PG_VERSION').exists():
            return self
        if os.geteuid() == 0:
            owner = pwd.getpwnam('postgres')
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        done = subprocess.run(
            self.as_owner([self.program('initdb'), '--pgdata', str(self.data), '--username=easel',
                           '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8',
                           '--no-instructions'] + ([] if self.fsync else ['--no-sync'])),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd='/')
        if done.returncode != 0:
            raise LabError(f'initdb failed:\n{done.stdout}')
        return self

    def command(self):
        (self.data / 'postmaster.pid').unlink(missing_ok=True)  # of a crash; nothing runs here now
        settings = {'port': self.port, 'listen_addresses': '127.0.0.1', 'max_connections': 200,
                    'unix_socket_directories': self.host if self.host.startswith('/') else '',
                    'fsync': 'on' if self.fsync else 'off', 'log_timezone': 'UTC'}
        return self.as_owner([self.program('postgres'), '-D', str(self.data)]
                             + [part for name, value in settings.items()
                                for part in ('-c', f'{name}={value}')])

    def ready(self):
        """Line 8 of its pid file says so."""
        try:
            lines = (self.data / 'postmaster.pid').read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == 'ready'

    def psql(self, text, database=None, **variables):
        """Runs SQL; :'name' in it stands for a variable. Rows as lists of text, None for NULL."""
        try:
            if database in (None, self.database):
                return self.session.run(text, variables)
            return psql.once(self.program('psql'), f'{self.conninfo} dbname={database}', text, variables)
        except psql.PsqlError as error:
            raise LabError(f'{text}\n{error}') from None

    def stop(self):
        self.session.close()
        return super().stop()

    def kill(self):
        self.session.close()
        super().kill()

    def create_database(self):
        if not self.psql("SELECT 1 FROM pg_database WHERE datname = :'name'", 'postgres',
                         name=self.database):
            self.psql('CREATE DATABASE :"name"', 'postgres', name=self.database)


class Worker(Server):
    """An Easel worker on a socket of its own."""

    def __init__(self, folder, number, build, conninfo, options=(), stays=False):
        self.name = f'easel-{number}'
        super().__init__(folder, stays)
        path = str(self.folder / f'{self.name}.sock')
        self.socket = path if len(path) <= SOCKET_PATH_MAX else f'127.0.0.1:{free_port()}'
        self.build, self.conninfo, self.options = build, conninfo, list(options)

    def upstream(self):
        """The socket as nginx names it."""
        return f'unix:{self.socket}' if self.socket.startswith('/') else self.socket

    def command(self):
        return [str(self.build / 'easel'), '--socket', self.socket, '--database', self.conninfo,
                '--key-file', str(self.folder / 'key')] + self.options

    def start(self):
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        return super().start()

    def ready(self):
        """It says so; connections are accepted, and answered with 503, a little earlier."""
        with open(self.log_path, 'rb') as log:
            log.seek(self.log_start)
            return b' info ready' in log.read()


class Nginx(Server):
    """nginx with the repository's example as its site: only values are put in place."""

    name = 'nginx'
    death_signal = signal.SIGTERM  # its workers would outlive a killed master

    def __init__(self, folder, port, http_port, upstreams, certificate, address='', stays=False):
        super().__init__(folder, stays)
        self.port, self.http_port, self.upstreams = port, http_port, upstreams
        self.certificate, self.address = certificate, address
        self.conf = self.folder / 'nginx.conf'

    def command(self):
        self.conf.write_text(self.main_conf())
        (self.folder / 'site.conf').write_text(self.site())
        (self.folder / 'tmp').mkdir(exist_ok=True)
        return [shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin:/sbin'),
                '-p', str(self.folder), '-c', str(self.conf), '-e', str(self.log_path)]

    def main_conf(self):
        user = 'user root;\n' if os.geteuid() == 0 else ''
        temporary = '\n'.join(f'\t{kind}_temp_path {self.folder}/tmp/{kind};' for kind in (
            'client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'))
        return (f'{user}daemon off;\npid {self.folder}/nginx.pid;\nworker_processes auto;\n'
                'worker_rlimit_nofile 40000;\nevents { worker_connections 20000; }\n'
                f'http {{\n\taccess_log {self.folder}/access.log;\n{temporary}\n'
                f'\tinclude {self.folder}/site.conf;\n}}\n')

    def site(self):
        """The example, with this lab's values."""
        text = (ROOT / 'nginx-example.conf').read_text()
        socket_line = 'server unix:/run/easel/easel.sock max_fails=0;'
        text = put(text, socket_line, '\n\t'.join(
            socket_line.replace('unix:/run/easel/easel.sock', u) for u in self.upstreams))
        for old, port in (('443 ssl', self.port), ('80', self.http_port)):
            name = old.replace(old.split()[0], str(port))
            text = put(text, f'listen {old};', f'listen {self.address}{name};')
            if self.address or not socket.has_ipv6:
                text = put(text, f'listen [::]:{old};', '')
            else:
                text = put(text, f'listen [::]:{old};', f'listen [::]:{name};')
        text = put(text, 'server_name mail.example.org autodiscover.example.org autoconfig.example.org;',
                   'server_name _;')
        text = put(text, '/etc/letsencrypt/live/mail.example.org/fullchain.pem',
                   str(self.certificate.with_suffix('.pem')))
        return put(text, '/etc/letsencrypt/live/mail.example.org/privkey.pem',
                   str(self.certificate.with_suffix('.key')))

    def ready(self):
        return (self.folder / 'nginx.pid').exists() and answers(('127.0.0.1', self.port))


class Background(Server):
    """A program without a port of its own, that stays."""

    def __init__(self, name, folder, arguments):
        self.name, self.arguments = name, arguments
        super().__init__(folder, stays=True)

    def command(self):
        return self.arguments

    def ready(self):
        return True


class MailServer(Server):
    """An IMAP server with LMTP: imap_port, lmtp_port. A subclass says how accounts are made."""

    # What tests call folders, by their names or roles in the own store.
    NAMES = {'Sent Items': 'Sent', 'Deleted Items': 'Trash', 'sent': 'Sent', 'trash': 'Trash',
             'drafts': 'Drafts', 'junk': 'Junk'}

    death_signal = signal.SIGTERM  # its processes would outlive a killed master

    def mail_user(self, name):
        """The ids of the processes for mail, and whether that is another user than this one."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid(), False
        owner = pwd.getpwnam(name)
        return owner.pw_uid, owner.pw_gid, True

    def append(self, address, password, message, folder='INBOX'):
        """Puts a message into a folder as it is."""
        with imaplib.IMAP4('127.0.0.1', self.imap_port, timeout=STOP_SECONDS) as imap:
            imap.login(address, password)
            answer, why = imap.append(f'"{folder}"', None, None, message)
            if answer != 'OK':
                raise LabError(f'APPEND: {why}')

    def crash(self):
        """Ends it and all its processes at once, with no time to put anything in order."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while answers(('127.0.0.1', self.imap_port)):
            pass  # its children have not quite gone yet

    def accepts(self, address, password):
        """Whether a login is let in."""
        with imaplib.IMAP4('127.0.0.1', self.imap_port, timeout=STOP_SECONDS) as imap:
            try:
                imap.login(address, password)
                return True
            except imaplib.IMAP4.error:
                return False


class Dovecot(MailServer):
    """Debian's Dovecot: IMAP with and without TLS, and LMTP, on ports of 127.0.0.1.

    Every account is a file in `users`; mail lies in Maildirs below the folder. Files belong to the
    user who runs Dovecot's processes for mail: nobody else's when it is not started as root.
    """

    name = 'dovecot'

    def __init__(self, folder, certificate, settings='', stays=False):
        super().__init__(folder, stays)
        self.certificate, self.settings = certificate, settings
        self.imap_port, self.imaps_port, self.lmtp_port = free_port(), free_port(), free_port()
        self.users, self.raw = self.folder / 'dovecot-users', self.folder / 'dovecot-raw'
        self.conf = self.folder / 'dovecot.conf'
        # Its sockets' paths have to be short.
        self.run = Path(tempfile.mkdtemp(prefix='dovecot-'))

    def command(self):
        self.users.mkdir(exist_ok=True)
        self.uid, self.gid, foreign = self.mail_user('dovenull')
        name = pwd.getpwuid(self.uid).pw_name
        names = '' if foreign else f'default_login_user = {name}\ndefault_internal_user = {name}\n'
        mail = self.folder / 'dovecot-mail'
        mail.mkdir(exist_ok=True)
        os.chown(mail, self.uid, self.gid)
        self.conf.write_text(names + self.configuration())
        return [shutil.which('dovecot', path=os.environ['PATH'] + ':/usr/sbin:/sbin'), '-F', '-c',
                str(self.conf)]

    def configuration(self):
        listeners = ''.join(
            f'service {service} {{\n\tchroot =\n{extra}{inets}}}\n' for service, extra, inets in (
                ('imap-login', '\tservice_count = 0\n\tprocess_min_avail = 1\n\tclient_limit = 4000\n',
                 self.listener('imap', self.imap_port) + self.listener('imaps', self.imaps_port, 'ssl = yes')),
                ('lmtp', '\tprocess_min_avail = 1\n', self.listener('lmtp', self.lmtp_port))))
        return f'''base_dir = {self.run}
state_dir = {self.run}
instance_name = easel-lab
log_path = {self.log_path}
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.certificate.with_suffix('.pem')}
ssl_key = <{self.certificate.with_suffix('.key')}
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
auth_master_user_separator = *
login_trusted_networks = 127.0.0.0/8
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 50
namespace inbox {{
	inbox = yes
	separator = /
	mailbox Drafts {{
		special_use = \\Drafts
		auto = subscribe
	}}
	mailbox Sent {{
		special_use = \\Sent
		auto = subscribe
	}}
	mailbox Trash {{
		special_use = \\Trash
		auto = subscribe
	}}
	mailbox Junk {{
		special_use = \\Junk
		auto = subscribe
	}}
}}
passdb {{
	driver = passwd-file
	args = {self.users}/%u
}}
protocol imap {{
	rawlog_dir = {self.raw}/%u
}}
userdb {{
	driver = static
	args = uid={self.uid} gid={self.gid} home={self.folder}/dovecot-mail/%u
}}
default_process_limit = 2000
default_client_limit = 8000
service stats {{
	process_limit = 1
}}
{listeners}{self.settings}
'''

    @staticmethod
    def listener(name, port, more=''):
        return (f'\tinet_listener {name} {{\n\t\taddress = 127.0.0.1\n\t\tport = {port}\n'
                f'\t\t{more}\n\t}}\n')

    def ready(self):
        return all(answers(('127.0.0.1', port))
                   for port in (self.imap_port, self.imaps_port, self.lmtp_port))

    def account(self, address, password):
        """Adds a user, or gives him another password."""
        # A file for each, since Dovecot looks at one that it knows only once a second; and each
        # version of it is of another second.
        path = self.users / address
        later = path.stat().st_mtime + 10 if path.exists() else None
        path.write_text(f'{address}:{{PLAIN}}{password}\n')
        if later:
            os.utime(path, (later, later))
            while not self.accepts(address, password):
                pass  # it answers a wrong password after two seconds

    def listen_in(self, address):
        """From now on commands() tells what is asked on connections of the user."""
        self.raw.mkdir(exist_ok=True)
        folder = self.raw / address
        folder.mkdir()
        os.chown(folder, self.uid, self.gid)

    def commands(self, address):
        """The commands of each connection since listen_in(), without the logins."""
        return [[line.split(' ', 2)[2] for line in path.read_text(errors='replace').splitlines()
                 if re.match(r'\d+\.\d+ [ew]\d+ ', line)]
                for path in sorted((self.raw / address).glob('*.in'))]


class Cyrus(MailServer):
    """Debian's Cyrus, unpacked by test/cyrus.sh: IMAP and LMTP on ports of 127.0.0.1.

    Passwords are in a sasldb; an account's folders come to be with its first login.
    """

    UNPACKED = ROOT / 'build' / 'cyrus'

    name = 'cyrus'

    def __init__(self, folder):
        super().__init__(folder)
        self.imap_port, self.lmtp_port = free_port(), free_port()
        self.home = self.folder / 'cyrus'
        self.run = Path(tempfile.mkdtemp(prefix='cyrus-'))  # sockets' paths have to be short

    @classmethod
    def why_not(cls):
        """Why it can't be run here; None: it can."""
        done = subprocess.run([str(ROOT / 'test' / 'cyrus.sh'), str(cls.UNPACKED)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return None if done.returncode == 0 else done.stdout.strip() or 'test/cyrus.sh failed'

    def program(self, name):
        return str(self.UNPACKED / name)

    def environment(self):
        libraries = ':'.join(map(str, self.UNPACKED.glob('usr/lib/*-linux-gnu*')))
        return {'LD_LIBRARY_PATH': libraries, 'CYRUS_USER': self.user}

    def command(self):
        uid, gid, _ = self.mail_user('dovenull')
        self.user = pwd.getpwuid(uid).pw_name
        for folder in (self.home, self.run, *(self.home / name for name in (
                'mail', 'sieve', 'var', *(f'var/{name}' for name in (
                    'db', 'lock', 'log', 'msg', 'proc', 'ptclient', 'quota', 'socket', 'user'))))):
            folder.mkdir(exist_ok=True)
            os.chown(folder, uid, gid)
        (self.home / 'imapd.conf').write_text(self.configuration())
        (self.home / 'cyrus.conf').write_text(self.services())
        variables = [f'{name}={value}' for name, value in self.environment().items()]
        return self.as_user(self.user, [
            'env', *variables, self.program('usr/lib/cyrus/bin/master'),
            '-C', str(self.home / 'imapd.conf'), '-M', str(self.home / 'cyrus.conf'),
            '-p', str(self.run / 'pid')])

    def services(self):
        bin_folder, conf = self.program('usr/lib/cyrus/bin'), self.home / 'imapd.conf'
        return f'''START {{
	recover cmd="{bin_folder}/ctl_cyrusdb -C {conf} -r"
	idled cmd="{bin_folder}/idled -C {conf}"
}}
SERVICES {{
	imap cmd="{bin_folder}/imapd -C {conf} -U 100" listen="127.0.0.1:{self.imap_port}" prefork=2
	lmtp cmd="{bin_folder}/lmtpd -a -C {conf}" listen="127.0.0.1:{self.lmtp_port}" prefork=0
}}
EVENTS {{
}}
'''

    def configuration(self):
        return f'''configdirectory: {self.home}/var
partition-default: {self.home}/mail
defaultpartition: default
sievedir: {self.home}/sieve
idlesocket: {self.run}/idle
lmtpsocket: {self.run}/lmtp
notifysocket: {self.run}/notify
cyrus_user: {self.user}
admins: admin
sendmail: /bin/true
postmaster: root
allowplaintext: 1
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {self.home}/sasldb
virtdomains: userid
unixhierarchysep: 1
altnamespace: 1
autocreate_quota: 0
autocreate_post: 1
autocreate_inbox_folders: Drafts|Sent|Trash|Junk
autocreate_subscribe_folders: Drafts|Sent|Trash|Junk
xlist-drafts: Drafts
xlist-sent: Sent
xlist-trash: Trash
xlist-junk: Junk
delete_mode: immediate
expunge_mode: immediate
syslog_prefix: easel-lab
'''

    def ready(self):
        return all(answers(('127.0.0.1', port)) for port in (self.imap_port, self.lmtp_port))

    def account(self, address, password):
        """Adds a user, or gives him another password."""
        user, _, domain = address.partition('@')
        subprocess.run([self.program('usr/sbin/saslpasswd2'), '-p', '-c', '-f',
                        str(self.home / 'sasldb'), '-u', domain, user], input=password.encode(),
                       check=True, env=self.environment())
        os.chmod(self.home / 'sasldb', 0o644)


class Apache(Server):
    """Apache with the repository's example as its site: only values are put in place."""

    name = 'apache'
    death_signal = signal.SIGTERM  # its children would outlive a killed parent
    MODULES = ('mpm_event', 'authn_core', 'authz_core', 'alias', 'socache_shmcb', 'ssl', 'proxy',
               'proxy_fcgi', 'proxy_balancer', 'lbmethod_byrequests', 'slotmem_shm', 'headers',
               'setenvif')
    SOCKET = 'unix:/run/easel/easel.sock|fcgi://easel/'

    def __init__(self, folder, port, http_port, upstreams, certificate):
        super().__init__(folder)
        self.port, self.http_port, self.upstreams = port, http_port, upstreams
        self.certificate = certificate
        self.conf = self.folder / 'apache.conf'

    @staticmethod
    def program():
        return shutil.which('apache2', path=os.environ['PATH'] + ':/usr/sbin:/sbin')

    def command(self):
        self.conf.write_text(self.main_conf() + self.site())
        return [self.program(), '-DFOREGROUND', '-f', str(self.conf)]

    def main_conf(self):
        user = 'User www-data\nGroup www-data\n' if os.geteuid() == 0 else ''
        modules = '\n'.join(f'LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so'
                            for name in self.MODULES)
        return (f'ServerRoot {self.folder}\nServerName localhost\n{user}'
                f'PidFile {self.folder}/apache.pid\nErrorLog {self.log_path}\n'
                f'Mutex file:{self.folder} default\nDefaultRuntimeDir {self.folder}\n'
                f'Listen 127.0.0.1:{self.port}\nListen 127.0.0.1:{self.http_port}\n{modules}\n')

    def site(self):
        """The example, with this lab's values."""
        text = (ROOT / 'apache-example.conf').read_text()
        text = self.with_workers(text)
        text = put(text, '*:443', f'127.0.0.1:{self.port}')
        text = put(text, '*:80', f'127.0.0.1:{self.http_port}')
        text = put(text, '/etc/letsencrypt/live/mail.example.org/fullchain.pem',
                   str(self.certificate.with_suffix('.pem')))
        return put(text, '/etc/letsencrypt/live/mail.example.org/privkey.pem',
                   str(self.certificate.with_suffix('.key')))

    def with_workers(self, text):
        """One worker as the example has it, several as its comment says."""
        names = [f'{upstream}|fcgi://easel-{n}/' if upstream.startswith('unix:') else f'fcgi://{upstream}'
                 for n, upstream in enumerate(self.upstreams, 1)]
        if len(names) == 1:
            return put(text, self.SOCKET, names[0])
        _, comment, rest = text.partition('#     <Proxy "balancer://easel">\n')
        member = re.match(r'#\s+BalancerMember "[^"]+" (.*)\n', rest)[1]
        of_all = re.search(r'^#\s+(ProxySet .*)$', rest, re.M)
        proxy = re.search(r'^<Proxy "unix:.*?^</Proxy>$', text, re.M | re.S)
        if not comment or not proxy or not of_all:
            raise LabError('the example for Apache says nothing of several workers')
        members = '\n'.join(f'\tBalancerMember "{name.rstrip("/")}" {member}' for name in names)
        text = text.replace(proxy[0], f'<Proxy "balancer://easel">\n{members}\n\t{of_all[1]}\n</Proxy>')
        return put(text, f'proxy:{self.SOCKET}', 'proxy:balancer://easel')

    def ready(self):
        return (self.folder / 'apache.pid').exists() and answers(('127.0.0.1', self.port))


def put(text, old, new):
    """Replaces a value of an example; a value that is not there means that the example changed."""
    if old not in text:
        raise LabError(f'the example configuration has no "{old}"')
    return text.replace(old, new)


def make_certificate(path, names=('localhost',)):
    """A self-signed certificate for the names and 127.0.0.1: path.pem and path.key."""
    if path.with_suffix('.pem').exists():
        return path
    alternatives = ','.join([f'DNS:{name}' for name in names] + ['IP:127.0.0.1'])
    done = subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
         '-nodes', '-days', '3650', '-subj', f'/CN={names[0]}', '-addext',
         f'subjectAltName={alternatives}', '-keyout', str(path.with_suffix('.key')),
         '-out', str(path.with_suffix('.pem'))],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f'openssl failed:\n{done.stdout}')
    return path


def program(build, name, *arguments, text=None):
    """Runs one of Easel's programs; returns what it prints. Raises with what it complains."""
    done = subprocess.run([str(build / name), *arguments], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise LabError(f'{name} ended with {done.returncode}: {done.stderr.decode()}')
    return done.stdout.decode()


def pid_in(path, marker):
    """The process of a pid file, if it still runs and is the one meant (its command says marker)."""
    try:
        pid = int(re.match(r'\d+', path.read_text())[0])
        command = Path(f'/proc/{pid}/cmdline').read_bytes()
    except (OSError, TypeError):
        return None
    return pid if os.fsencode(str(marker)) in command else None
