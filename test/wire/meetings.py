"""What the tests of events and meetings share: the elements of an event, invitations, phones with a calendar."""

import base64
from email import message_from_bytes, policy

from common import WireTest, message
from wbxml import E

CALENDAR, TRASH, SENT = 8, 4, 5
PARIS = ('xP///wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAoAAAAF'
         'AAMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
         'AAAAAAMAAAAFAAIAAAAAAAAAxP///w==')


def add(client_id, *data):
    return E('Add', E('ClientId', client_id), E('ApplicationData', list(data)))


def change(item, *data, instance=None):
    one = [E('AirSyncBase:InstanceId', instance)] if instance else []
    return E('Change', E('ServerId', item), *one, E('ApplicationData', list(data)))


def cal(**elements):
    return [E('Calendar:' + name, value) for name, value in elements.items()]


def event(subject='Lunch', start='20270310T120000Z', end='20270310T130000Z', **more):
    return cal(Timezone=PARIS, StartTime=start, EndTime=end, Subject=subject, AllDayEvent=0, **more)


def attendees(*addresses):
    return E('Calendar:Attendees', [E('Calendar:Attendee', E('Calendar:Email', a), E('Calendar:Name', a))
                                    for a in addresses])


def weekly():
    return E('Calendar:Recurrence', E('Calendar:Type', 1), E('Calendar:Interval', 1),
             E('Calendar:DayOfWeek', 8), E('Calendar:Occurrences', 5))


def invitation(to, uid='meeting-1', method='REQUEST', start='20270310T120000Z', sequence=0, organizer=None,
               extra='', stamp='20270101T000000Z', partstat='NEEDS-ACTION', attendee=None, mailed_by=None,
               named='', **headers):
    """A message about a meeting. `named` are parameters of ORGANIZER, `mailed_by` is who it is from."""
    organizer = organizer or 'ben@example.org'
    lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', f'METHOD:{method}', 'BEGIN:VEVENT', f'UID:{uid}',
             f'DTSTAMP:{stamp}', f'DTSTART:{start}', 'DURATION:PT1H', 'SUMMARY:Planning',
             f'SEQUENCE:{sequence}', f'ORGANIZER;CN=Ben{named}:mailto:{organizer}',
             f'ATTENDEE;PARTSTAT={partstat};RSVP=TRUE:mailto:{attendee or to}']
    lines += [line for line in extra.split('\n') if line] + ['END:VEVENT', 'END:VCALENDAR', '']
    mail = message_from_bytes(message(subject='Planning', to=to, sender=mailed_by or organizer,
                                      **headers), policy=policy.SMTP)
    mail.add_alternative('\r\n'.join(lines), subtype='calendar', params={'method': method})
    return mail.as_bytes()


class CalendarTest(WireTest):

    def calendar(self, user=None, version='16.1'):
        phone = self.phone(user, version)
        folder = phone.folder(CALENDAR)
        phone.sync_all(folder)
        return phone, folder

    def rows(self, query):
        return [row[0] for row in self.lab.sql(query)]

    def events(self, phone, folder):
        return phone.sync_all(folder)

    def one_event(self, phone, folder):
        (item, data), = self.events(phone, folder).items()
        return item, data

    def stored(self, user):
        """The texts in the account's calendars."""
        return self.rows(
            "SELECT convert_from(c.data, 'UTF8') FROM easel.item i JOIN easel.content c"
            " ON c.account_id = i.account_id AND c.id = i.content_id JOIN easel.folder f"
            " ON f.account_id = i.account_id AND f.id = i.folder_id"
            f" WHERE f.class = 'Calendar' AND i.account_id = easel.account_of('{user}')")

    def add(self, phone, folder, *data, client_id='c1'):
        answer = phone.sync(folder, commands=[add(client_id, *data)])
        response = answer.find('Responses/Add')
        self.assertEqual(response.get('Status'), '1')
        phone.items[folder][response.get('ServerId')] = E('ApplicationData', list(data))
        return response.get('ServerId')

    def edit(self, phone, folder, *commands):
        """Carries out commands; all of them have to succeed."""
        answer = phone.sync(folder, commands=list(commands))
        for response in (answer.all('Responses/Change') + answer.all('Responses/Delete') if answer else []):
            self.assertEqual(response.get('Status'), '1')

    def inbox(self, phone):
        return phone.sync_all(phone.inbox)

    def meeting_mail(self, user, method):
        """The calendar objects of a method that the account's Inbox holds."""
        found = []
        for raw in self.rows(
                "SELECT encode(c.data, 'base64') FROM easel.item i JOIN easel.content c"
                " ON c.account_id = i.account_id AND c.id = i.content_id JOIN easel.folder f"
                " ON f.account_id = i.account_id AND f.id = i.folder_id WHERE f.role = 'inbox'"
                f" AND i.account_id = easel.account_of('{user}') ORDER BY i.uid"):
            mail = message_from_bytes(base64.b64decode(raw), policy=policy.default)
            found += [part.get_content() for part in mail.walk() if part.get_content_type() == 'text/calendar'
                      and part.get_param('method') == method]
        return found

    def respond(self, phone, collection, item, answer, *more):
        document = E('MeetingResponse:MeetingResponse', E('Request', E('UserResponse', answer),
                     E('CollectionId', collection), E('RequestId', item), *more))
        result = phone.command('MeetingResponse', document).root.find('Result')
        return result.get('Status'), result.get('CalendarId')
