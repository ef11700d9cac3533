"""Events, tasks, notes and contacts from .ics and .vcf files, and back."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from common import WireTest
from wbxml import ROOT

CORPUS = ROOT.parent / 'shared' / 'corpus'
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOUSER, EX_CANTCREAT, EX_TEMPFAIL = 64, 65, 66, 67, 73, 75
CALENDAR, CONTACTS, TASKS, NOTES = 8, 9, 7, 10

ZONE = '''BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{0}
TZOFFSETTO:{0}
END:STANDARD
END:VTIMEZONE
'''


def event(uid, summary='x', more='', start='DTSTART:20261130T100000Z'):
    return (f'BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20261101T000000Z\n{start}\nSUMMARY:{summary}\n'
            f'{more}END:VEVENT\n')


def calendar(*components, head='METHOD:PUBLISH\n'):
    return f'BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}{"".join(components)}END:VCALENDAR\n'


def card(name, uid=''):
    return f'BEGIN:VCARD\nVERSION:3.0\n{uid and f"UID:{uid}" + chr(10)}FN:{name}\nN:{name};;;;\nEND:VCARD\n'


class ItemFiles(WireTest):
    def run_program(self, name, *arguments, text=None, database=None):
        """(exit code, standard output, standard error)"""
        done = subprocess.run(
            [str(self.lab.build / name), '--database', database or self.lab.postgres.conninfo,
             *map(str, arguments)], input=text.encode() if isinstance(text, str) else text,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors='replace')

    def take(self, user, text, *options_):
        return self.run_program('easel-import', *options_, user, '-', text=text)

    def give(self, user, folder):
        code, text, said = self.run_program('easel-export', '--folder', folder, user)
        self.assertEqual((code, said), (0, ''))
        return text

    def seen(self, user, kind):
        """What a phone sees in its default folder of the kind, without what it is numbered by."""
        phone = self.phone(user)
        return sorted(str(item).replace(user, 'me')
                      for item in phone.sync_all(phone.folder(kind)).values())

    def subjects(self, user, kind=CALENDAR, tag='Calendar:Subject'):
        phone = self.phone(user)
        return sorted(data.get(tag) or '' for data in phone.sync_all(phone.folder(kind)).values())


class Import(ItemFiles):
    def test_each_kind_comes_into_its_folder(self):
        user = self.account()
        todo = 'BEGIN:VTODO\nUID:t\nSUMMARY:Task\nEND:VTODO\n'
        note = 'BEGIN:VJOURNAL\nUID:n\nSUMMARY:Note\nEND:VJOURNAL\n'
        code, said, _ = self.take(user, calendar(event('e', 'Event'), todo, note) + card('Carla'))
        self.assertEqual((code, said), (0, '4 added, 0 changed, 0 as they were\n'))
        for kind, tag, want in ((CALENDAR, 'Calendar:Subject', 'Event'),
                                (TASKS, 'Tasks:Subject', 'Task'), (NOTES, 'Notes:Subject', 'Note'),
                                (CONTACTS, 'Contacts:FileAs', 'Carla')):
            self.assertEqual(self.subjects(user, kind, tag), [want])

    def test_a_series_and_its_occurrences_are_one_item(self):
        user = self.account()
        series = event('s', 'Daily', 'RRULE:FREQ=DAILY;COUNT=5\n')
        other = event('s', 'Another', 'RECURRENCE-ID:20261202T100000Z\n',
                      'DTSTART:20261202T120000Z')
        self.assertEqual(self.take(user, calendar(other, event('e'), series))[0], 0)
        phone = self.phone(user)
        events = phone.sync_all(phone.folder(CALENDAR))
        self.assertEqual(len(events), 2)
        found = [d for d in events.values() if d.get('Calendar:Subject') == 'Daily']
        self.assertEqual(found[0].get('Calendar:Exceptions/Exception/Subject'), 'Another')

    def test_again_it_changes_what_differs(self):
        user = self.account()
        text = calendar(event('a'), event('b'), event('')) + card('No id') + card('Id', 'c')
        self.assertEqual(self.take(user, text)[1], '5 added, 0 changed, 0 as they were\n')
        self.assertEqual(self.take(user, text)[1], '0 added, 0 changed, 5 as they were\n')
        self.assertEqual(self.take(user, calendar(event('a', 'New')))[1],
                         '0 added, 1 changed, 0 as they were\n')
        self.assertEqual(self.subjects(user), ['New', 'x', 'x'])

    def test_a_waiting_phone_is_told(self):
        phone = self.phone()
        folder = phone.folder(CALENDAR)
        phone.sync_all(folder)
        ping = phone.ping([folder], 300)
        self.take(phone.user, calendar(event('a')))
        self.assertEqual(ping.answer().status, '2')

    def test_exit_codes(self):
        user = self.account()
        for arguments, code in ((('--help',), 0), ((user,), EX_USAGE), (('--x', user), EX_USAGE),
                                ((user, '/nowhere'), EX_NOINPUT),
                                (('nobody@example.test', '/nowhere'), EX_NOUSER),
                                (('--folder', 'inbox', user, '-'), EX_CANTCREAT)):
            self.assertEqual(self.run_program('easel-import', *arguments, text='')[0], code, arguments)
        self.assertEqual(self.take(user, card('x'), '--folder', 'calendar')[0], EX_DATAERR)
        self.assertEqual(self.run_program('easel-import', user, '-', text='',
                                          database='host=/nowhere dbname=x')[0], EX_TEMPFAIL)
        self.assertEqual(self.run_program('easel-export', '--help')[0], 0)
        self.assertEqual(self.run_program('easel-export', 'nobody@example.test')[0], EX_NOUSER)
        self.assertEqual(self.run_program('easel-export', '--folder', 'x', user)[0], EX_CANTCREAT)

    def test_bad_ones_hold_up_no_others(self):
        deep = 'BEGIN:X\n' * 1000
        for name, bad in (
                ('nothing', ''), ('bytes', '\0\xff' * 5000), ('no end', 'BEGIN:VCALENDAR\n'),
                ('a component without end', 'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:q\n'),
                ('depth', 'BEGIN:VCALENDAR\nBEGIN:VEVENT\n' + deep),
                ('a long line', calendar(event('l', 'y' * 3000000))),
                ('many lines', calendar(event('m', more='X-A:b\n' * 50000))),
                ('no start', calendar('BEGIN:VEVENT\nUID:w\nEND:VEVENT\n')),
                ('an odd date', calendar(event('o', start='DTSTART:99999999T999999'))),
                ('ends without beginning', 'END:VCARD\nEND:VCALENDAR\n' * 100),
                ('a card in a card', 'BEGIN:VCARD\n' * 500 + 'END:VCARD\n' * 500)):
            with self.subTest(name):
                user = self.account()
                code, _, said = self.take(user, calendar(event('good', 'Good')) + bad)
                self.assertIn(code, (0, EX_DATAERR), said)
                self.assertIn('Good', self.subjects(user))

    def test_a_file_with_nothing_in_it_is_said_so(self):
        code, _, said = self.take(self.account(), 'Hello\n')
        self.assertEqual(code, EX_DATAERR)
        self.assertIn('there is no event', said)

    def test_a_large_calendar(self):
        user = self.account()
        count, more = 700, 'X-MORE:x\n' * 30
        code, said, _ = self.take(user, calendar(*(event(f'u{n}', more=more) for n in range(count))))
        self.assertEqual((code, said), (0, f'{count} added, 0 changed, 0 as they were\n'))


class Export(ItemFiles):
    def test_what_was_exported_is_imported_as_it_was(self):
        user, other = (self.lab.account(f'export-{n}@{self.domain}', name='Anna') for n in (1, 2))
        start = 'DTSTART;TZID=Here:20261130T100000'
        east, west = (calendar(ZONE.format(offset), event(f'in{offset}', offset, start=start))
                      for offset in ('+0200', '-0800'))
        self.take(user, east + west + calendar(event('plain', 'Grüße, alle; sämtlich')) + card('A', 'a')
                  + card('B'))
        for folder, kind, marker, count in (('calendar', CALENDAR, 'BEGIN:VEVENT', 3),
                                            ('contacts', CONTACTS, 'BEGIN:VCARD', 2)):
            text = self.give(user, folder)
            self.assertEqual(text.count(marker), count)
            self.assertEqual(self.take(other, text)[0], 0)
            self.assertEqual(self.seen(other, kind), self.seen(user, kind))

    def test_an_empty_folder(self):
        user = self.account()
        self.assertEqual(self.give(user, 'contacts'), '')
        self.assertEqual(self.take(user, self.give(user, 'tasks'))[0], EX_DATAERR)

    @unittest.skipUnless(CORPUS.exists(), 'no corpus beside the repository')
    def test_what_other_programs_wrote(self):
        user, other = self.account(), self.account()
        files = [*sorted((CORPUS / 'calendar').glob('*.ics')),
                 *sorted((CORPUS / 'contacts').glob('*.vcf'))]
        code, said, refused = self.run_program('easel-import', user, *files)
        self.assertIn(code, (0, EX_DATAERR), refused)
        self.assertGreater(int(said.split()[0]), len(files) * 0.8, said + refused)
        again = self.run_program('easel-import', user, *files)[1]
        self.assertTrue(again.startswith('0 added'), again)
        with tempfile.TemporaryDirectory() as folder:
            for name, kind in (('calendar', CALENDAR), ('contacts', CONTACTS), ('tasks', TASKS)):
                path = Path(folder, name)
                path.write_text(self.give(user, name))
                code, _, said = self.run_program('easel-import', other, path)
                self.assertEqual(said, '')
                self.assertEqual(len(self.seen(other, kind)), len(self.seen(user, kind)), name)

