"""Ping: told at once of news, never of what the phone did itself, and its limits (2.2.1.13)."""

import time

from common import BY_SQL, in_versions, message, not_behind_apache, not_over_imap, WireTest
from phone import body, TEXT, delete, options, read_change
from wbxml import E


class PingTest(WireTest):
    def changed(self, pending):
        """The folders that a Ping's answer names, which must say "changes"."""
        answer = pending.answer()
        self.assertEqual(answer.status, '2', answer)
        return [node.text for node in answer.root.all('Folders/Folder')]

    def ready_phone(self, version='16.1', user=None, folders=('2', '5')):
        """A phone that has synced Inbox and Sent Items."""
        phone = self.phone(user, version)
        for kind in folders:
            phone.sync_all(phone.folder(kind), options=options(body(TEXT)))
        return phone


class Woken(PingTest):
    @in_versions()
    def test_by_a_delivery(self, version):
        phone = self.ready_phone(version)
        ping = phone.ping([phone.inbox, phone.folder(5)], 300)
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(ping), [phone.inbox])
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 1)

    def test_at_once_when_something_is_there_already(self):
        phone = self.ready_phone()
        self.lab.deliver(phone.user, message(), 'Sent Items')
        self.assertEqual(self.changed(phone.ping([phone.inbox, phone.folder(5)], 300)),
                         [phone.folder(5)])

    def test_again_and_again_until_it_is_fetched(self):
        phone = self.ready_phone()
        self.lab.deliver(phone.user, message())
        for _ in range(3):
            self.assertEqual(self.changed(phone.ping([phone.inbox], 300)), [phone.inbox])

    def test_by_another_phones_edit(self):
        phone = self.ready_phone()
        self.lab.deliver(phone.user, message())
        other = self.ready_phone(user=phone.user)
        phone.sync_all(phone.inbox)
        item, _ = self.one_item(other)
        for command in (read_change(item, 1), delete(item)):
            ping = phone.ping([phone.inbox], 300)
            other.sync(other.inbox, moves=0, commands=[command])
            self.assertEqual(self.changed(ping), [phone.inbox])
            phone.sync_all(phone.inbox)

    def test_while_many_others_wait(self):
        phones = [self.ready_phone(folders=('2',)) for _ in range(20)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        for phone, ping in reversed(list(zip(phones, pings))):
            self.lab.deliver(phone.user, message())
            self.assertEqual(self.changed(ping), [phone.inbox])

    def test_two_phones_of_one_account(self):
        one = self.ready_phone()
        two = self.ready_phone('14.1', one.user)
        pings = one.ping([one.inbox], 300), two.ping([two.inbox], 300)
        self.lab.deliver(one.user, message())
        for ping in pings:
            self.assertEqual(self.changed(ping), [one.inbox])

    def test_quickly(self):
        """A message delivered is told within a moment, delivery included."""
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox], 300)
        phone.folder_sync()  # the worker has taken the Ping by now
        began = time.monotonic()
        self.lab.deliver(phone.user, message())
        self.changed(ping)
        self.assertLess(time.monotonic() - began, 2)


class NotWoken(PingTest):
    """After what must not wake it comes what must, in another folder: only that is named."""

    def only_the_second(self, phone, ping):
        self.lab.deliver(phone.user, message('To be told of'), 'Sent Items')
        self.assertEqual(self.changed(ping), [phone.folder(5)])

    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_by_own_edits(self, version):
        phone = self.ready_phone(version)
        for number in range(3):
            self.lab.deliver(phone.user, message(f'{number}'))
        items = list(phone.sync_all(phone.inbox))
        ping = phone.ping([phone.inbox, phone.folder(5)], 300)
        phone.sync(phone.inbox, moves=0, commands=[read_change(items[0], 1),
                                                   delete(items[1])])
        self.only_the_second(phone, ping)

    def test_by_own_edits_of_before(self):
        phone = self.ready_phone()
        self.lab.deliver(phone.user, message())
        item, = phone.sync_all(phone.inbox)
        phone.sync(phone.inbox, commands=[read_change(item, 1)])
        self.only_the_second(phone, phone.ping([phone.inbox, phone.folder(5)], 300))

    def test_by_mail_that_was_just_fetched(self):
        """The answer that brought it is not acknowledged yet."""
        phone = self.ready_phone()
        self.lab.deliver(phone.user, message())
        phone.sync(phone.inbox)
        self.only_the_second(phone, phone.ping([phone.inbox, phone.folder(5)], 300))

    def test_by_folders_not_named(self):
        phone = self.ready_phone()
        ping = phone.ping([phone.folder(5)], 300)
        self.lab.deliver(phone.user, message())
        self.only_the_second(phone, ping)

    def test_by_somebody_elses_mail(self):
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox, phone.folder(5)], 300)
        self.lab.deliver(self.account('ben'), message())
        self.only_the_second(phone, ping)

    @not_over_imap(BY_SQL)
    def test_by_mail_outside_of_the_filter(self):
        phone = self.phone()
        for kind in ('2', '5'):
            phone.sync_all(phone.folder(kind), options=options(filter_type=1))
        ping = phone.ping([phone.inbox, phone.folder(5)], 300)
        self.lab.sql("""
            WITH f AS (UPDATE easel.folder f SET next_uid = next_uid + 1, modseq = modseq + 1
                       FROM easel.account a WHERE a.id = f.account_id AND a.address = :'user'
                       AND f.role = 'inbox' RETURNING f.*),
                 c AS (INSERT INTO easel.content (account_id, summary, data)
                       SELECT account_id, '{}', '\\x' FROM f RETURNING *)
            INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
            SELECT f.account_id, f.id, f.next_uid - 1, f.modseq, now() - interval '9 days', 0, c.id
            FROM f, c""", user=phone.user)
        self.only_the_second(phone, ping)

    def test_by_folders_never_synced(self):
        """iOS names such folders: they are ignored (clients.md)."""
        phone = self.ready_phone()
        drafts = phone.folder(3)
        self.lab.deliver(phone.user, message(), 'Drafts')
        self.only_the_second(phone, phone.ping([drafts, phone.inbox, phone.folder(5)], 300))


class Remembered(PingTest):
    """Heartbeat and folders are kept for requests that leave them out (R3152, R321, R322)."""

    @in_versions()
    def test_an_empty_ping(self, version):
        phone = self.ready_phone(version)
        first = phone.ping([phone.inbox], 300)
        self.lab.deliver(phone.user, message('One'))
        self.changed(first)
        phone.sync_all(phone.inbox)
        second = phone.begin('Ping')
        self.lab.deliver(phone.user, message('Two'))
        self.assertEqual(self.changed(second), [phone.inbox])

    def test_only_folders_or_only_the_heartbeat(self):
        phone = self.ready_phone()
        self.lab.deliver(phone.user, message())
        self.changed(phone.ping([phone.inbox], 300))
        self.assertEqual(self.changed(phone.ping([phone.inbox])), [phone.inbox])
        only_heartbeat = phone.begin('Ping', E('Ping:Ping', E('HeartbeatInterval', 400)))
        self.assertEqual(self.changed(only_heartbeat), [phone.inbox])

    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_nothing_to_remember_is_status_3(self, version):
        """MS-ASCMD R4240, R4241."""
        phone = self.phone(version=version)
        for document in (None, E('Ping:Ping', E('HeartbeatInterval', 300)),
                         E('Ping:Ping', E('HeartbeatInterval', 300), E('Folders'))):
            answer = phone.begin('Ping', document).answer()
            self.assertEqual(answer.status, '3')


class Limits(PingTest):
    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_a_heartbeat_out_of_range(self, version):
        """Status 5 with the nearest allowed value (MS-ASCMD R4246 to R4248)."""
        low, high = self.lab.sql('SELECT heartbeat_min, heartbeat_max FROM easel.server')[0]
        phone = self.ready_phone(version)
        for wish, allowed in ((int(low) - 1, low), (0, low), (-60, low), (int(high) + 1, high),
                              (9 * 10 ** 9, high), (10 ** 30, high)):
            with self.subTest(wish):
                answer = phone.ping([phone.inbox], wish).answer()
                self.assertEqual((answer.status, answer.root.get('HeartbeatInterval')),
                                 ('5', allowed))

    @in_versions('12.1', '16.1')
    def test_too_many_folders(self, version):
        """Status 6 with MaxFolders (R4253)."""
        self.lab.sql('UPDATE easel.server SET ping_max_folders = 2')
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET ping_max_folders = 200')
        phone = self.ready_phone(version)
        answer = phone.ping(list(phone.folders)[:3], 300).answer()
        self.assertEqual((answer.status, answer.root.get('MaxFolders')), ('6', '2'))
        answer = phone.ping([str(number) for number in range(1, 3000)], 300).answer()
        self.assertEqual((answer.status, answer.root.get('MaxFolders')), ('6', '2'))

    def test_what_makes_no_sense_is_status_4(self):
        phone = self.ready_phone()
        folders = E('Folders', E('Folder', E('Id', phone.inbox), E('Class', 'Email')))
        for document in (E('Ping:Ping', E('HeartbeatInterval', 'soon'), folders),
                         E('Ping:Ping', E('HeartbeatInterval', '3e2'), folders),
                         E('Ping:Ping', E('HeartbeatInterval', '300 s'), folders),
                         E('Ping:Ping', E('HeartbeatInterval', '0x100'), folders),
                         E('Ping:Ping', E('HeartbeatInterval', 300),
                           E('Folders', E('Folder', E('Class', 'Email'))))):
            answer = phone.begin('Ping', document).answer()
            self.assertIn(answer.status, ('3', '4'))

    @in_versions('12.1', '16.1')
    def test_a_folder_that_is_gone(self, version):
        """Status 7: the phone's folders are out of date (MS-ASCMD R4257)."""
        phone = self.ready_phone(version)
        self.lab.sql("DELETE FROM easel.folder f USING easel.account a WHERE a.id = f.account_id"
                     " AND a.address = :'user' AND f.role = 'sent'", user=phone.user)
        for folders in ([phone.inbox, phone.folder(5)], [phone.folder(5)], [phone.inbox]):
            answer = phone.ping(folders, 300).answer(within=10)
            self.assertIsNotNone(answer, 'the Ping waits')
            self.assertEqual(answer.status, '7')

    @not_over_imap(BY_SQL)
    def test_a_folder_that_stays_gone(self):
        """FolderSync is asked for three times; then the folder is ignored and the user is told."""
        phone = self.phone()
        gone = phone.folder(5)
        phone.sync_all(phone.inbox)
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'Trips') FROM easel.account"
                     " WHERE address = :'user'", user=phone.user)
        phone.folder_sync()
        gone = next(f for f, entry in phone.folders.items()
                    if entry.get('DisplayName') == 'Trips')
        self.lab.sql("DELETE FROM easel.folder f USING easel.account a WHERE a.id = f.account_id"
                     " AND a.address = :'user' AND f.name = 'Trips'", user=phone.user)
        phone.folder_sync()
        for _ in range(3):
            self.assertEqual(phone.ping([phone.inbox, gone], 300).answer().status, '7')
        ping = phone.ping([phone.inbox, gone], 300)
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(ping), [phone.inbox])
        phone.sync_all(phone.inbox)
        while len(phone.items[phone.inbox]) < 2:  # the mail that tells of it is on its way
            self.assertEqual(self.changed(phone.ping([phone.inbox, gone], 300)), [phone.inbox])
            phone.sync_all(phone.inbox)
        told = [item for item in phone.items[phone.inbox].values() if 'Trips' in str(item)]
        self.assertEqual(len(told), 1, phone.items[phone.inbox])

    @in_versions('12.1', '16.1')
    def test_folders_that_never_were_are_ignored(self, version):
        """The phone knows the folders of today: status 7 would only make it ask again and again."""
        phone = self.ready_phone(version)
        ping = phone.ping(['999', phone.inbox, 'abc', '-1', '1:1'], 300)
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(ping), [phone.inbox])

    def test_a_changed_folder_tree_ends_the_waiting(self):
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox], 300)
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'New') FROM easel.account"
                     " WHERE address = :'user'", user=phone.user)
        self.assertEqual(ping.answer().status, '7')
        phone.folder_sync()
        ping = phone.ping([phone.inbox], 300)
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(ping), [phone.inbox])

    @in_versions('12.1', '16.1')
    def test_the_heartbeat_ends(self, version):
        """With the shortest one that the server can be told to allow."""
        self.lab.sql('UPDATE easel.server SET heartbeat_min = 1')
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET heartbeat_min = 60')
        phone = self.ready_phone(version)
        began = time.monotonic()
        self.assertEqual(phone.ping([phone.inbox], 1).answer().status, '1')
        self.assertGreater(time.monotonic() - began, 0.9)


class Waiting(PingTest):
    def test_a_new_ping_ends_the_old_one(self):
        """A phone that lost its connection asks again; the old request must not stay behind."""
        phone = self.ready_phone()
        old = phone.ping([phone.inbox], 300)
        phone.folder_sync()  # the worker has taken the first Ping by now
        new = phone.ping([phone.inbox], 300)
        self.assertEqual(old.answer().status, '1')
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(new), [phone.inbox])

    def test_a_waiting_sync_and_a_ping_end_each_other(self):
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox], 300)
        phone.folder_sync()
        sync = phone.begin('Sync', phone.sync_request(phone.collection(phone.inbox), wait=5))
        self.assertEqual(ping.answer().status, '1')
        phone.folder_sync()
        ping = phone.ping([phone.inbox], 300)
        answer = sync.answer()
        self.assertEqual((answer.code, answer.root), (200, None))
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(ping), [phone.inbox])

    def test_a_waiting_sync_is_sent_to_foldersync(self):
        """Status 12 where a Ping has 7."""
        phone = self.ready_phone()
        sync = phone.begin('Sync', phone.sync_request(phone.collection(phone.inbox), wait=5))
        phone.folder_sync()
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'New') FROM easel.account"
                     " WHERE address = :'user'", user=phone.user)
        self.assertEqual(sync.answer().status, '12')

    def test_push_switched_off_and_on(self):
        """What waits comes again at once; nothing but the folder tree wakes it while it is off."""
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox], 300)
        self.until_waiting(phone)
        switch = 'UPDATE easel.account SET push = {} WHERE address = :\'user\''
        self.lab.sql(switch.format('false'), user=phone.user)
        self.assertEqual(ping.answer().status, '1')
        ping = phone.ping([phone.inbox], 300)
        self.lab.deliver(phone.user, message())
        self.assertIsNone(ping.answer(within=1))
        self.lab.sql(switch.format('NULL'), user=phone.user)
        self.assertEqual(self.changed(phone.ping([phone.inbox], 300)), [phone.inbox])

    def test_other_commands_go_on(self):
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox, phone.folder(5)], 300)
        for _ in range(5):
            self.assertEqual(phone.folder_sync().status, '1')
            self.assertIsNone(phone.sync(phone.inbox))
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(ping), [phone.inbox])

    @not_behind_apache('Apache does not see a phone hang up')
    def test_a_phone_that_hung_up(self):
        """Its request is forgotten at once, and not kept for the heartbeat."""
        phone = self.ready_phone()
        before = len([line for line in self.lab.log_lines() if 'end=hung-up' in line])
        for number in range(1, 4):
            ping = phone.ping([phone.inbox], 300)
            phone.folder_sync()  # the worker has taken the Ping by now
            ping.hang_up()
            self.wait_for_log(before + number, 'end=hung-up')
        self.lab.deliver(phone.user, message())
        self.assertEqual(self.changed(phone.ping([phone.inbox], 300)), [phone.inbox])

    def test_a_disabled_account_is_not_told(self):
        """The gate is asked again before a waiting request is answered."""
        phone = self.ready_phone()
        ping = phone.ping([phone.inbox], 300)
        phone.folder_sync()
        self.lab.sql("UPDATE easel.account SET enabled = false WHERE address = :'user'",
                     user=phone.user)
        self.lab.deliver(phone.user, message())
        answer = ping.answer(within=0.5)
        # Status 7 sends the phone to FolderSync, which tells it that it may not come in.
        self.assertTrue(answer is None or answer.code != 200 or answer.status in '17', answer)
