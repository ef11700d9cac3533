"""Mail on an IMAP server, for `make bench`: Debian's Dovecot on this machine, without TLS."""

import os
import re
import shutil
import smtplib
import statistics
import time
from pathlib import Path

from machine import pss
from sample_mail import SampleMail, short_message
from servers import ROOT

DOMAIN, FULL = 'imap.test', f'mailbox@imap.test'
SETTINGS = 'mail_max_userip_connections = 5000\n'
INOTIFY = Path('/proc/sys/fs/inotify/max_user_instances')
USERS = f'mail{{}}@{DOMAIN}'
SIEVE = '''protocol lmtp {{
	mail_plugins = sieve
}}
plugin {{
	sieve_plugins = sieve_extprograms
	sieve_global_extensions = +vnd.dovecot.execute
	sieve_execute_bin_dir = {programs}
	sieve_before = {script}
}}
'''


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
    lab.use_dovecot(SETTINGS + sieve(lab), DOMAIN)
    fill(bench, password, html, plain)
    make_accounts(lab, password, bench.size['mailboxes'])
    parked(bench)
    for watch, what in (('notify', 'NOTIFY; Dovecot waits 500 ms to tell of it'),
                        ('told', 'easel-notify, run by Sieve')):
        lab.sql("UPDATE easel.domain SET imap_watch = :'watch' WHERE name = :'domain'", watch=watch,
                domain=DOMAIN)
        wake(bench, watch, what)


def sieve(lab):
    """The example of README.md, with this lab's paths."""
    text = (ROOT / 'README.md').read_text()
    script = re.search(r'# /etc/dovecot/easel.sieve\n(.*?)\n\n', text, re.S)[1]
    folder = lab.folder / 'sieve'
    folder.mkdir()
    shutil.copy(lab.build / 'easel-notify', folder)
    path = folder / 'easel.sieve'
    path.write_text(script.replace('dbname=easel', lab.postgres.conninfo))
    folder.chmod(0o777)  # the mail user's processes compile it
    return SIEVE.format(programs=folder, script=path)


def make_accounts(lab, password, count):
    for number in range(count):
        lab.dovecot.account(USERS.format(number), password)
        put_mail(lab, USERS.format(number), [short_message(number)])


def parked(bench):
    """What a waiting account costs in the worker: its phone, and its connection with NOTIFY."""
    lab, count = bench.lab, bench.size['mailboxes']
    lab.make_accounts(8)  # that warm the worker up
    lab.fresh_workers()
    bench.warm_up()
    before, first = pss(lab.workers[0].process.pid), logins(lab)
    with lab.phones('park', user=USERS, phones=count, accounts=count, limit=600) as run:
        run.event('parked')
        watching = settled(lambda: connections(lab))
        each = (pss(lab.workers[0].process.pid) - before) / count / 1024
    bench.table.add('imap_park', f'worker memory of each of {count} parked accounts on Dovecot', each,
                    'KiB', f'{watching} connections with NOTIFY, logins {logins(lab) - first}; inotify '
                    f'instances of a user at most {INOTIFY.read_text().strip()}', most=40)


def connections(lab):
    """Connections to the IMAP server that are open."""
    port = f':{lab.dovecot.imap_port:04X}'
    lines = Path('/proc/net/tcp').read_text().splitlines()
    return sum(line.split()[2].endswith(port) and line.split()[3] == '01' for line in lines)


def settled(figure):
    """The figure, once it has been the same for two seconds."""
    last, same = None, 0
    while same < 20:
        now = figure()
        last, same = now, same + 1 if now == last else 0
        time.sleep(0.1)
    return last


def wake(bench, key, what):
    """From the delivery over LMTP until the waiting phone has its answer."""
    lab, rounds, took = bench.lab, bench.size['lmtp'], []
    lab.fresh_workers()
    with lab.phones('wake', user=USERS, phones=10, accounts=10, settle=50, rounds=rounds) as run, \
            smtplib.LMTP('127.0.0.1', lab.dovecot.lmtp_port) as lmtp:
        for number in range(rounds):
            run.event('parked')
            if number == 0:
                settled(lambda: connections(lab))
            began = time.monotonic_ns()
            lmtp.sendmail('ben@example.org', [USERS.format(number % 10)], short_message(number))
            took.append((run.event('woken')['at'] - began) / 1e6)
        run.result()
    bench.table.add(f'imap_wake_{key}', f'LMTP delivery to the answer, median, {key}',
                    statistics.median(took), 'ms', what, most=100 if key == 'told' else None)


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
