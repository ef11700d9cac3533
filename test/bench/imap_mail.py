"""Mail on an IMAP server, for `make bench`: Debian's Dovecot on this machine, without TLS."""

import os
import re
import smtplib
import statistics
import time
from pathlib import Path

from machine import pss
from sample_mail import SampleMail, short_message

DOMAIN, FULL = 'imap.test', f'mailbox@imap.test'
SETTINGS = 'mail_max_userip_connections = 5000\n'
INOTIFY = Path('/proc/sys/fs/inotify')


def put_mail(lab, address, messages):
    """Puts messages into an inbox as files, as fast as that goes."""
    dovecot = lab.dovecot
    box = lab.folder / 'dovecot-mail' / address / 'Maildir'
    for folder in (box.parent, box, *(box / name for name in ('cur', 'new', 'tmp'))):
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, dovecot.uid, dovecot.gid)
    for number, message in enumerate(messages):
        path = box / 'cur' / f'{1790000000 + number}.M{number}.lab:2,'
        path.write_bytes(message)
        os.utime(path, (1790000000 + number,) * 2)
        os.chown(path, dovecot.uid, dovecot.gid)


def logins(lab):
    return len(re.findall(r'imap-login: Info: Login:', lab.dovecot.log_path.read_text()))


def measure(bench, password, html, plain):
    lab, size = bench.lab, bench.size
    lab.use_dovecot(SETTINGS, DOMAIN)
    fill(bench, password, html, plain)


def fill(bench, password, html, plain):
    """The first sync of a large inbox, as the index is made and when it is there."""
    lab, count = bench.lab, bench.size['messages']
    sample = SampleMail()
    lab.dovecot.account(FULL, password)
    put_mail(lab, FULL, map(sample.message, range(1, count + 1)))
    for key, name, wishes in (('html', 'HTML, 32768', html), ('plain', 'plain text, 500', plain)):
        before, meter = logins(lab), bench.cpu_meter(dovecot=lab.dovecot.process.pid)
        with lab.phones('fill', user=FULL, **wishes) as run:
            got = run.result()
        if got['items'] != count:
            raise RuntimeError(f'the first sync brought {got["items"]} items')
        cpu = meter.read()
        bench.table.add(f'imap_fill_{key}', f'first sync of {count:,} messages from Dovecot, {name}',
                        got['per_second'], 'items/s', f'{got["seconds"]:.2f} s, logins '
                        f'{logins(lab) - before}; CPU s ' + ', '.join(
                            f'{who} {spent:.1f}' for who, spent in cpu.items()), floor=500)
