#!/usr/bin/env python3
"""Runs the wire tests: run.py [-k PATTERN] [-v] [FILE …]

The files run in the order of their numbers, from the most basic up. At the end every answer that
was seen is held against the schemas. The last line is "N passed, N failed, N skipped".
"""

import argparse
import collections
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'lab')]

import schema  # noqa: E402  (found only after the line above)

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


def load(names, pattern):
    """The tests of the files, in order; with a pattern those whose name holds it."""
    loader = unittest.TestLoader()
    if pattern:
        loader.testNamePatterns = [f'*{pattern}*']
    modules = sorted(path.stem for path in HERE.glob('test_[0-9]*.py'))
    chosen = [m for m in modules if not names or any(name in m for name in names)]
    return unittest.TestSuite(loader.loadTestsFromName(module) for module in chosen)


def check_schemas():
    """Validates what was seen. Returns (passed, failed, why it was skipped)."""
    if not schema.seen.count:
        return 0, 0, None
    if why := schema.seen.why_not():
        return 0, 0, f'validation of {schema.seen.count} answers: {why}'
    refused = schema.seen.validate()
    examples = {complaint: (origin, document) for origin, complaint, document in refused}
    for complaint, (origin, document) in list(examples.items())[:SHOWN]:
        print(f'REFUSED BY THE SCHEMA: {origin}: {complaint}\n{document[:3000]}\n')
    print(f'{schema.seen.count} answers, {len(schema.seen.origins)} different, '
          f'{len(refused)} refused by the schemas')
    return (0, 1, None) if refused else (1, 0, None)


def main():
    parser = argparse.ArgumentParser(description='Runs the wire tests.')
    parser.add_argument('-k', metavar='PATTERN', help='only tests whose name holds this')
    parser.add_argument('-v', action='store_true', help='name each test')
    parser.add_argument('--slow', type=int, default=0, metavar='N', help='name the N slowest')
    parser.add_argument('files', nargs='*', help='only files whose name holds one of these')
    arguments = parser.parse_args()
    began = time.monotonic()
    result = unittest.TextTestRunner(resultclass=Result, verbosity=2 if arguments.v else 1,
                                     stream=sys.stdout).run(load(arguments.files, arguments.k))
    passed, failed, skipped = check_schemas()
    names = result.failed()
    for seconds, name in sorted(result.slow, reverse=True)[:arguments.slow]:
        print(f'{seconds:6.2f} s  {name}')
    for name in names:
        print(f'failed: {name}')
    reasons = [f'{test.id()}: {reason}' for test, reason in result.skipped]
    reasons += [skipped] if skipped else []
    for reason in reasons:
        print(f'skipped: {reason}')
    in_tests = sum(1 for name in names if 'setUp' not in name)
    passed += result.testsRun - in_tests - len(result.skipped)
    print(f'wire tests took {time.monotonic() - began:.0f} s')
    print(f'{passed} passed, {failed + len(names)} failed, {len(reasons)} skipped')
    return 1 if failed or names else 0


if __name__ == '__main__':
    sys.exit(main())
