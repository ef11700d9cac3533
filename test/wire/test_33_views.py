"""Tasks and notes shown as something else: tasks as events or notes, notes as events or tasks."""

from common import in_versions
from mapped import Mapped
from phone import delete
from wbxml import E

USER_CALENDAR, USER_TASKS, USER_NOTES = '13', '15', '17'

TASK = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTODO
UID:{name}
CREATED:20260105T101500Z
SUMMARY:{name}
PRIORITY:1
X-OWN:kept
{more}END:VTODO
END:VCALENDAR
"""
NOTE = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VJOURNAL
UID:{name}
CREATED:20260105T101500Z
LAST-MODIFIED:20260105T101500Z
SUMMARY:{name}
X-OWN:kept
END:VJOURNAL
END:VCALENDAR
"""


def change(item, *data):
    return E('Change', E('ServerId', item), E('ApplicationData', list(data)))


def event(subject, start='20260112T140000Z', end='20260112T150000Z', **more):
    return [E('Calendar:Subject', subject), E('Calendar:StartTime', start), E('Calendar:EndTime', end),
            *(E('Calendar:' + name, value) for name, value in more.items())]


class Views(Mapped):
    def with_view(self, name, kind, texts, settings, version='16.1'):
        """A phone with these settings, the kept folder's number, and the folders that show it."""
        user = self.account()
        self.set(user, groupware_folders='all', mail_folders='tree', **settings)
        kept = self.lab.sql("SELECT id FROM easel.folder WHERE account_id = easel.account_by_address(:'user')"
                            " AND name = :'name'", user=user, name=name)[0][0]
        for text, date in texts:
            self.put(user, kept, text, date)
        phone = self.phone(user, version)
        return phone, kept, {phone.folders[f]['Type']: f for f in self.shown(phone, name)}

    def shown(self, phone, name):
        """Those of the same name are told apart by a number."""
        return super().shown(phone, name) + super().shown(phone, name + ' (2)')

    def test_what_is_shown_as_what(self):
        for settings, tasks, notes in (
                ({}, ['7'], ['10']),
                ({'tasks_as': 'events'}, [USER_CALENDAR], ['10']),
                ({'tasks_as': 'notes'}, [USER_NOTES], ['10']),
                ({'notes_as': 'events'}, ['7'], [USER_CALENDAR]),
                ({'notes_as': 'tasks'}, ['7'], [USER_TASKS]),
                ({'notes_as': 'tasks_and_notes'}, ['7'], ['10', USER_TASKS])):
            with self.subTest(settings):
                phone, _, shown = self.with_view('Tasks', 'Tasks', (), settings)
                self.assertEqual(sorted(shown), tasks)
                self.assertEqual(sorted(phone.folders[f]['Type'] for f in self.shown(phone, 'Notes')), notes)

    @in_versions('2.5', '14.1', '16.1')
    def test_a_task_is_an_event_both_ways(self, version):
        text = TASK.format(name='Paint', more='DUE:20260112T140000Z\n')
        phone, kept, shown = self.with_view('Tasks', 'Tasks', [(text, 'infinity')], {'tasks_as': 'events'}, version)
        folder = shown[USER_CALENDAR]
        phone.sync_all(folder)
        item, data = self.one_item(phone, folder)
        self.assertEqual((data.get('Calendar:Subject'), data.get('Calendar:StartTime'), data.get('Calendar:BusyStatus')),
                         ('Paint', '20260112T140000Z', '0'))
        answer = phone.sync(folder, commands=[change(item, *event('Draw', Timezone=data.get('Calendar:Timezone')))])
        self.assertEqual(answer.get('Status'), '1')
        phone.sync_all(folder)
        kept_text, = self.text(phone.user, kept)
        for line in ('SUMMARY:Draw', 'PRIORITY:1', 'X-OWN:kept', 'BEGIN:VTODO', '20260112T150000Z'):
            self.assertIn(line, kept_text)
        self.assertEqual(self.one_item(phone, folder)[1].get('Calendar:EndTime'), '20260112T150000Z')

    def test_what_a_task_can_not_hold_is_set_back(self):
        phone, kept, shown = self.with_view('Tasks', 'Tasks', [(TASK.format(name='Paint', more=''), 'infinity')],
                                            {'tasks_as': 'events'})
        folder = shown[USER_CALENDAR]
        phone.sync_all(folder)
        item, data = self.one_item(phone, folder)
        attendee = E('Calendar:Attendees', E('Attendee', E('Email', 'ben@example.test'), E('Name', 'Ben')))
        phone.sync(folder, commands=[change(item, E('Calendar:BusyStatus', 2), attendee)])
        phone.sync_all(folder)
        self.assertEqual(self.one_item(phone, folder)[1].get('Calendar:BusyStatus'), '0')
        self.assertNotIn('ATTENDEE', self.text(phone.user, kept)[0])
        self.assertEqual(self.lab.sql("SELECT count(*) FROM easel.item WHERE account_id ="
                                      " easel.account_by_address(:'user') AND folder_id <> :folder",
                                      user=phone.user, folder=kept), [['0']], 'mail was sent to the attendee')

    def test_an_event_added_is_a_task_and_goes_away(self):
        phone, kept, shown = self.with_view('Tasks', 'Tasks', (), {'tasks_as': 'events'})
        other = self.phone(phone.user)
        folder = shown[USER_CALENDAR]
        phone.sync_all(folder)
        other.sync_all(folder)
        pending = other.ping([folder], 60)
        answer = phone.sync(folder, commands=[E('Add', E('ClientId', 'c1'), E('ApplicationData', event('New')))])
        item = answer.get('Responses/Add/ServerId')
        self.assertEqual(pending.answer().root.get('Folders/Folder'), folder)
        self.assertEqual(list(other.sync_all(folder)), [item])
        self.assertIn('BEGIN:VTODO', self.text(phone.user, kept)[0])
        other.sync(folder, commands=[delete(item)])
        self.assertEqual(self.text(phone.user, kept), [])

    def test_incomplete_tasks_only(self):
        done = TASK.format(name='Done', more='STATUS:COMPLETED\nCOMPLETED:20260101T000000Z\n')
        texts = [(TASK.format(name='Open', more=''), 'infinity'), (done, '2026-01-01 00:00Z')]
        for which, names in (('incomplete', ['Open']), ('all', ['Done', 'Open'])):
            with self.subTest(which):
                phone, _, shown = self.with_view('Tasks', 'Tasks', texts, {'tasks_as': 'events', 'tasks_which': which})
                phone.sync_all(shown[USER_CALENDAR])
                self.assertEqual(sorted(d.get('Calendar:Subject') for d in phone.items[shown[USER_CALENDAR]].values()), names)

    def test_a_task_is_a_note_both_ways(self):
        phone, kept, shown = self.with_view('Tasks', 'Tasks', [(TASK.format(name='Paint', more='STATUS:IN-PROCESS\n'), 'infinity')],
                                            {'tasks_as': 'notes'})
        folder = shown[USER_NOTES]
        phone.sync_all(folder)
        item, data = self.one_item(phone, folder)
        self.assertEqual((data.get('Notes:Subject'), data.get('Notes:MessageClass')), ('Paint', 'IPM.StickyNote'))
        phone.sync(folder, commands=[change(item, E('Notes:Subject', 'Draw'),
                                            E('AirSyncBase:Body', E('Type', 1), E('Data', 'A tree')))])
        for line in ('SUMMARY:Draw', 'STATUS:IN-PROCESS', 'DESCRIPTION:A tree', 'PRIORITY:1'):
            self.assertIn(line, self.text(phone.user, kept)[0])

    def test_a_note_is_an_event_and_a_task(self):
        phone, kept, shown = self.with_view('Notes', 'Notes', [(NOTE.format(name='Idea'), '2026-01-05 10:15Z')],
                                            {'notes_as': 'events'})
        phone.sync_all(shown[USER_CALENDAR])
        item, data = self.one_item(phone, shown[USER_CALENDAR])
        self.assertEqual((data.get('Calendar:AllDayEvent'), data.get('Calendar:StartTime')), ('1', '20260105T000000Z'))
        phone.sync(shown[USER_CALENDAR], commands=[change(item, E('Calendar:Subject', 'Plan'))])
        self.assertIn('SUMMARY:Plan', self.text(phone.user, kept)[0])
        self.set(phone.user, groupware_folders='all', mail_folders='tree', notes_as='tasks_and_notes')
        phone.folder_sync()
        shown = {phone.folders[f]['Type']: f for f in self.shown(phone, 'Notes')}
        for kind in ('10', USER_TASKS):
            phone.sync_all(shown[kind])
        item, data = self.one_item(phone, shown[USER_TASKS])
        self.assertEqual((data.get('Tasks:Subject'), data.get('Tasks:Complete')), ('Plan', '0'))
        phone.sync(shown[USER_TASKS], commands=[change(item, E('Tasks:Subject', 'Both'), E('Tasks:Complete', 1))])
        phone.sync_all(shown[USER_TASKS])
        self.assertEqual(self.one_item(phone, shown[USER_TASKS])[1].get('Tasks:Complete'), '0')
        phone.sync(shown['10'])
        self.assertEqual(self.one_item(phone, shown['10'])[1].get('Notes:Subject'), 'Both')
        self.assertIn('X-OWN:kept', self.text(phone.user, kept)[0])

    def test_they_stay_among_their_kind(self):
        phone, kept, shown = self.with_view('Tasks', 'Tasks', [(TASK.format(name='Paint', more=''), 'infinity')],
                                            {'tasks_as': 'events'})
        other = self.make(phone.user, 'More', None, 'Tasks')
        phone.folder_sync()
        more, = self.shown(phone, 'More')
        folder, calendar = shown[USER_CALENDAR], phone.folder(8)
        for one in (folder, more, calendar):
            phone.sync_all(one)
        item, _ = self.one_item(phone, folder)
        self.assertEqual(phone.move(item, folder, calendar), 2)
        phone.sync_all(folder)
        self.assertIsInstance(phone.move(item, folder, more), str)
        self.assertEqual((len(self.text(phone.user, kept)), len(self.text(phone.user, other))), (0, 1))

    def test_one_that_can_not_be_read_stops_no_others(self):
        phone, _, shown = self.with_view('Tasks', 'Tasks', [('rubbish', 'infinity'), (NOTE.format(name='x'), 'infinity'),
                                                            (TASK.format(name='Good', more=''), 'infinity')], {'tasks_as': 'events'})
        self.assertEqual(len(phone.sync_all(shown[USER_CALENDAR])), 1)


if __name__ == '__main__':
    import unittest
    unittest.main()
