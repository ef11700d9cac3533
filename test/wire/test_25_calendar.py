"""Events through Sync in all versions, invitations and answers by mail, MeetingResponse."""

import base64
import struct
import unittest

from common import in_versions, message
from meetings import (CALENDAR, PARIS, SENT, CalendarTest, add, attendees, cal, change, event, invitation, weekly)
from phone import HTML, MIME, TEXT, body, delete, options
from wbxml import E


class Events(CalendarTest):

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_an_event_goes_round(self, version):
        one, folder = self.calendar(version=version)
        other, _ = self.calendar(one.user, version)
        item = self.add(one, folder, *event(Reminder=15, BusyStatus=2), weekly())
        data = self.events(other, folder)[item]
        self.assertEqual(data.get('Calendar:StartTime'), '20270310T120000Z')
        self.assertEqual(data.get('Calendar:Timezone'), PARIS)
        self.assertEqual(data.find('Calendar:Recurrence').get('Calendar:Occurrences'), '5')
        self.edit(one, folder, change(item, *event('Dinner', Reminder=15, BusyStatus=2), weekly()))
        self.assertEqual(self.events(other, folder)[item].get('Calendar:Subject'), 'Dinner')
        self.edit(other, folder, delete(item))
        self.assertEqual(self.events(one, folder), {})

    def test_exceptions_of_14_and_of_16_are_the_same(self):
        old, folder = self.calendar(version='14.1')
        new, _ = self.calendar(old.user)
        item = self.add(old, folder, *event(), weekly())
        self.edit(old, folder, change(item, *event(), weekly(), E('Calendar:Exceptions', E(
            'Calendar:Exception', E('Calendar:Deleted', 1), E('Calendar:ExceptionStartTime', '20270317T120000Z')))))
        self.events(new, folder)
        self.edit(new, folder, change(item, *cal(Subject='Other'), instance='20270324T120000Z'))
        self.edit(new, folder, E('Delete', E('ServerId', item),
                                 E('AirSyncBase:InstanceId', '20270407T110000Z')))
        shown = {e.get('Calendar:ExceptionStartTime'): (e.get('Calendar:Deleted'), e.get('Calendar:Subject'))
                 for e in self.events(old, folder)[item].all('Calendar:Exceptions/Calendar:Exception')}
        self.assertEqual(shown, {'20270317T120000Z': ('1', None), '20270324T120000Z': (None, 'Other'),
                                 '20270407T110000Z': ('1', None)})

    def test_exceptions_that_are_not_named_stay(self):
        """MS-ASCAL 3.2.5.3.1: and the phone that has left them out is told that they are there."""
        old, folder = self.calendar(version='14.1')
        other, _ = self.calendar(old.user, version='14.1')
        item = self.add(old, folder, *event(), weekly())

        def exception(start, *more):
            return E('Calendar:Exceptions', E('Calendar:Exception', E('Calendar:ExceptionStartTime', start), *more))

        for sent in (exception('20270317T120000Z', E('Calendar:Deleted', 1)),
                     exception('20270324T120000Z', *cal(Subject='Other')), E('Calendar:Exceptions')):
            self.edit(old, folder, change(item, *event(), weekly(), sent))
        for phone in (old, other):
            shown = {e.get('Calendar:ExceptionStartTime'): (e.get('Calendar:Deleted'), e.get('Calendar:Subject'))
                     for e in self.events(phone, folder)[item].all('Calendar:Exceptions/Calendar:Exception')}
            self.assertEqual(shown, {'20270317T120000Z': ('1', None), '20270324T120000Z': (None, 'Other')})

    def test_bad_values_harm_nobody_else(self):
        one, folder = self.calendar()
        answer = one.sync(folder, commands=[
            add('bad1', *event(BusyStatus=9)), add('good', *event('Good')),
            add('bad2', *cal(StartTime='never', EndTime='20270310T130000Z'))])
        status = {r.get('ClientId'): r.get('Status') for r in answer.all('Responses/Add')}
        self.assertEqual(status, {'bad1': '6', 'good': '1', 'bad2': '6'})

    def test_an_attachment(self):
        one, folder = self.calendar()
        item = self.add(one, folder, *event(), E('AirSyncBase:Attachments', E(
            'Add', E('ClientId', 'a1'), E('Method', 1), E('ContentType', 'text/plain'),
            E('Content', base64.b64encode(b'hello').decode()), E('DisplayName', 'a.txt'))))
        other, _ = self.calendar(one.user)
        attachment = self.events(other, folder)[item].find('AirSyncBase:Attachments/AirSyncBase:Attachment')
        self.assertEqual(attachment.get('AirSyncBase:DisplayName'), 'a.txt')
        answer = other.fetch_attachment(attachment.get('AirSyncBase:FileReference'))
        fetched = answer.root.find('Response/Fetch')
        self.assertEqual((fetched.get('Status'), fetched.find('Properties').get('Data')),
                         ('1', base64.b64encode(b'hello').decode()))


class Invitations(CalendarTest):

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_one_event_comes_of_it_and_is_accepted(self, version):
        phone, folder = self.calendar(version=version)
        for _ in range(2):
            self.lab.deliver(phone.user, invitation(phone.user))
        item, data = self.one_event(phone, folder)
        self.assertEqual(data.get('Calendar:MeetingStatus'), '3')
        self.assertEqual(data.get('Calendar:BusyStatus'), '1')
        mail = sorted(self.inbox(phone))[0]
        self.assertIsNotNone(phone.items[phone.inbox][mail].find('Email:MeetingRequest'))
        status, calendar_id = self.respond(phone, phone.inbox, mail, 1)
        self.assertEqual((status, calendar_id), ('1', item))
        self.assertEqual(self.respond(phone, phone.inbox, mail, 1), ('1', item), 'the answer was lost')
        self.assertEqual(self.events(phone, folder)[item].get('Calendar:BusyStatus'), '2')
        if phone.number() >= 140:
            self.assertEqual(self.events(phone, folder)[item].get('Calendar:ResponseType'), '3')
        self.assertNotIn(mail, self.inbox(phone))
        mail, = self.inbox(phone)
        status, calendar_id = self.respond(phone, phone.inbox, mail, 3)
        self.assertEqual((status, calendar_id), ('1', None))
        self.assertEqual(self.events(phone, folder), {})

    @in_versions('14.1', '16.1')
    def test_an_occurrence_in_the_calendar(self, version):
        phone, folder = self.calendar(version=version)
        self.lab.deliver(phone.user, invitation(phone.user, extra='RRULE:FREQ=DAILY;COUNT=3'))
        item, _ = self.one_event(phone, folder)
        instance = E('InstanceId', '2027-03-11T12:00:00.000Z')
        self.assertEqual(self.respond(phone, folder, item, 2, instance), ('1', item))
        self.assertEqual(self.respond(phone, folder, item, 3, E('InstanceId', '2027-03-12T12:00:00.000Z'))[0], '1')
        self.assertEqual(self.respond(phone, folder, item, 1, E('InstanceId', '2027-04-12T12:00:00.000Z'))[0], '2')
        self.assertEqual(self.respond(phone, folder, item, 1, E('InstanceId', 'soon'))[0], '104')
        text, = self.stored(phone.user)
        self.assertIn('RECURRENCE-ID:20270311T120000Z', text)
        self.assertIn('EXDATE:20270312T120000Z', text)

    def test_updates_come_in_sequence_and_from_the_organizer_only(self):
        phone, folder = self.calendar()
        user = phone.user
        self.lab.deliver(user, invitation(user, sequence=1))
        self.lab.deliver(user, invitation(user, sequence=3, start='20270310T140000Z'))
        self.lab.deliver(user, invitation(user, sequence=2, start='20270310T150000Z'))
        self.lab.deliver(user, invitation(user, sequence=9, start='20270310T160000Z', organizer='eve@example.org'))
        self.lab.deliver(user, invitation(user, method='CANCEL', sequence=9, organizer='eve@example.org'))
        item, data = self.one_event(phone, folder)
        self.assertEqual(data.get('Calendar:StartTime'), '20270310T140000Z')
        self.lab.deliver(user, invitation(user, method='CANCEL', sequence=4))
        self.assertEqual(self.events(phone, folder)[item].get('Calendar:MeetingStatus'), '7')

    def test_what_can_not_be_answered(self):
        phone, folder = self.calendar()
        item = self.add(phone, folder, *event())
        self.assertEqual(self.respond(phone, folder, item, 1)[0], '2')
        self.assertEqual(self.respond(phone, folder, '99:1:1', 1)[0], '2')
        self.assertEqual(self.respond(phone, folder, item, 4)[0], '2')
        self.lab.deliver(phone.user, message())
        mail, = self.inbox(phone)
        self.assertEqual(self.respond(phone, phone.inbox, mail, 1)[0], '2')
        single = self.account()
        other, folder = self.calendar(single)
        self.lab.deliver(single, invitation(single))
        item, _ = self.one_event(other, folder)
        self.assertEqual(self.respond(other, folder, item, 1, E('InstanceId', '2027-03-10T12:00:00.000Z'))[0], '146')

    def test_hostile_invitations(self):
        phone, folder = self.calendar()
        for extra in ('RRULE:FREQ=SECONDLY', 'RRULE:' + 'X' * 5000, 'DTSTART:99999999T999999Z',
                      '\n'.join(['BEGIN:VALARM'] * 50)):
            self.lab.deliver(phone.user, invitation(phone.user, uid=extra[:9], extra=extra))
        self.lab.deliver(phone.user, invitation(phone.user, uid='good'))
        self.assertEqual(len(self.inbox(phone)), 5)
        self.assertIn('Planning', [e.get('Calendar:Subject') for e in self.events(phone, folder).values()])


class Meetings(CalendarTest):

    def test_the_server_invites_for_16(self):
        anna, folder = self.calendar()
        ben, _ = self.calendar()
        item = self.add(anna, folder, *event('Plan', ClientUid='uid-16', MeetingStatus=1), attendees(ben.user))
        self.assertEqual(len(self.meeting_mail(ben.user, 'REQUEST')), 1)
        theirs, data = self.one_event(ben, folder)
        self.assertEqual(data.get('Calendar:OrganizerEmail'), anna.user)
        # A reminder is nobody's business, another time is.
        self.edit(anna, folder, change(item, *cal(Reminder=5)))
        self.assertEqual(len(self.meeting_mail(ben.user, 'REQUEST')), 1)
        self.edit(anna, folder, change(item, *cal(StartTime='20270310T150000Z', EndTime='20270310T160000Z')))
        self.assertEqual(len(self.meeting_mail(ben.user, 'REQUEST')), 2)
        self.assertEqual(self.events(ben, folder)[theirs].get('Calendar:StartTime'), '20270310T150000Z')
        # The answer comes back, with another time.
        self.assertEqual(self.respond(ben, folder, theirs, 2, E(
            'SendResponse', E('AirSyncBase:Body', E('AirSyncBase:Type', 1), E('AirSyncBase:Data', 'Rather later')),
            E('ProposedStartTime', '20270310T170000Z'), E('ProposedEndTime', '20270310T180000Z')))[0], '1')
        self.assertEqual(len(self.meeting_mail(anna.user, 'COUNTER')), 1)
        self.assertEqual(self.respond(ben, folder, theirs, 1, E('SendResponse'))[0], '1')
        self.assertEqual(self.respond(ben, folder, theirs, 1, E('SendResponse'))[0], '1')
        self.assertEqual(len(self.meeting_mail(anna.user, 'REPLY')), 1, 'the same is mailed once')
        attendee = self.events(anna, folder)[item].find('Calendar:Attendees/Calendar:Attendee')
        self.assertEqual(attendee.get('Calendar:AttendeeStatus'), '3')
        # Gone.
        self.edit(anna, folder, delete(item))
        self.assertEqual(len(self.meeting_mail(ben.user, 'CANCEL')), 1)
        self.assertEqual(self.events(ben, folder)[theirs].get('Calendar:MeetingStatus'), '7')

    def test_occurrences_are_told_of_alone(self):
        anna, folder = self.calendar()
        ben, _ = self.calendar()
        item = self.add(anna, folder, *event('Plan', MeetingStatus=1), weekly(), attendees(ben.user))
        theirs, _ = self.one_event(ben, folder)
        self.edit(anna, folder, change(item, *cal(StartTime='20270317T150000Z', EndTime='20270317T160000Z'),
                                       instance='20270317T120000Z'))
        moved = self.meeting_mail(ben.user, 'REQUEST')[1]
        self.assertIn('RECURRENCE-ID;TZID=Europe/Berlin:20270317T130000', moved)
        self.assertNotIn('COUNT=5', moved)
        self.edit(anna, folder, E('Delete', E('ServerId', item), E('AirSyncBase:InstanceId', '20270324T120000Z')))
        cancelled, = self.meeting_mail(ben.user, 'CANCEL')
        self.assertIn('RECURRENCE-ID;TZID=Europe/Berlin:20270324T130000', cancelled)
        self.assertEqual(len(self.meeting_mail(ben.user, 'REQUEST')), 2)
        data = self.events(ben, folder)[theirs]
        self.assertEqual(data.get('Calendar:MeetingStatus'), '3', 'the series is held')
        shown = {e.get('AirSyncBase:InstanceId'): (e.get('Calendar:StartTime'), e.get('Calendar:MeetingStatus'))
                 for e in data.all('Calendar:Exceptions/Calendar:Exception')}
        self.assertEqual(shown['20270317T120000Z'][0], '20270317T150000Z')
        self.assertEqual(shown['20270324T120000Z'][1], '7')
        self.edit(anna, folder, delete(item))
        self.assertEqual(len(self.meeting_mail(ben.user, 'CANCEL')), 2)
        self.assertEqual(self.events(ben, folder)[theirs].get('Calendar:MeetingStatus'), '7')

    def test_who_is_invited_to_what(self):
        """A guest more is invited, a guest less gets a cancellation, and the others hear nothing."""
        anna, folder = self.calendar()
        ben, eve = self.account(), self.account()
        item = self.add(anna, folder, *event('Plan', MeetingStatus=1), attendees(ben))
        self.edit(anna, folder, change(item, attendees(ben, eve)))
        self.assertEqual([len(self.meeting_mail(user, 'REQUEST')) for user in (ben, eve)], [1, 1])
        self.edit(anna, folder, change(item, attendees(eve)))
        self.assertEqual([len(self.meeting_mail(user, 'CANCEL')) for user in (ben, eve)], [1, 0])
        self.assertEqual(len(self.meeting_mail(eve, 'REQUEST')), 1)

    @in_versions('16.0', '16.1')
    def test_a_new_event_is_answered_with_its_uid(self, version):
        phone, folder = self.calendar(version=version)
        answer = phone.sync(folder, commands=[add('c1', *event())])
        data = answer.find('Responses/Add/ApplicationData')
        self.assertTrue(data.get('Calendar:UID'))
        self.assertIn('UID:' + data.get('Calendar:UID'), self.stored(phone.user)[0])

    @in_versions('16.0', '16.1')
    def test_a_proposed_time_is_seen_by_the_organizer(self, version):
        anna, folder = self.calendar(version=version)
        ben, _ = self.calendar(version=version)
        item = self.add(anna, folder, *event('Plan', MeetingStatus=1), attendees(ben.user))
        theirs, _ = self.one_event(ben, folder)
        proposal = [E('ProposedStartTime', '20270310T170000Z'), E('ProposedEndTime', '20270310T180000Z')]
        self.assertEqual(self.respond(ben, folder, theirs, 2, E('SendResponse', *proposal[:1]))[0], '104')
        self.assertEqual(self.respond(ben, folder, theirs, 3, E('SendResponse', *proposal))[0], '1')
        attendee = self.events(anna, folder)[item].find('Calendar:Attendees/Calendar:Attendee')
        self.assertEqual([attendee.get('MeetingResponse:' + name) for name in (
            'ProposedStartTime', 'ProposedEndTime')], ['20270310T170000Z', '20270310T180000Z'])
        self.assertEqual(self.events(ben, folder), {})

    @in_versions('2.5', '12.1', '14.1')
    def test_older_devices_mail_themselves(self, version):
        anna, folder = self.calendar(version=version)
        ben, _ = self.calendar()
        item = self.add(anna, folder, *event('Plan', UID='uid-14', MeetingStatus=1), attendees(ben.user))
        self.edit(anna, folder, delete(item))
        self.assertEqual(self.meeting_mail(ben.user, 'REQUEST') + self.meeting_mail(ben.user, 'CANCEL'), [])

    def test_a_guest_takes_nothing_over(self):
        phone, folder = self.calendar(version='14.1')
        self.lab.deliver(phone.user, invitation(phone.user))
        item, data = self.one_event(phone, folder)
        self.edit(phone, folder, change(item, *event('Mine', UID='meeting-1', OrganizerEmail=phone.user,
                                                     OrganizerName='Me', MeetingStatus=7)))
        text, = self.stored(phone.user)
        self.assertIn('mailto:ben@example.org', text)
        self.assertNotIn('CANCELLED', text)
        newer, _ = self.calendar(phone.user)
        self.edit(newer, folder, delete(item))
        self.assertEqual(self.rows(f"SELECT recipient FROM easel.queue_status WHERE sender = '{phone.user}'"), [])


class Forwarding(CalendarTest):

    def forward(self, phone, folder, item, to, *more):
        mime = message(subject='FW: Plan', to=to, sender=phone.user)
        if phone.number() < 140:
            params = [('CollectionId', folder), ('ItemId', item)] + ([('Occurrence', more[0])] if more else [])
            return phone.post('SmartForward', mime, params, Content_Type='message/rfc822')
        instance = [E('InstanceId', more[0])] if more else []
        return phone.command('SmartForward', E('ComposeMail:SmartForward', E('ClientId', 'f1'), E(
            'Source', E('FolderId', folder), E('ItemId', item), *instance), E('Mime', mime)))

    @in_versions('12.1', '16.1')
    def test_an_event_and_one_occurrence(self, version):
        phone, folder = self.calendar(version=version)
        ben = self.account()
        self.lab.deliver(phone.user, invitation(phone.user, extra='RRULE:FREQ=DAILY;COUNT=3'))
        item, _ = self.one_event(phone, folder)
        self.forward(phone, folder, item, ben)
        text, = self.meeting_mail(ben, 'REQUEST')
        self.assertIn('RRULE', text)
        self.assertNotIn('VALARM', text)
        self.assertEqual(len(self.stored(ben)), 1)

    @in_versions('14.1')
    def test_one_occurrence(self, version):
        phone, folder = self.calendar(version=version)
        eve = self.account()
        self.lab.deliver(phone.user, invitation(phone.user, extra='RRULE:FREQ=DAILY;COUNT=3'))
        item, _ = self.one_event(phone, folder)
        self.forward(phone, folder, item, eve, '2027-03-11T12:00:00.000Z')
        text, = self.meeting_mail(eve, 'REQUEST')
        self.assertIn('RECURRENCE-ID:20270311T120000Z', text)
        self.assertNotIn('RRULE', text)


class Forwardees(CalendarTest):
    """SmartForward of an event without a message, from 16.0 on (2.2.3.79, 2.2.3.169)."""

    def forward(self, phone, item, *more, client_id='f1', instance=None):
        one = [E('InstanceId', instance)] if instance else []
        answer = phone.command('SmartForward', E(
            'ComposeMail:SmartForward', E('ClientId', client_id),
            E('Source', E('FolderId', item.partition(':')[0]), E('ItemId', item), *one), *more))
        return answer.status

    def to(self, *addresses):
        return E('Forwardees', [E('Forwardee', E('Name', 'Somebody'), E('Email', a)) for a in addresses])

    @in_versions('16.0', '16.1')
    def test_the_event_goes_to_them(self, version):
        phone, folder = self.calendar(version=version)
        ben, eve = self.phone(), self.account()
        self.lab.deliver(phone.user, invitation(phone.user, extra='RRULE:FREQ=DAILY;COUNT=3'))
        item, _ = self.one_event(phone, folder)
        text = E('AirSyncBase:Body', E('AirSyncBase:Type', 1), E('AirSyncBase:Data', 'Come along'))
        for _ in range(2):
            status = self.forward(phone, item, self.to(ben.user, eve), text)
        self.assertEqual(status, '118')
        for user in (ben.user, eve):
            sent, = self.meeting_mail(user, 'REQUEST')
            self.assertIn('RRULE', sent)
            self.assertIn('mailto:ben@example.org', sent)
        mail, = self.inbox(ben).values()
        self.assertEqual(mail.get('Email:Subject'), 'FW: Planning')
        self.assertIn('Come along', mail.get('AirSyncBase:Body/Data'))
        self.assertEqual(len(phone.sync_all(phone.folder(SENT))), 1)
        self.assertIsNone(self.forward(phone, item, self.to(ben.user), client_id='f2',
                                       instance='2027-03-11T12:00:00.000Z'))
        self.assertIn('RECURRENCE-ID:20270311T120000Z', self.meeting_mail(ben.user, 'REQUEST')[1])

    def test_an_invitation_in_the_inbox(self):
        phone, _ = self.calendar()
        ben = self.account()
        self.lab.deliver(phone.user, invitation(phone.user, extra='RRULE:FREQ=DAILY;COUNT=3'))
        mail, = self.inbox(phone)
        self.assertIsNone(self.forward(phone, mail, self.to(ben)))
        self.assertIsNone(self.forward(phone, mail, self.to(ben), client_id='f2',
                                       instance='2027-03-12T12:00:00.000Z'))
        self.assertEqual(['RRULE' in text for text in self.meeting_mail(ben, 'REQUEST')], [True, False])

    def test_what_is_refused(self):
        phone, folder = self.calendar()
        ben = self.account()
        item = self.add(phone, folder, *event())
        self.lab.deliver(phone.user, message(to=phone.user))
        mail, = self.inbox(phone)
        people = self.to(ben)
        empty = E('AirSyncBase:Body', E('AirSyncBase:Data', 'x'))
        mime = E('Mime', message(to=ben))
        for name, status, where, more in (
                ('with a message', '178', item, (people, mime)),
                ('saved', '178', item, (people, E('SaveInSentItems'))),
                ('replacing', '178', item, (people, E('ReplaceMime'))),
                ('Body with a message', '178', item, (empty, mime)),
                ('Body alone', '119', item, (empty,)),
                ('nobody', '179', item, (E('Forwardees'),)),
                ('no address', '179', item, (self.to('nobody'),)),
                ('a forged header', '179', item, (self.to('a@b.test\r\nBcc: eve@b.test'),)),
                ('a Body without Type', '179', item, (people, empty)),
                ('no event', '179', mail, (people,)),
                ('no item', '150', '99:1:1', (people,)),
                ('nothing at all', '103', item, ())):
            with self.subTest(name):
                self.assertEqual(self.forward(phone, where, *more), status)
        self.assertEqual(self.forward(phone, item, people, instance='2027-03-12T12:00:00.000Z'), '150')
        self.assertEqual(self.meeting_mail(ben, 'REQUEST'), [])


class Replying(CalendarTest):
    """A reply to an event has it quoted."""

    def reply(self, phone, folder, item, to, instance=None):
        mime = message(subject='Re: Planning', text='Fine.\n', to=to, sender=phone.user)
        if phone.number() < 140:
            params = [('CollectionId', folder), ('ItemId', item)]
            params += [('Occurrence', instance)] if instance else []
            answer = phone.post('SmartReply', mime, params, Content_Type='message/rfc822')
            return answer.code
        one = [E('InstanceId', instance)] if instance else []
        return phone.command('SmartReply', E('ComposeMail:SmartReply', E('ClientId', f'{instance}'), E(
            'Source', E('FolderId', folder), E('ItemId', item), *one), E('Mime', mime))).status

    @in_versions('12.1', '14.1', '16.1')
    def test_the_series_and_one_occurrence(self, version):
        phone, folder = self.calendar(version=version)
        old = version == '12.1'
        ben = self.phone()
        self.lab.deliver(phone.user, invitation(phone.user, extra='RRULE:FREQ=DAILY;COUNT=3\nLOCATION:Room 5'))
        item, _ = self.one_event(phone, folder)
        self.assertEqual(self.reply(phone, folder, item, ben.user), 200 if old else None)
        self.assertEqual(self.reply(phone, folder, item, ben.user, '2027-03-11T12:00:00.000Z'),
                         200 if old else None)
        texts = sorted(data.get('AirSyncBase:Body/Data') for data in self.inbox(ben).values())
        self.assertIn('Thu, 11 Mar 2027', texts[0])
        self.assertIn('Wed, 10 Mar 2027', texts[1])
        for text in texts:
            self.assertLess(text.index('Fine.'), text.index('-----Original Message-----'))
            for line in ('From: "Ben" <ben@example.org>', 'Subject: Planning', '> Where: Room 5'):
                self.assertIn(line, text)
        for instance, status in (('2027-04-11T12:00:00.000Z', '150'), ('soon', '104')):
            self.assertEqual(self.reply(phone, folder, item, ben.user, instance),
                             (500 if status == '150' else 400) if old else status)


def tnef(message_class, subject, uid_bytes, start, end, files=()):
    """A winmail.dat."""
    def attribute(level, kind, data):
        return struct.pack('<BII', level, kind, len(data)) + data + struct.pack('<H', sum(data) & 0xffff)

    def filetime(unix):
        return struct.pack('<Q', (unix + 11644473600) * 10000000)

    def named(kind, guid, lid, value):
        return struct.pack('<HH', kind, 0x8001) + bytes(16) + struct.pack('<II', 0, lid) + value

    def binary(data):
        return struct.pack('<II', 1, len(data)) + data + bytes(-len(data) % 4)

    text = (subject + '\0').encode('utf-16le')
    properties = [struct.pack('<HH', 0x1f, 0x37) + binary(text),
                  named(0x40, 0, 0x820d, filetime(start)), named(0x40, 0, 0x820e, filetime(end)),
                  named(0x102, 0, 0x23, binary(uid_bytes))]
    out = struct.pack('<IH', 0x223e9f78, 1)
    out += attribute(1, 0x78008, message_class.encode() + b'\0')
    out += attribute(1, 0x69003, struct.pack('<I', len(properties)) + b''.join(properties))
    for name, data in files:
        out += attribute(2, 0x69002, bytes(14))
        out += attribute(2, 0x18010, name.encode('cp1252') + b'\0')
        out += attribute(2, 0x6800f, data)
    return out


class Winmail(CalendarTest):

    UID = bytes.fromhex('040000008200E00074C5B7101A82E008') + bytes(20) + struct.pack('<I', 16) + bytes(range(16))

    def test_invitation_and_files(self):
        phone, folder = self.calendar()
        data = tnef('IPM.Microsoft Schedule.MtgReq', 'Grüße', self.UID, 1804680000, 1804683600,
                    [('Plan für alle.txt', b'plan')])
        self.lab.deliver(phone.user, message(attachments=[('winmail.dat', 'application/ms-tnef', data)]))
        item, found = self.one_event(phone, folder)
        self.assertEqual(found.get('Calendar:Subject'), 'Grüße')
        self.assertEqual(found.get('Calendar:UID'), self.UID.hex().upper())
        mail, = self.inbox(phone)
        shown = phone.items[phone.inbox][mail]
        names = [a.get('AirSyncBase:DisplayName') for a in shown.all('AirSyncBase:Attachments/AirSyncBase:Attachment')]
        self.assertEqual(names, ['Plan f\u00fcr alle.txt'])
        self.assertEqual(self.respond(phone, phone.inbox, mail, 1), ('1', item))

    FILES = [('Plan für alle.txt', b'plan'), ('numbers.bin', bytes(range(256)) * 40)]

    @in_versions('2.5', '12.1', '16.1')
    def test_files_in_every_form(self, version):
        data = tnef('IPM.Microsoft Mail.Note', 'Files', b'', 0, 0, self.FILES)
        mail = message('Packed', 'See the files.', attachments=[('winmail.dat', 'application/ms-tnef', data)])
        phone = self.phone(version=version)
        self.lab.deliver(phone.user, mail)
        old = phone.number() < 120
        for wish in ([None] if old else [options(body(TEXT)), options(body(HTML)), options(body(MIME), mime=2)]):
            phone.keys.clear()
            item, = phone.sync_all(phone.inbox, options=wish or ()).values()
            text = item.get('Email:Body') if old else item.get('AirSyncBase:Body/Data')
            self.assertIn('See the files.', text)
            found = item.all('Email:Attachments/Email:Attachment' if old else 'AirSyncBase:Attachments/AirSyncBase:Attachment')
            names = [a.get('Email:DisplayName' if old else 'AirSyncBase:DisplayName') for a in found]
            self.assertEqual(names, [name for name, _ in self.FILES])
            for attachment, (_, content) in zip(found, self.FILES):
                reference = attachment.get('Email:AttName' if old else 'AirSyncBase:FileReference')
                got = (phone.post('GetAttachment', b'', {'AttachmentName': reference}).body if phone.number() < 140 else
                       phone.fetch_attachment(reference, multipart=True).parts[0])
                self.assertEqual(got, content)

    def test_hostile_ones(self):
        phone, folder = self.calendar()
        data = tnef('IPM.Microsoft Schedule.MtgReq', 'x', self.UID, 1804680000, 1804683600)
        for bad in (data[:40], data[:-30], data[:60] + b'\xff' * 400, b'\x78\x9f\x3e\x22' + b'\xff' * 50):
            self.lab.deliver(phone.user, message(attachments=[('winmail.dat', 'application/ms-tnef', bad)]))
        self.assertEqual(len(self.inbox(phone)), 4)


if __name__ == '__main__':
    unittest.main()
