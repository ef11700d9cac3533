"""`make demo`: Easel on this machine, with sample mail, left running in the background.

    demo.py start [--mail PATH]    starts it, or starts it anew when it runs already
    demo.py stop                   ends it; the data under .demo/ stay

Environment: DEMO_HTTPS_PORT and DEMO_PG_PORT for the ports, DEMO_LISTEN for the address that nginx
listens on (127.0.0.1 unless said otherwise, since the passwords are known), MAIL for your own mail.
"""

import argparse
import json
import os
import select
import shlex
import signal
import smtplib
import sys
import time
from pathlib import Path

import servers
from servers import (Background, Dovecot, LabError, Nginx, Postgres, Worker, free_port, pid_in,
                     port_is_free, program)

sys.path.insert(0, str(servers.ROOT / 'test' / 'wire'))
import phone as wire  # noqa: E402  (found only after the line above)

DEMO = servers.ROOT / '.demo'
BUILD = servers.ROOT / 'build'
SAMPLES = servers.ROOT / 'test' / 'data' / 'mail'
PORTS = {'DEMO_HTTPS_PORT': 48443, 'DEMO_PG_PORT': 45432}
BACKEND = os.environ.get('BACKEND', 'pg')
IMAP = BACKEND == 'imap'
DOMAIN = 'imap.test' if IMAP else 'example.test'
ANNA, BEN = f'anna@{DOMAIN}', f'ben@{DOMAIN}'
ACCOUNTS = {ANNA: 'Anna Example', BEN: 'Ben Example'}
PASSWORD = 'demo'
HELLO = (b'From: Ben Example <ben@example.test>\nTo: Anna Example <anna@example.test>\n'
         b'Subject: A message while the phone waits\nMIME-Version: 1.0\n'
         b'Content-Type: text/plain; charset=utf-8\n\nThis woke the phone.\n')


class Demo:
    """What there is under .demo/: servers, and notes on what was done."""

    def __init__(self):
        self.notes_path = DEMO / 'notes.json'
        self.notes = {'ports': {}, 'imported': []}
        if self.notes_path.exists():
            self.notes.update(json.loads(self.notes_path.read_text()))

    def save(self):
        self.notes_path.write_text(json.dumps(self.notes, indent=1) + '\n')

    def port(self, variable):
        """The port asked for, the one used before, the usual one, or a free one."""
        asked = os.environ.get(variable)
        if asked:
            if not port_is_free(int(asked)):
                raise LabError(f'{variable}={asked}: the port is in use')
            return int(asked)
        known = self.notes['ports'].get(variable, PORTS[variable])
        return known if port_is_free(known) else free_port()

    # ---- Starting ----

    def start(self, mail):
        servers.raise_file_limit()
        DEMO.mkdir(exist_ok=True)
        stop()
        ports = self.notes['ports'] = {name: self.port(name) for name in PORTS}
        self.save()
        say(f'PostgreSQL on port {ports["DEMO_PG_PORT"]}')
        self.postgres = Postgres(DEMO / 'postgres', ports['DEMO_PG_PORT'], stays=True)
        self.postgres.check().start()
        self.postgres.create_database()
        self.run('easel-migrate')
        if IMAP:
            self.start_mail_server()
        self.create_accounts()
        self.import_mail(mail)
        say('an Easel worker')
        worker = Worker(DEMO, 0, BUILD, self.postgres.conninfo, stays=True)
        worker.start()
        self.start_nginx(worker, ports['DEMO_HTTPS_PORT'])
        self.write_env()
        self.round_trip()
        self.tell()

    def run(self, name, *arguments, text=None):
        return program(BUILD, name, '--database', self.postgres.conninfo, *arguments, text=text)

    def start_mail_server(self):
        """Dovecot, and a relay for what phones send."""
        say('Dovecot and a relay')
        self.dovecot = Dovecot(DEMO, servers.make_certificate(DEMO / 'certificate'), stays=True)
        self.dovecot.start()
        relay = free_port()
        if not self.postgres.psql("SELECT 1 FROM easel.domain WHERE name = :'d'", d=DOMAIN):
            self.postgres.psql("SELECT easel.domain_create(:'d')", d=DOMAIN)
        self.postgres.psql(
            "UPDATE easel.domain SET backend = 'imap', imap_host = '127.0.0.1',"
            " imap_port = :'port', imap_ca = :'ca', smtp_url = :'url', smtp_tls = 'none'"
            " WHERE name = :'d'", d=DOMAIN, port=self.dovecot.imaps_port,
            ca=(DEMO / 'certificate.pem').read_text(), url=f'smtp://127.0.0.1:{relay}')
        for address in ACCOUNTS:
            self.dovecot.account(address, PASSWORD)
        here = Path(__file__).resolve().parent
        Background('relay', DEMO, [sys.executable, str(here / 'relay.py'), str(relay),
                                   str(self.dovecot.lmtp_port), str(DEMO)]).start()

    def create_accounts(self):
        if IMAP:
            return  # the first login makes them
        if not self.postgres.psql("SELECT 1 FROM easel.domain WHERE name = 'example.test'"):
            self.postgres.psql("SELECT easel.domain_create('example.test')")
        for address, name in ACCOUNTS.items():
            if self.postgres.psql("SELECT 1 FROM easel.account WHERE address = :'a'", a=address):
                continue
            say(f'the account {address}')
            hashed = program(BUILD, 'easel-passwd', text=PASSWORD.encode()).strip()
            self.postgres.psql("SELECT easel.account_create(:'a', :'h', :'n')",
                               a=address, h=hashed, n=name)

    def import_mail(self, mail):
        """Imports the samples, or the mail asked for, once for each path."""
        path = str(Path(mail or SAMPLES).resolve())
        known = f'{BACKEND} {path}' if IMAP else path
        if known in self.notes['imported']:
            return
        say(f'mail from {path}')
        if IMAP:
            for message in sorted(Path(path).glob('*.eml')):
                self.dovecot.append(ANNA, PASSWORD, message.read_bytes().replace(b'\n', b'\r\n'))
        else:
            self.run('easel-deliver', '--import', path, ANNA)
        self.notes['imported'].append(known)
        self.save()

    def start_nginx(self, worker, port):
        say(f'nginx on port {port}')
        certificate = servers.make_certificate(DEMO / 'certificate')
        address = os.environ.get('DEMO_LISTEN', '127.0.0.1') + ':'
        Nginx(DEMO, port, free_port(), [worker.upstream()], certificate, address,
              stays=True).start()
        self.url = f'https://127.0.0.1:{port}'

    def write_env(self):
        values = {'EASEL_URL': self.url, 'PGHOST': '127.0.0.1', 'PGPORT': self.postgres.port,
                  'PGDATABASE': self.postgres.database, 'PGUSER': 'easel'}
        lines = [f'{name}={shlex.quote(str(value))}' for name, value in values.items()]
        (DEMO / 'env').write_text('\n'.join(lines) + f'\nexport {" ".join(values)}\n')

    # ---- Showing that it works ----

    def round_trip(self):
        """What a phone does: finds its folders and its mail, waits, and is told of a message."""
        say(f'a phone of {ANNA}, through nginx:')
        phone = wire.Phone(self.url, ANNA, PASSWORD, device_id='EASELDEMOPHONE')
        began = time.monotonic()
        versions, _ = phone.options()
        phone.start()
        wishes = wire.options(wire.body(wire.HTML, 32768))
        items = phone.sync_all(phone.inbox, window=100, options=wishes)
        say(f'  versions {versions[0]} to {versions[-1]}; {len(phone.folders)} folders; '
            f'{len(items)} messages in {since(began)} ms')
        ping = phone.ping([phone.inbox], 300)
        began = time.monotonic()
        if IMAP:
            with smtplib.LMTP('127.0.0.1', self.dovecot.lmtp_port) as lmtp:
                lmtp.sendmail('ben@example.test', [ANNA], HELLO)
        else:
            self.run('easel-deliver', ANNA, text=HELLO)
        answer = ping.answer()
        if answer.status != '2':
            raise LabError(f'the waiting phone was not told of a new message: {answer}')
        say(f'  a message was delivered, and the waiting phone knew after {since(began)} ms')
        self.sync_hello(phone, wishes)
        phone.close()

    @staticmethod
    def sync_hello(phone, wishes):
        """The phone fetches the new message and deletes it, so that the demo can run again."""
        before = set(phone.items[phone.inbox])
        new = set(phone.sync_all(phone.inbox, options=wishes)) - before
        if len(new) != 1:
            raise LabError(f'the phone got {len(new)} new messages instead of one')
        item = new.pop()
        say(f'  it reads "{phone.items[phone.inbox][item].get("Email:Subject")}" and deletes it')
        phone.sync(phone.inbox, moves=0, commands=[wire.delete(item)])

    def how_to_deliver(self):
        if IMAP:
            return f'LMTP on port {self.dovecot.lmtp_port}, IMAP on port {self.dovecot.imap_port}'
        return '. .demo/env; build/easel-deliver ben@example.test < message'

    def how_to_import(self):
        if IMAP:
            return 'make demo BACKEND=imap MAIL=path    (a folder of .eml; goes to anna)'
        return 'make demo MAIL=path        (mbox, Maildir or a folder of .eml; goes to anna)'

    def tell(self):
        port = self.notes['ports']['DEMO_HTTPS_PORT']
        print(f'''
Easel runs at {self.url}/Microsoft-Server-ActiveSync (certificate signed by itself).

  Accounts      {ANNA} and {BEN}, password {PASSWORD}
  A phone       type Exchange, server 127.0.0.1:{port}; to reach it from another device
                start it with DEMO_LISTEN=0.0.0.0 make demo
  New mail      {self.how_to_deliver()}
  Your mail     {self.how_to_import()}
  The database  . .demo/env; psql -c 'SELECT device_id, type, last_seen FROM easel.device'
  Logs          .demo/easel-0.log, .demo/nginx.log, .demo/access.log
  Values for scripts are in .demo/env.

  make demo-stop ends it. The data stay in .demo/; removing that folder then forgets them.''')


def say(text):
    print(text, flush=True)


def since(began):
    return round(1000 * (time.monotonic() - began))


# ---- Stopping ----

def running():
    """The demo's processes that run: (name, pid, signal for a clean stop)."""
    candidates = (('nginx', DEMO / 'nginx.pid', signal.SIGTERM),
                  ('easel', DEMO / 'easel-0.pid', signal.SIGTERM),
                  ('relay', DEMO / 'relay.pid', signal.SIGTERM),
                  ('Dovecot', DEMO / 'dovecot.pid', signal.SIGTERM),
                  ('PostgreSQL', DEMO / 'postgres' / 'data' / 'postmaster.pid', signal.SIGINT))
    for name, path, how in candidates:
        pid = pid_in(path, DEMO)
        if pid is not None:
            yield name, pid, how


def stop():
    """Ends what runs, the web server first. Returns the names of what did."""
    ended = []
    for name, pid, how in list(running()):
        handle = os.pidfd_open(pid)
        signal.pidfd_send_signal(handle, how)
        if not select.select([handle], [], [], servers.STOP_SECONDS)[0]:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [])
        os.close(handle)
        ended.append(name)
    return ended


def wanted_mail(argument):
    """--mail, or MAIL unless it is the mailbox that login shells put there for everybody."""
    mail = argument or os.environ.get('MAIL', '')
    if not argument and mail.startswith(('/var/mail/', '/var/spool/mail/')):
        return None
    return mail or None


def main():
    parser = argparse.ArgumentParser(description='Runs Easel with sample data under .demo/.')
    parser.add_argument('what', choices=('start', 'stop'))
    parser.add_argument('--mail', metavar='PATH', help='mail to import instead of the samples')
    arguments = parser.parse_args()
    if arguments.what == 'stop':
        print('Ended: ' + (', '.join(stop()) or 'nothing was running'))
        return 0
    try:
        Demo().start(wanted_mail(arguments.mail))
    except (LabError, wire.WireError, OSError) as error:
        stop()
        print(f'The demo could not be started: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
