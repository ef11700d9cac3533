"""psql as an administrator uses it, kept open: a process for each statement would cost more than most tests."""

import os
import subprocess
import tempfile
import threading

FIELD, ROW, NULL, END = '\x1f', '\x1e', '\x1d', '\x04'
OPTIONS = ('-XqAt', '-v', 'ON_ERROR_STOP=1', '-F', FIELD, '-R', ROW, '-P', f'null={NULL}', '-f', '-')


class PsqlError(Exception):
    """What psql complained of."""


def rows(output):
    """What psql printed, as lists of text, None for NULL."""
    output = output.rstrip('\n')
    return [[None if field == NULL else field for field in row.split(FIELD)]
            for row in output.split(ROW) if output]


def once(program, conninfo, text, variables):
    """A process of its own."""
    set_all = [part for name, value in variables.items() for part in ('-v', f'{name}={value}')]
    done = subprocess.run([program, *set_all, *OPTIONS, conninfo], input=text, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise PsqlError(done.stderr)
    return rows(done.stdout)


def quoted(value):
    """A value as \\set takes it."""
    text = str(value).replace('\\', '\\\\').replace("'", "''").replace('\n', '\\n').replace('\r', '\\r')
    return f"'{text}'"


class Session:
    """A psql that stays. A statement that fails ends it, as it ends a script; the next one starts anew."""

    def __init__(self, program, conninfo):
        self.program, self.conninfo = program, conninfo
        self.process, self.errors = None, None
        self.busy = threading.Lock()

    def run(self, text, variables):
        """Runs SQL; :'name' in it stands for a variable. Commands of psql, and what comes while
        another statement runs, have a process of their own."""
        if '\\' in text or not self.busy.acquire(blocking=False):
            return once(self.program, self.conninfo, text, variables)
        try:
            return self._run(text, variables)
        finally:
            self.busy.release()

    def _run(self, text, variables):
        if self.process is None or self.process.poll() is not None:
            self._start()
        sets = ''.join(f'\\set {name} {quoted(value)}\n' for name, value in variables.items())
        unsets = ''.join(f'\\unset {name}\n' for name in variables)
        try:
            self.process.stdin.write(f'{sets}{text}\n;\n{unsets}\\echo {END}\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: its output tells
        shown = []
        for line in self.process.stdout:
            if line == f'{END}\n':
                return rows(''.join(shown))
            shown.append(line)
        self.errors.seek(0)
        complaint = self.errors.read()
        self.close()
        raise PsqlError(complaint)

    def _start(self):
        self.close()
        self.errors = tempfile.TemporaryFile('w+', errors='replace')
        self.process = subprocess.Popen(
            [self.program, *OPTIONS, self.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env={**os.environ, 'PGAPPNAME': 'lab'})

    def close(self):
        """Ends it; it can be used again."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        self.process = None
