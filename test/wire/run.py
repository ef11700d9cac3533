#!/usr/bin/env python3
"""Runs the wire tests: run.py [-k PATTERN] [-v] [--jobs N] [FILE …]

The files run in the order of their numbers, from the most basic up; several at once, each of the
jobs with a lab of its own. At the end every answer that was seen is held against the schemas. The
last line is "N passed, N failed, N skipped".
"""

import argparse
import collections
import json
import os
import queue
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'lab')]

import schema  # noqa: E402  (found only after the line above)

DONE = '== outcome '
SUBTESTS_SHOWN = 3
SHOWN = 20  # complaints of the schemas that are printed, each with one document


class Result(unittest.TextTestResult):
    """Counts tests, not subtests, and prints a line for each file."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.slow = []

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.slow.append((time.monotonic() - self.began, test.id()))

    def printErrorList(self, flavour, errors):
        """Of a test with many failing subtests only the first few are worth reading."""
        counts = collections.Counter()
        for test, error in errors:
            name = getattr(test, 'test_case', test).id()
            counts[name] += 1
            if counts[name] <= SUBTESTS_SHOWN:
                super().printErrorList(flavour, [(test, error)])
        for name, count in counts.items():
            if count > SUBTESTS_SHOWN:
                self.stream.writeln(f'{name}: {count - SUBTESTS_SHOWN} more subtests')

    def failed(self):
        """Names of the tests that failed, each once, however many of its subtests did."""
        names = [getattr(test, 'test_case', test).id() for test, _ in self.failures + self.errors]
        return list(dict.fromkeys(names + [test.id() for test in self.unexpectedSuccesses]))


def modules(names):
    """The files whose name holds one of these (all, without names), in order."""
    found = sorted(path.stem for path in HERE.glob('test_[0-9]*.py'))
    return [m for m in found if not names or any(name in m for name in names)]


def run(chosen, arguments):
    """Runs the tests of some files, with a pattern those whose name holds it; the outcome."""
    loader = unittest.TestLoader()
    if arguments.k:
        loader.testNamePatterns = [f'*{arguments.k}*']
    suite = unittest.TestSuite(loader.loadTestsFromName(module) for module in chosen)
    result = unittest.TextTestRunner(resultclass=Result, verbosity=2 if arguments.v else 1,
                                     stream=sys.stdout).run(suite)
    failed = result.failed()
    in_tests = sum(1 for name in failed if 'setUp' not in name)
    return {'passed': result.testsRun - in_tests - len(result.skipped), 'failed': failed,
            'skipped': [f'{test.id()}: {reason}' for test, reason in result.skipped],
            'slow': result.slow}


def check_schemas():
    """Validates what was seen; an outcome."""
    outcome = {'passed': 0, 'failed': [], 'skipped': [], 'slow': []}
    if not schema.seen.count:
        return outcome
    if why := schema.seen.why_not():
        outcome['skipped'] = [f'validation of {schema.seen.count} answers: {why}']
        return outcome
    refused = schema.seen.validate()
    examples = {complaint: (origin, document) for origin, complaint, document in refused}
    for complaint, (origin, document) in list(examples.items())[:SHOWN]:
        print(f'REFUSED BY THE SCHEMA: {origin}: {complaint}\n{document[:3000]}\n')
    print(f'{schema.seen.count} answers, {len(schema.seen.origins)} different, '
          f'{len(refused)} refused by the schemas')
    outcome['passed'] = 0 if refused else 1
    outcome['failed'] = ['validation against the schemas'] if refused else []
    return outcome


def serve_jobs(arguments):
    """A job: runs each file whose name comes on standard input, then validates what was seen."""
    for line in sys.stdin:
        print(DONE + json.dumps(run([line.strip()], arguments)), flush=True)
    print(DONE + json.dumps(check_schemas()), flush=True)


class Job(threading.Thread):
    """Feeds one job from the queue of files and collects what comes of them."""

    def __init__(self, files, outcomes):
        super().__init__()
        self.files, self.outcomes = files, outcomes
        self.process = subprocess.Popen(
            [sys.executable, __file__, '--job', *sys.argv[1:]], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def take_outcome(self, what):
        """Shows what the job prints, in one piece, until it tells an outcome. False: it died."""
        shown = []
        for line in self.process.stdout:
            if line.startswith(DONE):
                self.outcomes.append(json.loads(line[len(DONE):]))
                break
            shown.append(line)
        else:
            self.outcomes.append({'passed': 0, 'failed': [f'{what}: the job died'],
                                  'skipped': [], 'slow': []})
            print(f'== {what}', ''.join(shown), sep='\n', flush=True)
            return False
        print(f'== {what}', ''.join(shown), sep='\n', flush=True)
        return True

    def run(self):
        while True:
            try:
                name = self.files.get_nowait()
            except queue.Empty:
                break
            self.process.stdin.write(name + '\n')
            self.process.stdin.flush()
            if not self.take_outcome(name):
                return
        self.process.stdin.close()
        self.take_outcome('schemas')
        self.process.wait()


def run_jobs(chosen, count):
    """The outcomes of files that several jobs share."""
    files, outcomes = queue.Queue(), []
    for name in chosen:
        files.put(name)
    jobs = [Job(files, outcomes) for _ in range(count)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    # What a job that died had not begun is nobody's any more.
    while not files.empty():
        outcomes.append({'passed': 0, 'failed': [f'{files.get()}: not run'], 'skipped': [],
                         'slow': []})
    return outcomes


def report(outcomes, slow):
    """Prints the sum; whether all is well."""
    def joined(key):
        return [entry for outcome in outcomes for entry in outcome[key]]
    for seconds, name in sorted(joined('slow'), reverse=True)[:slow]:
        print(f'{seconds:6.2f} s  {name}')
    for name in joined('failed'):
        print(f'failed: {name}')
    for reason in joined('skipped'):
        print(f'skipped: {reason}')
    passed = sum(outcome['passed'] for outcome in outcomes)
    print(f'{passed} passed, {len(joined("failed"))} failed, {len(joined("skipped"))} skipped')
    return not joined('failed')


def main():
    parser = argparse.ArgumentParser(description='Runs the wire tests.')
    parser.add_argument('-k', metavar='PATTERN', help='only tests whose name holds this')
    parser.add_argument('-v', action='store_true', help='name each test')
    parser.add_argument('--slow', type=int, default=0, metavar='N', help='name the N slowest')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), metavar='N',
                        help='files at once, each with a lab of its own (one for each processor)')
    parser.add_argument('--job', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('files', nargs='*', help='only files whose name holds one of these')
    arguments = parser.parse_args()
    if arguments.job:
        serve_jobs(arguments)
        return 0
    began = time.monotonic()
    chosen = modules(arguments.files)
    if len(chosen) < 2 or arguments.jobs < 2:
        outcomes = [run(chosen, arguments), check_schemas()]
    else:
        outcomes = run_jobs(chosen, min(arguments.jobs, len(chosen)))
    print(f'wire tests took {time.monotonic() - began:.0f} s')
    return 0 if report(outcomes, arguments.slow) else 1


if __name__ == '__main__':
    sys.exit(main())
