"""`make bench`: what the server costs, each figure beside its yardstick from the same run.

    run.py [--quick] [--only PART …] [--soak SECONDS]

Starts PostgreSQL, a worker and nginx in a lab of their own, measures with test/bench/phones.c, and
prints a table; build/bench.json holds the same figures for programs. --quick is a small version
that only shows that everything works. --soak says how long phones come, go and break off (600 for
the full soak). It ends with 1 when something did not work, not when it is slow.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench_lab import DELIVER, DOMAIN, PASSWORD, BenchLab, LabError, TOUCH_ALL, servers
import folder_size
import folder_tree
import imap_mail
import mail_search
import address_list
from machine import CpuMeter, pss
from sample_mail import SampleMail, short_message

FULL = {'seconds': 4, 'messages': 5000, 'parked': (1000, 8000), 'accounts': 1000, 'rounds': 3,
        'folders': (1000, 100000), 'tree': 1000, 'people': 50000, 'searched': 100000, 'typed': 100, 'waiting': 200, 'deliveries': 50, 'two': 16000, 'stream': 10, 'rate': 50, 'soak': 60, 'soaked': 2000,
        'mailboxes': 200, 'lmtp': 20}
QUICK = {'seconds': 1, 'messages': 100, 'parked': (50,), 'accounts': 20, 'rounds': 1,
         'folders': (100, 1000), 'tree': 30, 'people': 300, 'searched': 500, 'typed': 3, 'waiting': 20, 'deliveries': 5, 'two': 40, 'stream': 1, 'rate': 5, 'soak': 2, 'soaked': 40,
         'mailboxes': 10, 'lmtp': 3}
CONNECTIONS = 8
SPARE, HANG_UP_MOST = 20, 60  # descriptors that come and go; seconds
MAILBOX = f'mailbox@{DOMAIN}'
HTML, PLAIN = {'type': 2, 'size': 32768}, {'type': 1, 'size': 500}


class Table:
    """The figures: what was measured, what stands beside it, and what was asked for."""

    def __init__(self):
        self.rows = []

    def add(self, key, name, value, unit, beside='', floor=None, most=None):
        """floor: the value should be that or more; most: that or less."""
        good = None if floor is None and most is None else \
            (floor is None or value >= floor) and (most is None or value <= most)
        asked = '' if good is None else f'>= {floor:,}' if most is None else f'<= {most:,}'
        self.rows.append({'key': key, 'name': name, 'value': round(value, 3), 'unit': unit,
                          'beside': beside, 'asked': asked, 'good': good})
        print(self.line(self.rows[-1]), flush=True)

    @staticmethod
    def line(row):
        value = row['value']
        shown = f'{value:,.0f}' if abs(value) >= 1000 else f'{value:,.3g}'
        verdict = {None: '', True: ' ok', False: ' MISSED'}[row['good']]
        return (f'{row["name"]:<52} {shown:>9} {row["unit"]:<9} {row["asked"] + verdict:<18} '
                f'{row["beside"]}').rstrip()

    @staticmethod
    def heading():
        return f'{"":<52} {"measured":>9} {"":<9} {"asked":<18} beside it'


class Bench:
    """The parts of the bench, in a lab that they share."""

    def __init__(self, lab, size, table):
        self.lab, self.size, self.table = lab, size, table
        self.bare = {}

    def cpu_meter(self, **more):
        lab = self.lab
        return CpuMeter(worker=lab.workers[0].process.pid, postgres=lab.postgres.process.pid,
                        nginx=lab.nginx.process.pid, **more)

    def workers_cpu(self):
        return CpuMeter(**{worker.name: worker.process.pid for worker in self.lab.workers})

    # ---- The yardsticks ----

    def yardsticks(self):
        """The bare FastCGI program and the bare query, which the other figures stand beside."""
        query = subprocess.run(
            [str(self.lab.build / 'bench' / 'query'), self.lab.postgres.conninfo,
             str(CONNECTIONS), str(self.size['seconds'])], stdout=subprocess.PIPE, check=True)
        self.bare['query'] = json.loads(query.stdout)['per_second']
        self.table.add('query', f'SELECT 1, {CONNECTIONS} connections', self.bare['query'], '/s')
        for phones in (CONNECTIONS, 1):
            with self.lab.hello_phones(phones=phones, seconds=self.size['seconds']) as run:
                self.bare[phones] = run.result()
            self.table.add(f'hello_{phones}', f'hello through nginx, {connections(phones)}',
                           self.bare[phones]['per_second'], '/s', latency(self.bare[phones]))

    # ---- Sync that finds nothing ----

    def nochange(self):
        """In turn with hello, pair by pair, since whatever else runs disturbs both alike."""
        self.lab.make_accounts(CONNECTIONS)
        pairs = [self.pair() for _ in range(self.size['rounds'])]
        hello, sync = ([pair[n] for pair in pairs] for n in (0, 1))
        middle = sorted(sync, key=lambda got: got['per_second'])[len(sync) // 2]
        name = f'Sync without changes, {connections(CONNECTIONS)}'
        self.table.add('nochange_8', name, middle['per_second'], '/s', latency(middle))
        ratios = [100 * b['per_second'] / a['per_second'] for a, b in pairs]
        self.table.add('nochange_of_hello', '  of the bare hello, median of pairs',
                       statistics.median(ratios), '%',
                       'hello ' + ', '.join(f'{got["per_second"]:,.0f}' for got in hello) + ' /s',
                       floor=40)
        self.tell_cpu(hello, sync)
        with self.lab.phones('nochange', seconds=self.size['seconds']) as run:
            self.tell_nochange(run.result(), 'nochange_1', '')

    def pair(self):
        """hello, then Sync; each with the CPU microseconds of a request by who spends them."""
        runs = []
        for mode in ('hello', 'sync'):
            meter = self.cpu_meter(hello=self.lab.hello.process.pid)
            options = {'phones': CONNECTIONS, 'seconds': self.size['seconds']}
            with self.lab.hello_phones(**options) if mode == 'hello' else \
                    self.lab.phones('nochange', accounts=CONNECTIONS, **options) as run:
                got = run.result()
            check_quiet(got)
            spent = {**meter.read(), 'client': got['cpu']}
            got['us'] = {who: 1e6 * seconds / got['answers'] for who, seconds in spent.items()}
            runs.append(got)
        return runs

    def tell_cpu(self, hello, sync):
        """CPU time is hardly disturbed by what else runs: the ratio of a quiet machine."""
        bare, full = ({who: statistics.median(got['us'][who] for got in runs)
                       for who in runs[0]['us']} for runs in (hello, sync))
        parts = ', '.join(f'{who} {us:.0f}' for who, us in full.items() if who != 'hello')
        self.table.add('nochange_cpu', '  CPU of each request', sum(full.values()), 'us', parts)
        self.table.add('nochange_cpu_of_hello', '  the same ratio by CPU time',
                       100 * sum(bare.values()) / sum(full.values()), '%',
                       f'hello {sum(bare.values()):.0f} us')

    def tell_nochange(self, got, key, what):
        check_quiet(got)
        self.table.add(key, f'Sync without changes{what}, one connection', got['ms']['p50'], 'ms',
                       f'median; p99 {got["ms"]["p99"]:.2f} ms; '
                       f'hello {self.bare[1]["ms"]["p50"]:.2f} ms')

    # ---- The first sync of a large inbox ----

    def fill(self):
        self.import_mailbox()
        for name, wishes in (('HTML, 32768', HTML), ('plain text, 500', PLAIN)):
            meter = self.cpu_meter()
            with self.lab.phones('fill', user=MAILBOX, **wishes) as run:
                got = run.result()
            if got['items'] != self.size['messages']:
                raise LabError(f'the first sync brought {got["items"]} items')
            self.tell_fill(name, got, {**meter.read(), 'client': round(got['cpu'], 2)})
        with self.lab.phones('nochange', user=MAILBOX, seconds=self.size['seconds'],
                             **PLAIN) as run:
            self.tell_nochange(run.result(), 'nochange_large',
                               f', {self.size["messages"]:,} items')

    def import_mailbox(self):
        folder, count = self.lab.folder / 'mail', self.size['messages']
        if self.lab.sql("SELECT 1 FROM easel.account WHERE address = :'a'", a=MAILBOX):
            return
        size = SampleMail().write(folder, count)
        self.lab.account(MAILBOX)
        began = time.monotonic()
        self.lab.import_mail(MAILBOX, folder)
        self.table.add('import', f'import of {count:,} messages by easel-deliver',
                       count / (time.monotonic() - began), 'items/s', f'{size / 1e6:,.0f} MB')
        self.lab.sql('ANALYZE')

    def tell_fill(self, name, got, cpu):
        key = name.partition(' ')[0].strip(',').lower()
        self.table.add(f'fill_{key}', f'first sync of {got["items"]:,} messages, {name}',
                       got['per_second'], 'items/s',
                       f'{got["seconds"]:.2f} s, {got["bytes"] / 1e6:,.1f} MB; '
                       f'{self.bare[1]["ms"]["p50"]:.2f} ms for a hello',
                       floor=2000)
        parts = ', '.join(f'{who} {seconds:.2f}' for who, seconds in cpu.items())
        self.table.add(f'fill_{key}_cpu', '  CPU seconds', sum(cpu.values()), 's', parts)

    # ---- Parked phones ----

    def park(self):
        self.lab.make_accounts(self.size['accounts'])
        for phones in self.size['parked']:
            self.lab.fresh_workers()
            self.warm_up()
            before, opened = self.memory(), descriptors(self.lab.workers[0])
            with self.lab.phones('park', phones=phones, accounts=self.size['accounts'],
                                 rounds=self.size['rounds'], limit=600) as run:
                self.park_run(run, phones, before)
            self.hang_up(phones, opened)

    def hang_up(self, phones, opened):
        """The program with all phones has just ended while they wait."""
        began = time.monotonic()
        while descriptors(self.lab.workers[0]) > opened + SPARE:
            if time.monotonic() - began > HANG_UP_MOST:
                raise LabError(f'{descriptors(self.lab.workers[0])} descriptors are still open')
            time.sleep(0.01)
        self.table.add(f'hang_up_{phones}', '  all hang up at once, until they are forgotten',
                       time.monotonic() - began, 's', most=2)

    def memory(self):
        return [sum(pss(worker.process.pid) for worker in self.lab.workers),
                pss(self.lab.nginx.process.pid)]

    def warm_up(self):
        """Every thread has served something, so that only the phones make a difference."""
        with self.lab.phones('nochange', phones=CONNECTIONS, accounts=CONNECTIONS,
                             seconds=1) as run:
            run.result()

    def park_run(self, run, phones, before):
        began = time.monotonic_ns()
        parked = run.event('parked')
        worker, nginx = ((after - was) / phones / 1024
                         for after, was in zip(self.memory(), before))
        self.table.add(f'park_{phones}', f'worker memory of each of {phones:,} parked phones',
                       worker, 'KiB', f'nginx {nginx:.1f} KiB; all parked '
                       f'{(parked["at"] - began) / 1e9:.1f} s after the first came', most=16)
        meter, wait = self.workers_cpu(), 5 * self.size['seconds']
        time.sleep(wait)
        self.table.add(f'idle_{phones}', '  CPU of all workers while all wait',
                       100 * sum(meter.read().values()) / wait, '%', most=1)
        woken, again, refused = self.wake_rounds(run)
        self.table.add(f'wake_all_{phones}', f'  one statement, until all {phones:,} are answered',
                       statistics.median(woken), 's', f'rounds {seconds(woken)}; hello at its rate '
                       f'{phones / self.bare[CONNECTIONS]["per_second"]:.2f} s',
                       most=max(2, phones / 4000))
        self.table.add(f'again_{phones}', '  and until all have synced and are parked again',
                       statistics.median(again), 's', f'rounds {seconds(again)}')
        self.table.add(f'refused_{phones}', '  answered with 503 meanwhile', refused, 'requests',
                       most=0)

    def wake_rounds(self, run):
        """Seconds from the statement to the last answer, and from then until all wait again.

        Also how many requests were refused; such phones come back as late as they were told.
        """
        woken, again = [], []
        for _ in range(self.size['rounds']):
            began = time.monotonic_ns()
            self.lab.sql(TOUCH_ALL)
            last = run.event('woken')['last']
            woken.append((last - began) / 1e9)
            synced = run.event('again')['at']
            # The last round is followed by the result, once all wait.
            if len(woken) < self.size['rounds']:
                at = run.event('parked')['at']
            else:
                result = run.result()
                at = result['parked_at']
            again.append((at - synced) / 1e9)
        return woken, again, result['refused']

    # ---- Two workers ----

    def two(self):
        """As many phones as two workers may hold; then mail for them, a worker killed, and a restart
        of PostgreSQL."""
        # The web server does not share them out quite evenly.
        with BenchLab(CONNECTIONS, fsync=self.lab.fsync, workers=2, max_parked=9000) as lab:
            bench = Bench(lab, self.size, self.table)
            bench.bare = self.bare
            lab.make_accounts(self.size['accounts'])
            bench.warm_up()
            before = bench.memory()
            with lab.phones('park', phones=self.size['two'], accounts=self.size['accounts'],
                            rounds=1, limit=900) as run:
                bench.size = {**self.size, 'rounds': 1}
                bench.park_run(run, self.size['two'], before)
            lab.fresh_workers()
            bench.stream()
            bench.restarts()

    def stream(self):
        """Mail at a steady rate; the writer is neither of the workers."""
        accounts, length = self.size['accounts'], self.size['stream']
        phones = self.size['two'] // 2
        with self.lab.phones('stream', phones=phones, accounts=accounts,
                             seconds=length + 3, limit=600) as run:
            run.event('parked')
            meter = self.cpu_meter(worker2=self.lab.workers[1].process.pid)
            sent = self.send_mail(length, accounts)
            cpu, took = meter.read(), []
            for event in run.events('woken'):
                began = [at for at in sent[event['account']] if at <= event['at']]
                took.append((event['at'] - began[-1]) / 1e6)
            lost = sum(map(len, sent.values())) * phones // accounts - len(took)
        name = f'{self.size["rate"]} deliveries a second among {phones:,} phones'
        self.table.add('stream', f'{name}, wake-up median', statistics.median(took), 'ms',
                       f'{len(took):,} wake-ups, from the start of the statement', most=20)
        self.table.add('stream_p99', '  99th percentile', nearest_rank(took, 99), 'ms', most=100)
        self.table.add('stream_cpu', '  CPU of a wake-up, the Sync and the next Ping',
                       1e6 * sum(cpu.values()) / max(1, len(took)), 'us',
                       ', '.join(f'{name} {1e6 * spent / max(1, len(took)):,.0f}'
                                 for name, spent in cpu.items()))
        self.table.add('stream_lost', '  wake-ups lost', lost, '', most=0)

    def send_mail(self, length, accounts):
        """By account, when its messages were sent, each account at most once in a while."""
        rate = self.size['rate']
        sent, began = {}, time.monotonic()
        for number in range(rate * length):
            time.sleep(max(0, began + number / rate - time.monotonic()))
            account = number % accounts
            sent.setdefault(account, []).append(time.monotonic_ns())
            self.lab.sql(DELIVER.format(account))
        return sent

    def restarts(self):
        """After a worker was killed, and after PostgreSQL was restarted, everybody is told."""
        phones = self.size['waiting']
        for name, trouble in (('a worker was killed', self.kill_worker),
                              ('PostgreSQL was restarted', self.restart_postgres)):
            with self.lab.phones('stream', phones=phones, accounts=phones, seconds=90,
                                 limit=200) as run:
                run.event('parked')
                trouble()
                self.lab.sql(TOUCH_ALL)
                told = set()
                while len(told) < phones:
                    told.add(run.event('woken')['account'])
            self.table.add(f'lost_{trouble.__name__}', f'wake-ups lost when {name}',
                           phones - len(told), f'of {phones}', most=0)

    def kill_worker(self):
        self.lab.worker_kill(1)
        self.lab.workers[1].start()

    def restart_postgres(self):
        self.lab.pg_stop()
        self.lab.pg_start()

    # ---- Phones that come, go and break off ----

    def soak(self):
        """Memory and descriptors after a while, beside those after the first seconds."""
        accounts, length = min(self.size['accounts'], 200), self.size['soak']
        self.lab.make_accounts(accounts)
        self.lab.fresh_workers()
        with self.lab.phones('stream', phones=self.size['soaked'], accounts=accounts,
                             breaks=self.size['soaked'] // 10, seconds=length + 2,
                             limit=length + 300) as run:
            run.event('parked')
            self.send_mail(length // 4 + 1, accounts)
            memory, open_before = self.memory()[0], descriptors(self.lab.workers[0])
            self.send_mail(length - length // 4 - 1, accounts)
            grown, opened = self.memory()[0] - memory, descriptors(self.lab.workers[0])
            broken = run.result()['broken']
        name = f'soak of {length} s with {self.size["soaked"]:,} phones'
        self.table.add('soak_memory', f'{name}: memory grew by', 100 * grown / memory, '%',
                       f'{memory / 2 ** 20:,.0f} MiB; {broken:,} broke off', most=10)
        self.table.add('soak_descriptors', '  descriptors more than before', opened - open_before,
                       '', f'{open_before:,} before', most=50)

    # ---- One message for one waiting phone ----

    def wake(self):
        waiting = self.size['waiting']
        self.lab.make_accounts(waiting)
        took, after = [], []
        with self.lab.phones('wake', phones=waiting, accounts=waiting, settle=50,
                             rounds=self.size['deliveries']) as run:
            for number in range(self.size['deliveries']):
                run.event('parked')
                began, ended = self.deliver(number % waiting, number)
                answered = run.event('woken')['at']
                took.append((answered - began) / 1e6)
                after.append((answered - ended) / 1e6)
            run.result()
        self.table.add('wake', 'easel-deliver to the answer, median', statistics.median(took), 'ms',
                       'from the start of the program; a program that connects and asks for '
                       f'SELECT 1 {self.bare_program():.1f} ms', most=50)
        self.table.add('wake_p99', '  99th percentile', nearest_rank(took, 99), 'ms')
        self.table.add('wake_after', '  median after the program has ended',
                       statistics.median(after), 'ms')

    def bare_program(self):
        """Milliseconds that a program takes which only connects and asks one thing."""
        took = []
        for _ in range(10):
            began = time.monotonic_ns()
            subprocess.run([str(self.lab.build / 'bench' / 'query'), self.lab.postgres.conninfo],
                           check=True)
            took.append((time.monotonic_ns() - began) / 1e6)
        return statistics.median(took)

    def deliver(self, account, number):
        """Delivers a message; when it began and when the program had ended, as phones count."""
        command = [str(self.lab.build / 'easel-deliver'), '--database',
                   self.lab.postgres.conninfo, f'bench{account}@{DOMAIN}']
        began = time.monotonic_ns()
        subprocess.run(command, input=short_message(number), check=True)
        return began, time.monotonic_ns()


    # ---- Finding people ----

    def change(self):
        folder_size.one_change(self, DOMAIN, PASSWORD, short_message(0), self.size['folders'],
                               self.size['typed'])

    def tree(self):
        folder_tree.folder_sync(self, DOMAIN, PASSWORD, self.size['tree'], self.size['typed'])

    def people(self):
        address_list.type_ahead(self, DOMAIN, PASSWORD, self.size['people'], self.size['typed'])
        address_list.fill(self, self.size['people'])

    # ---- Searching and sending ----

    def search(self):
        mail_search.measure(self, DOMAIN, PASSWORD, short_message(0), self.size['searched'], self.size['typed'])

    def send(self):
        mail_search.send(self, DOMAIN, PASSWORD, CONNECTIONS, self.size['seconds'])

    # ---- Mail on an IMAP server ----

    def imap(self):
        imap_mail.measure(self, PASSWORD, HTML, PLAIN)


PARTS = ('nochange', 'fill', 'change', 'park', 'wake', 'two', 'people', 'tree', 'search', 'send', 'imap', 'soak')


def descriptors(server):
    return len(os.listdir(f'/proc/{server.process.pid}/fd'))


def check_quiet(got):
    """What finds nothing must find nothing, and nobody may be sent away."""
    if got['items'] or got['refused']:
        raise LabError(f'{got["items"]} items where there should be none, '
                       f'{got["refused"]} requests refused')


def connections(count):
    return 'one connection' if count == 1 else f'{count} connections'


def latency(got):
    ms = got['ms']
    return f'p50 {ms["p50"]:.2f} ms, p99 {ms["p99"]:.2f} ms'


def seconds(values):
    return ', '.join(f'{value:.2f}' for value in values)


def nearest_rank(values, percent):
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def build_programs():
    """Makes what is run, whoever calls; a make that called us has said what it had to say."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS'))}
    subprocess.run(['make', '--no-print-directory', '-s', 'programs', 'bench-programs'],
                   cwd=servers.ROOT, env=environment, check=True)


def machine():
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    model = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return {'cores': os.cpu_count(), 'cpu': model[0] if model else '', 'load': os.getloadavg()[0],
            'at': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}


def measure(arguments, table):
    size = dict(QUICK if arguments.quick else FULL)
    size['soak'] = arguments.soak or size['soak']
    with BenchLab(arguments.threads, fsync=not arguments.no_fsync) as lab:
        bench = Bench(lab, size, table)
        try:
            bench.yardsticks()
            for part in PARTS:
                if part in (arguments.only or PARTS):
                    getattr(bench, part)()
        except LabError:
            print('\n'.join(lab.log_lines()[-15:]), lab.nginx.log_tail(), sep='\n', file=sys.stderr)
            raise


def parse_arguments():
    parser = argparse.ArgumentParser(description='Measures the server beside bare yardsticks.')
    parser.add_argument('--quick', action='store_true', help='a small version that proves it works')
    parser.add_argument('--only', action='append', choices=PARTS, help='only that part')
    parser.add_argument('--soak', type=int, metavar='SECONDS', help='how long the soak is')
    parser.add_argument('--threads', type=int, default=CONNECTIONS,
                        help=f'threads of the worker and of hello [{CONNECTIONS}]')
    parser.add_argument('--no-fsync', action='store_true', help='PostgreSQL without fsync')
    return parser.parse_args()


def main():
    arguments, table = parse_arguments(), Table()
    build_programs()
    about = machine()
    print(f'{about["cores"]} cores, {about["cpu"]}, load {about["load"]:.1f}\n{table.heading()}',
          flush=True)
    try:
        measure(arguments, table)
    except (LabError, subprocess.CalledProcessError) as error:
        print(f'The bench failed: {error}', file=sys.stderr)
        return 1
    out = servers.ROOT / 'build' / 'bench.json'
    out.write_text(json.dumps({**about, 'quick': arguments.quick, 'figures': table.rows}, indent=1))
    missed = sum(row['good'] is False for row in table.rows)
    if missed and not arguments.quick:
        print(f'{missed} figures are not what was asked for.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
