"""Every element of the five classes and of AirSyncBase is in a field table, or stands here with its place or the
reason why it is nowhere; its versions are those of the specifications. Needs no lab."""

import csv
import re
import unittest

from wbxml import ROOT

REFERENCE = ROOT.parent / 'shared' / 'reference'
CORE = ROOT / 'core'
FIELD = re.compile(r'^FIELD\(([A-Z]\w*?)_(\w+), (\d+), (\d+)', re.M)
TAG = re.compile(r'^TAG\(\d+, (\w+), 0x\w+, (\w+), (\d+), (\d+)\)', re.M)

# A document, its field table, and the pages of its own elements.
DOCUMENTS = {
    'MS-ASCAL': ('calendar_fields.def', ('Calendar', 'AirSyncBase', 'MeetingResponse')),
    'MS-ASCNTC': ('contact_fields.def', ('Contacts', 'Contacts2', 'AirSyncBase')),
    'MS-ASEMAIL': ('email_fields.def', ('Email', 'Email2', 'AirSyncBase', 'Tasks')),
    'MS-ASNOTE': ('note_fields.def', ('Notes', 'AirSyncBase')),
    'MS-ASTASK': ('task_fields.def', ('Tasks', 'AirSyncBase')),
    'MS-ASAIRS': (None, ('AirSyncBase',)),
}

RECURRENCE = ('CalendarType DayOfMonth DayOfWeek FirstDayOfWeek Interval IsLeapMonth MonthOfYear'
              ' Occurrences Type Until WeekOfMonth')

# Inside others: the page of the tag, the file that reads or writes it, and the elements.
NESTED = {
    'MS-ASCAL': (
        ('Calendar', 'recurrence.c', RECURRENCE),
        ('Calendar', 'calendar_people.c', 'Attendee AttendeeStatus AttendeeType Email Name'),
        ('Calendar', 'calendar_encode.c', 'Category'),
        ('Calendar', 'calendar.c', 'ClientUid'),
        ('Calendar', 'calendar_exceptions.c', 'Deleted Exception ExceptionStartTime')),
    'MS-ASCNTC': (('Contacts', 'contact.c', 'Category Child'),),
    'MS-ASEMAIL': (
        ('Email', 'email_flag.c', 'Category CompleteTime FlagType Status'),
        ('Tasks', 'email_flag.c', 'DateCompleted DueDate OrdinalDate ReminderSet ReminderTime'
         ' StartDate Subject SubOrdinalDate UtcDueDate UtcStartDate'),
        ('Email', 'recurrence.c', 'DayOfMonth DayOfWeek Interval MonthOfYear Occurrences Type Until'
         ' WeekOfMonth'),
        ('Email2', 'recurrence.c', 'CalendarType FirstDayOfWeek IsLeapMonth'),
        ('Email', 'meeting_request.c', 'AllDayEvent BusyStatus DisallowNewTimeProposal DtStamp EndTime'
         ' GlobalObjId InstanceType Location Organizer Recurrence RecurrenceId Recurrences Reminder'
         ' ResponseRequested Sensitivity StartTime TimeZone'),
        ('Email2', 'meeting_request.c', 'MeetingMessageType'),
        ('Email2', 'sync_mail.c', 'Send')),
    'MS-ASNOTE': (('Notes', 'note.c', 'Category'),),
    'MS-ASTASK': (
        ('Tasks', 'recurrence.c', RECURRENCE),
        ('Tasks', 'task.c', 'Category DeadOccur Regenerate Start'),
        ('Tasks', 'email_flag.c', 'OrdinalDate SubOrdinalDate')),
    'MS-ASAIRS': (
        ('AirSyncBase', 'calendar_place.c', 'Accuracy Altitude AltitudeAccuracy Annotation City Country'
         ' DisplayName Latitude Location LocationUri Longitude PostalCode State Street'),
        ('AirSyncBase', 'draft.c', 'Add Attachments Body ClientId Content ContentId ContentType Data Delete'
         ' FileReference IsInline Type'),
        ('AirSyncBase', 'email.c', 'Attachment ContentLocation EstimatedDataSize Method Preview Status'
         ' Truncated'),
        ('AirSyncBase', 'mail_prefs.c', 'AllOrNone BodyPartPreference BodyPreference TruncationSize'),
        ('AirSyncBase', 'email_fields.def', 'BodyPart NativeBodyType'),
        ('AirSyncBase', 'sync_item.c', 'InstanceId'),
        ('ItemOperations', 'command_itemoperations.c', 'Part')),
}

NOT_SERVED = {
    ('MS-ASEMAIL', 'AccountId'): 'all mail is of the primary account',
    ('MS-ASEMAIL', 'DisplayName'): 'of the 2.5 attachment, which is the attachments_of_25 of the table',
    ('MS-ASEMAIL', 'RightsManagementLicense'): 'no rights management',
    ('MS-ASEMAIL', 'UmAttDuration'): 'no voice mail', ('MS-ASEMAIL', 'UmAttOrder'): 'no voice mail',
    ('MS-ASEMAIL', 'UmCallerID'): 'no voice mail', ('MS-ASEMAIL', 'UmUserNotes'): 'no voice mail',
    ('MS-ASEMAIL', 'TopLevelSchemaProps'): 'a group of the schema and no element',
    ('MS-ASAIRS', 'TopLevelSchemaProps'): 'a group of the schema and no element',
}

# Where the versions are not those of the reference, and why.
OTHER_VERSIONS = {
    ('MS-ASEMAIL', 'EndTime'): 'a meeting request ends in every version, as it starts in every one',
}


def rows(name):
    with open(REFERENCE / name, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE))


def elements():
    """(document, element) -> {version: supported}, 12.1 to 16.1 where the list says so."""
    found = {}
    for row in rows('element-versions.tsv'):
        if row['doc'] not in DOCUMENTS:
            continue
        name = re.sub(r'\s*\(.*', '', row['element']).replace('DayofMonth', 'DayOfMonth')
        versions = found.setdefault((row['doc'], name), {})
        for column, supported in (('not_supported', False), ('supported', True)):
            for version in filter(None, row[column].split(',')):
                number = int(version.replace('.', ''))
                versions[number] = versions.get(number, False) or supported
    return found


def table(name):
    """{(page, element): (since, until)} of a field table."""
    text = (CORE / name).read_text(encoding='utf-8')
    return {(page, tag): (int(since), int(until)) for page, tag, since, until in FIELD.findall(text)}


def disagreeing(versions, since, until):
    return [v for v, supported in versions.items() if (since <= v <= until) != supported]


class Elements(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not REFERENCE.exists():
            raise unittest.SkipTest('no reference here')
        cls.elements = elements()
        cls.tables = {doc: table(name) if name else {} for doc, (name, _) in DOCUMENTS.items()}
        cls.tags = {(page, tag): (int(since), int(until)) for page, tag, since, until in
                    TAG.findall((ROOT / 'wbxml' / 'pages.def').read_text())}

    def fields(self, doc, name):
        """The bounds of an element in its table, of each page that has one of this name."""
        return [self.tables[doc][page, name] for page in DOCUMENTS[doc][1] if (page, name) in self.tables[doc]]

    def nested(self, doc, name):
        return [(page, file) for page, file, names in NESTED[doc] if name in names.split()]

    def test_each_has_its_place(self):
        self.assertGreater(len(self.elements), 250)
        for (doc, name), versions in self.elements.items():
            with self.subTest(doc, element=name):
                field, nested = self.fields(doc, name), self.nested(doc, name)
                self.assertTrue(field or nested or (doc, name) in NOT_SERVED, 'nowhere')
                self.assertFalse((doc, name) in NOT_SERVED and (field or nested), 'it is served')
                for page, file in nested:
                    self.assertIn(f'{page}_{name}', (CORE / file).read_text(encoding='utf-8'))

    def test_each_has_its_versions(self):
        used = set()
        for (doc, name), versions in self.elements.items():
            bounds = self.fields(doc, name) or [self.tags[page, name] for page, _ in self.nested(doc, name)]
            wrong = bool(bounds) and all(disagreeing(versions, since, until) for since, until in bounds)
            used.update({(doc, name)} if wrong else ())
            with self.subTest(doc, element=name):
                self.assertTrue(not wrong or (doc, name) in OTHER_VERSIONS, f'{bounds}: {versions}')
        self.assertEqual(used, set(OTHER_VERSIONS))

    def test_older_versions_are_those_of_the_pages(self):
        """The lists begin at 12.1: what 2.5 and 12.0 have, the table of the pages says."""
        pages = {(r['page_name'], r['tag']): tuple(int(r[c].replace('.', '')) for c in ('min_version', 'max_version'))
                 for r in rows('wbxml-codepages.tsv')}
        for doc, fields in self.tables.items():
            for (page, name), (since, until) in fields.items():
                with self.subTest(doc, element=name):
                    low, high = pages[page, name]
                    self.assertGreaterEqual(since, low)
                    self.assertLessEqual(until, high)
                    self.assertTrue(since == low or since > 120, (since, low))
        for tag, bounds in self.tags.items():
            with self.subTest(tag):
                self.assertEqual(bounds, pages[tag])


if __name__ == '__main__':
    unittest.main()
