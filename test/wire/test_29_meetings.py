"""Meetings from the invitation to the end, in every form that devices have of it, and who may say what of them."""

import unittest

from common import in_versions, message
from meetings import (CALENDAR, TRASH, CalendarTest, attendees, cal, change, event, invitation, weekly)
from phone import delete
from wbxml import E

UID = 'meeting-of-both'
SERIES = 'RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=5'
THIRD = '2027-03-24T12:00:00.000Z'


class Whole(CalendarTest):
    """An organizer and an attendee with devices of one version: those below 16.0 mail by themselves."""

    def mail(self, phone, to, method, **more):
        """What a device below 16.0 sends beside its Sync or MeetingResponse."""
        content = invitation(to, uid=UID, method=method, mailed_by=phone.user, **more)
        if phone.number() < 140:
            answer = phone.post('SendMail', content, Content_Type='message/rfc822')
        else:
            answer = phone.command('SendMail', E('ComposeMail:SendMail', E('ClientId', f'{method}{len(content)}{more}'[:200]),
                                                 E('Mime', content)))
        self.assertEqual((answer.code, answer.body), (200, b''))

    def answer(self, guest, organizer, collection, item, answer, partstat, stamp, *instance):
        """Answers, and tells the organizer."""
        send = [E('SendResponse')] if guest.number() >= 160 else []
        status, _ = self.respond(guest, collection, item, answer, *instance, *send)
        self.assertEqual(status, '1')
        if guest.number() < 160:
            self.mail(guest, organizer.user, 'REPLY', organizer=organizer.user, attendee=guest.user,
                      partstat=partstat, sequence=1, stamp=stamp,
                      extra='RECURRENCE-ID:20270324T120000Z' if instance else '')

    def attendee_status(self, phone, folder, item):
        attendee = self.events(phone, folder)[item].find('Calendar:Attendees/Calendar:Attendee')
        return attendee.get('Calendar:AttendeeStatus')

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_from_the_invitation_to_the_cancellation(self, version):
        anna, folder = self.calendar(version=version)
        ben, theirs = self.calendar(version=version)
        old, status = anna.number() < 160, anna.number() >= 120
        plan = event('Plan', UID=UID, MeetingStatus=1) if old else event('Plan', ClientUid=UID, MeetingStatus=1)
        item = self.add(anna, folder, *plan, weekly(), attendees(ben.user))
        if old:
            self.mail(anna, ben.user, 'REQUEST', organizer=anna.user, extra=SERIES)
        # It is in the Inbox, and tentatively in the calendar.
        event_id, data = self.one_event(ben, theirs)
        self.assertEqual([data.get('Calendar:' + n) for n in ('BusyStatus', 'MeetingStatus')], ['1', '3'])
        mail, = self.inbox(ben)
        self.assertEqual(ben.items[ben.inbox][mail].find('Email:MeetingRequest').get('Email:Organizer')[-len(anna.user) - 1:],
                         anna.user + '>')
        # Answered in the Inbox: tentative.
        self.answer(ben, anna, ben.inbox, mail, 2, 'TENTATIVE', '20270102T000000Z')
        self.assertNotIn(mail, self.inbox(ben))
        if status:
            self.assertEqual(self.attendee_status(anna, folder, item), '2')
        # The organizer moves it: it is to be answered anew.
        moved = {'StartTime': '20270310T140000Z', 'EndTime': '20270310T150000Z'}
        self.events(anna, folder)
        if old:
            self.edit(anna, folder, change(item, *event('Plan', '20270310T140000Z', '20270310T150000Z', UID=UID,
                                                        MeetingStatus=1), weekly(), attendees(ben.user)))
            self.mail(anna, ben.user, 'REQUEST', organizer=anna.user, extra=SERIES, start='20270310T140000Z', sequence=1,
                      stamp='20270103T000000Z')
        else:
            self.edit(anna, folder, change(item, *cal(**moved)))
        data = self.events(ben, theirs)[event_id]
        self.assertEqual([data.get('Calendar:' + n) for n in ('StartTime', 'BusyStatus')], ['20270310T140000Z', '1'])
        # Answered in the calendar: accepted.
        self.answer(ben, anna, theirs, event_id, 1, 'ACCEPTED', '20270104T000000Z')
        self.assertEqual(self.events(ben, theirs)[event_id].get('Calendar:BusyStatus'), '2')
        if status:
            self.assertEqual(self.attendee_status(anna, folder, item), '3')
        # One occurrence is declined there.
        if anna.number() >= 141:
            instance = E('InstanceId', '2027-03-24T14:00:00.000Z')
            status, calendar_id = self.respond(ben, theirs, event_id, 3, instance)
            self.assertEqual((status, calendar_id), ('1', None))
            gone = self.events(ben, theirs)[event_id].find('Calendar:Exceptions/Calendar:Exception')
            self.assertEqual(gone.get('Calendar:Deleted'), '1')
        # Cancelled.
        self.edit(anna, folder, delete(item))
        if old:
            self.mail(anna, ben.user, 'CANCEL', organizer=anna.user, sequence=2, stamp='20270105T000000Z')
        self.assertEqual(self.events(ben, theirs)[event_id].get('Calendar:MeetingStatus'), '7')
        self.assertEqual(self.events(anna, folder), {})
        # The server has mailed nothing that the devices have mailed (one invitation is in Deleted Items).
        for user, methods in ((ben.user, ('REQUEST', 'CANCEL')), (anna.user, ('REPLY',))):
            for method, count in zip(methods, (1, 1) if user == ben.user else (2,)):
                self.assertEqual(len(self.meeting_mail(user, method)), count, (user, method))

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_declined_in_the_inbox_and_in_the_calendar(self, version):
        phone, folder = self.calendar(version=version)
        for number, where in enumerate((phone.inbox, folder)):
            self.lab.deliver(phone.user, invitation(phone.user, uid=f'm{number}'))
            item, _ = self.one_event(phone, folder)
            mail = sorted(self.inbox(phone))[-1]
            self.assertEqual(self.respond(phone, where, mail if where == phone.inbox else item, 3), ('1', None))
            self.assertEqual(self.events(phone, folder), {})

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_a_counter_proposal_is_kept_with_the_answer(self, version):
        anna, folder = self.calendar(version=version)
        ben = self.account()
        uid = {'UID': UID} if anna.number() < 160 else {'ClientUid': UID}
        item = self.add(anna, folder, *event('Plan', MeetingStatus=1, **uid), attendees(ben))
        self.lab.deliver(anna.user, invitation(anna.user, uid=UID, method='COUNTER', start='20270310T170000Z',
                                               organizer=anna.user, attendee=ben, mailed_by=ben, partstat='TENTATIVE'))
        attendee = self.events(anna, folder)[item].find('Calendar:Attendees/Calendar:Attendee')
        if anna.number() >= 120:
            self.assertEqual(attendee.get('Calendar:AttendeeStatus'), '2')
        self.assertEqual(attendee.get('MeetingResponse:ProposedStartTime'),
                         '20270310T170000Z' if version == '16.1' else None)
        self.assertEqual(self.events(anna, folder)[item].get('Calendar:StartTime'), '20270310T120000Z')


class WhoSaysIt(CalendarTest):
    """What is mailed in the organizer's name by somebody else changes nothing; what is in an attendee's neither."""

    def status(self, phone, folder):
        _, data = self.one_event(phone, folder)
        return data.get('Calendar:StartTime'), data.get('Calendar:MeetingStatus')

    def test_updates_and_cancellations(self):
        phone, folder = self.calendar()
        user, before, cancelled = phone.user, ('20270310T120000Z', '3'), ('20270310T120000Z', '7')
        delegate = ';SENT-BY="mailto:pa@example.org"'
        service = {'Reply_To': 'ben@example.org'}
        for number, (name, invited, cancels, want) in enumerate((
                ('another', {}, {'mailed_by': 'eve@example.org'}, before),
                ('another, who calls himself the delegate', {}, {'mailed_by': 'eve@example.org',
                    'named': ';SENT-BY="mailto:eve@example.org"'}, before),
                ('another, answered to the organizer', {}, {'mailed_by': 'eve@example.org', **service}, before),
                ('another beside the organizer', {}, {'mailed_by': 'eve@example.org, ben@example.org'}, before),
                ('who has forwarded the invitation', {'mailed_by': 'eve@example.org'}, {'mailed_by': 'eve@example.org'},
                 before),
                ('the organizer of what was forwarded', {'mailed_by': 'eve@example.org'}, {}, cancelled),
                ('his secretary, sending for him', {}, {'Sender': 'pa@example.org'}, cancelled),
                ('the delegate', {'named': delegate, 'mailed_by': 'pa@example.org'}, {'mailed_by': 'pa@example.org'},
                 cancelled),
                ('the service', {'mailed_by': 'invites@service.test', **service}, {'mailed_by': 'invites@service.test'},
                 cancelled))):
            with self.subTest(name):
                uid = f'm{number}'
                self.lab.deliver(user, invitation(user, uid=uid, **invited))
                self.assertEqual(self.status(phone, folder), before)
                self.lab.deliver(user, invitation(user, uid=uid, method='CANCEL', sequence=1, **cancels))
                self.assertEqual(self.status(phone, folder), want)
                if want == before:
                    self.lab.deliver(user, invitation(user, uid=uid, sequence=2, start='20270311T120000Z', **cancels))
                    self.assertEqual(self.status(phone, folder), before)
                item, _ = self.one_event(phone, folder)
                self.edit(phone, folder, delete(item))
                self.events(phone, folder)

    def test_an_organizer_with_aliases_here(self):
        phone, folder = self.calendar()
        ben = self.account()
        self.lab.sql("SELECT easel.alias_create(:'user', :'alias')", user=ben, alias='b-' + ben)
        self.lab.deliver(phone.user, invitation(phone.user, organizer=ben))
        self.lab.deliver(phone.user, invitation(phone.user, organizer=ben, mailed_by='b-' + ben, method='CANCEL', sequence=1))
        self.assertEqual(self.status(phone, folder)[1], '7')

    def test_what_the_user_accepts_he_has_looked_at(self):
        phone, folder = self.calendar()
        self.lab.deliver(phone.user, invitation(phone.user))
        self.lab.deliver(phone.user, invitation(phone.user, sequence=1, start='20270311T120000Z',
                                                mailed_by='colleague@example.org'))
        self.assertEqual(self.status(phone, folder)[0], '20270310T120000Z')
        mail = sorted(self.inbox(phone))[-1]
        self.assertEqual(self.respond(phone, phone.inbox, mail, 1)[0], '1')
        self.assertEqual(self.status(phone, folder)[0], '20270311T120000Z')

    def test_answers(self):
        anna, folder = self.calendar()
        ben = self.account()
        item = self.add(anna, folder, *event('Plan', ClientUid=UID, MeetingStatus=1), attendees(ben))
        for author, attendee, want in (('eve@example.org', ben, None), ('eve@example.org', 'eve@example.org', None),
                                       (ben, ben, '4')):
            self.lab.deliver(anna.user, invitation(anna.user, uid=UID, method='REPLY', organizer=anna.user,
                                                   attendee=attendee, partstat='DECLINED', mailed_by=author))
            found = self.events(anna, folder)[item].all('Calendar:Attendees/Calendar:Attendee')
            self.assertEqual([a.get('Calendar:AttendeeStatus') for a in found], [want], author)


class Occurrences(CalendarTest):

    def test_the_invitation_to_one_is_answered_for_it_alone(self):
        phone, folder = self.calendar()
        self.lab.deliver(phone.user, invitation(phone.user, extra=SERIES))
        self.lab.deliver(phone.user, invitation(phone.user, start='20270324T150000Z', sequence=1,
                                                extra='RECURRENCE-ID:20270324T120000Z'))
        mail = sorted(self.inbox(phone))[-1]
        for _ in range(2):
            self.assertEqual(self.respond(phone, phone.inbox, mail, 3), ('1', None))
            _, data = self.one_event(phone, folder)
            gone, = data.all('Calendar:Exceptions/Calendar:Exception')
            self.assertEqual((gone.get('Calendar:Deleted'), gone.get('AirSyncBase:InstanceId')), ('1', '20270324T120000Z'))
        # The organizer asks once more.
        self.lab.deliver(phone.user, invitation(phone.user, start='20270324T160000Z', sequence=2,
                                                extra='RECURRENCE-ID:20270324T120000Z'))
        item, data = self.one_event(phone, folder)
        again, = data.all('Calendar:Exceptions/Calendar:Exception')
        self.assertEqual((again.get('Calendar:Deleted'), again.get('Calendar:StartTime')), (None, '20270324T160000Z'))
        mail = sorted(self.inbox(phone))[-1]
        self.assertEqual(self.respond(phone, phone.inbox, mail, 1), ('1', item))
        self.assertEqual(self.one_event(phone, folder)[1].get('Calendar:ResponseType'), '5', 'the series was not answered')

    @in_versions('12.1', '14.1', '16.1')
    def test_one_that_was_deleted_is_not_there(self, version):
        phone, folder = self.calendar(version=version)
        ben = self.account()
        self.lab.deliver(phone.user, invitation(phone.user, extra=SERIES + '\nEXDATE:20270324T120000Z'))
        item, _ = self.one_event(phone, folder)
        for command in ('SmartForward', 'SmartReply'):
            mime = message(subject='FW: Plan', to=ben, sender=phone.user)
            if phone.number() < 140:
                answer = phone.post(command, mime, {'CollectionId': folder, 'ItemId': item, 'Occurrence': THIRD},
                                    Content_Type='message/rfc822')
                self.assertEqual(answer.code, 500)
            else:
                answer = phone.command(command, E('ComposeMail:' + command, E('ClientId', command), E(
                    'Source', E('FolderId', folder), E('ItemId', item), E('InstanceId', THIRD)), E('Mime', mime)))
                self.assertEqual(answer.status, '150')
        if phone.number() >= 160:
            answer = phone.command('SmartForward', E('ComposeMail:SmartForward', E('ClientId', 'people'), E(
                'Source', E('FolderId', folder), E('ItemId', item), E('InstanceId', THIRD)), E('Forwardees', E(
                    'Forwardee', E('Name', 'Ben'), E('Email', ben)))))
            self.assertEqual(answer.status, '150')
        if phone.number() >= 141:
            self.assertEqual(self.respond(phone, folder, item, 1, E('InstanceId', THIRD))[0], '2')
        self.assertEqual(self.rows(f"SELECT count(*) FROM easel.item i WHERE i.account_id = easel.account_of('{ben}')"), ['0'])


class Lent(CalendarTest):
    """Folders of somebody else."""

    def lent(self, path, kind, rights):
        """An owner who was invited, and the phone of a guest with a folder of his, which has one item."""
        owner, guest = self.account('owner'), self.account('guest')
        self.lab.sql("SELECT easel.folder_share(:'owner', :'path', :'guest', :'rights')", owner=owner, path=path,
                     guest=guest, rights=rights)
        self.lab.deliver(owner, invitation(owner))
        phone, _ = self.calendar(guest)
        folder = next(f for f, facts in phone.folders.items() if facts['DisplayName'].endswith(path)
                      and facts['Type'] == kind)
        item, = phone.sync_all(folder)
        return owner, phone, folder, item

    def response_of(self, user):
        phone, folder = self.calendar(user)
        return self.one_event(phone, folder)[1].get('Calendar:ResponseType')

    def test_an_invitation_in_anothers_inbox_stays_there(self):
        for rights in ('read', 'write'):
            with self.subTest(rights):
                owner, phone, inbox, mail = self.lent('Inbox', '12', rights)
                self.assertEqual(self.respond(phone, inbox, mail, 1)[0], '1')
                self.assertEqual(len(self.events(phone, phone.folder(CALENDAR))), 1)
                self.assertEqual(list(phone.sync_all(inbox)), [mail])
                self.assertEqual(phone.sync_all(phone.folder(TRASH)), {})
                self.assertEqual(self.response_of(owner), '5')

    def test_an_event_in_anothers_calendar_is_answered_for_him(self):
        for rights, want, response in (('read', '2', '5'), ('write', '1', '3')):
            with self.subTest(rights):
                owner, phone, folder, item = self.lent('Calendar', '13', rights)
                self.assertEqual(self.respond(phone, folder, item, 1)[0], want)
                self.assertNotIn(phone.user, self.stored(owner)[0])
                self.assertEqual(self.response_of(owner), response)


if __name__ == '__main__':
    unittest.main()
