"""The lab of the bench: nginx with more processes and plain HTTP, and the yardstick beside it."""

import json
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'lab'))
import servers  # noqa: E402  (found only after the line above)
from lab import DOMAIN, Lab, PASSWORD  # noqa: E402
from servers import LabError, Nginx, Server, free_port, put  # noqa: E402

NGINX_PROCESSES = 4
HELLO_PATH = '/bench/hello'


class Hello(Server):
    """The bare FastCGI program."""

    name = 'hello'

    def __init__(self, folder, build, threads):
        super().__init__(folder)
        self.build, self.threads, self.socket = build, threads, f'{folder}/hello.sock'

    def command(self):
        return [str(self.build / 'bench' / 'hello'), self.socket, str(self.threads)]

    def ready(self):
        return servers.answers(self.socket)


class BenchNginx(Nginx):
    """The example's site, with a plain port in the same server block and a location for hello."""

    def __init__(self, *arguments, hello_socket):
        super().__init__(*arguments)
        self.plain_port, self.hello_socket = free_port(), hello_socket

    def main_conf(self):
        return put(super().main_conf(), 'worker_processes auto;',
                   f'worker_processes {NGINX_PROCESSES};')

    def site(self):
        text = super().site()
        listen = f'listen {self.address}{self.port} ssl;'
        # Shared out by the kernel, so that no process gets more phones than it has descriptors.
        plain = f'listen {self.address}{self.plain_port} reuseport backlog=4096;'
        location = re.search(r'\n\tlocation ~\*[^{]*(\{.*?\n\t\}\n)', text, re.S)
        if not location:
            raise LabError('the example configuration has no location for Easel')
        hello = put(location[1], 'fastcgi_pass easel;', 'fastcgi_pass hello;')
        text = put(text, location[0], f'{location[0]}\n\tlocation = {HELLO_PATH} {hello}')
        upstream = f'upstream hello {{\n\tserver unix:{self.hello_socket} max_fails=0;\n}}\n'
        return upstream + put(text, listen, f'{listen}\n\t{plain}')


class Phones:
    """A run of the load generator. Each line that it prints is an event; the last is its result.

    They are taken in as they come: a full pipe would stop all phones.
    """

    def __init__(self, build, mode, url, **options):
        command = [str(build / 'bench' / 'phones'), mode, url]
        for name, value in options.items():
            command += [f'--{name.replace("_", "-")}'] + ([] if value is True else [str(value)])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def _next(self):
        line = self.lines.get()
        if line is None:
            raise LabError(f'phones ended with {self.process.wait()}')
        return line

    def event(self, name):
        """Waits for an event; others before it are dropped."""
        while True:
            line = self._next()
            if 'mode' in line:
                raise LabError(f'phones: {line["error"]} ({line["failed"]} failed)')
            if line['event'] == name:
                return line

    def events(self, name):
        """All events of the name until the end of the run."""
        while 'mode' not in (line := self._next()):
            if line['event'] == name:
                yield line
        if line['error']:
            raise LabError(f'phones: {line["error"]} ({line["failed"]} failed)')

    def result(self):
        """Waits for the end; raises when a phone failed."""
        while True:
            line = self._next()
            if 'mode' in line:
                break
        if line['error']:
            raise LabError(f'phones: {line["error"]} ({line["failed"]} failed)')
        return line


class BenchLab(Lab):
    """A lab with accounts bench0@…, bench1@…, whose inboxes hold a message each."""

    def __init__(self, threads, fsync=True, workers=1, max_parked=8000):
        self.threads, self.hello, self.runs, self.accounts = threads, None, 0, 0
        super().__init__(workers=workers, fsync=fsync, log_level='info', options=[
            '--threads', str(threads), '--max-parked', str(max_parked)])
        self.plain_url = f'http://127.0.0.1:{self.nginx.plain_port}'

    def new_nginx(self):
        if not self.hello:
            self.hello = self._started(Hello(self.folder, self.build, self.threads))
        certificate = servers.make_certificate(self.folder / 'certificate')
        return BenchNginx(self.folder, free_port(), free_port(),
                          [worker.upstream() for worker in self.workers], certificate,
                          '127.0.0.1:', hello_socket=self.hello.socket)

    def make_accounts(self, count):
        """Makes sure of so many accounts, whose inboxes hold one message each."""
        if count <= self.accounts:
            return
        self.sql("SELECT count(easel.account_create(format('bench%s@%s', n, :'domain'), :'hash')) "
                 f'FROM generate_series({self.accounts}, {count - 1}) n',
                 domain=DOMAIN, hash=self.hash(PASSWORD))
        if not self.accounts:
            self.deliver(f'bench0@{DOMAIN}', SEED)
        self.sql(COPY_SEED)
        self.accounts = count

    def fresh_workers(self):
        """Workers with no past."""
        for number in range(len(self.workers)):
            self.worker_restart(number)

    def phones(self, mode, user=f'bench{{}}@{DOMAIN}', **options):
        """Phones that nobody has seen before, against the server."""
        self.runs += 1
        return Phones(self.build, mode, self.plain_url, user=user, password=PASSWORD,
                      device=f'BENCH{self.runs}N', **options)

    def hello_phones(self, **options):
        return Phones(self.build, 'hello', self.plain_url + HELLO_PATH,
                      user=f'bench{{}}@{DOMAIN}', password=PASSWORD, **options)


SEED = (b'From: Ben <ben@example.org>\nTo: Bench <bench@example.test>\nSubject: Hello\n'
        b'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nThe first message.\n')

# The seed's item goes into every other inbox of the bench that is still empty.
COPY_SEED = '''
WITH seed AS (
    SELECT c.summary, c.data, i.date, i.flags, i.size
    FROM easel.account a
    JOIN easel.folder f ON f.account_id = a.id AND f.role = 'inbox'
    JOIN easel.item i ON i.account_id = a.id AND i.folder_id = f.id
    JOIN easel.content c ON c.account_id = a.id AND c.id = i.content_id
    WHERE a.address LIKE 'bench0@%'),
boxes AS (
    UPDATE easel.folder f SET next_uid = 2, modseq = f.modseq + 1
    FROM easel.account a
    WHERE a.id = f.account_id AND a.address ~ '^bench[0-9]+@' AND f.role = 'inbox'
    AND f.next_uid = 1
    RETURNING f.account_id, f.id, f.modseq),
contents AS (
    INSERT INTO easel.content (account_id, summary, data)
    SELECT boxes.account_id, seed.summary, seed.data FROM boxes, seed
    RETURNING account_id, id)
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, size, content_id)
SELECT boxes.account_id, boxes.id, 1, boxes.modseq, seed.date, seed.flags, seed.size, contents.id
FROM seed, boxes JOIN contents USING (account_id);
ANALYZE;
'''

# One statement that copies the seed into one inbox, as a delivery does.
DELIVER = '''
WITH box AS (
    UPDATE easel.folder f SET next_uid = f.next_uid + 1, modseq = f.modseq + 1
    FROM easel.account a
    WHERE a.id = f.account_id AND a.address = 'bench{}@example.test' AND f.role = 'inbox'
    RETURNING f.account_id, f.id, f.next_uid - 1 AS uid, f.modseq),
content AS (
    INSERT INTO easel.content (account_id, summary, data)
    SELECT box.account_id, c.summary, c.data
    FROM box JOIN easel.item i ON i.account_id = box.account_id AND i.folder_id = box.id AND i.uid = 1
    JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id
    RETURNING account_id, id)
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, size, content_id)
SELECT box.account_id, box.id, box.uid, box.modseq, now(), 0, 100, content.id FROM box, content
'''

# One statement that brings every phone of the bench something new.
TOUCH_ALL = '''
WITH touched AS (
    UPDATE easel.folder f SET modseq = f.modseq + 1
    FROM easel.account a
    WHERE a.id = f.account_id AND a.address ~ '^bench[0-9]+@' AND f.role = 'inbox'
    RETURNING f.account_id, f.id, f.modseq)
UPDATE easel.item i SET modseq = t.modseq, flags = i.flags # 1
FROM touched t
WHERE i.account_id = t.account_id AND i.folder_id = t.id AND i.uid = 1
'''
