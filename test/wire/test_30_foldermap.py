"""The folder map: which folders a device is shown, where and under which names, by its settings."""

import base64
import os
import random
import time

from common import message
from mapped import ROOT, Mapped
from phone import body, delete, options, read_change
from wbxml import E

MAIL, CONTACTS, USER_CONTACTS = '12', '9', '14'

# Mode: settings, and how often a folder is shown: default mail, other mail, default groupware, other groupware.
MODES = {
    'groupware as email': ({'groupware_folders': 'all_as_email'}, (2, 1, 2, 2)),
    'default mail, groupware as email': ({'mail_folders': 'default', 'groupware_folders': 'all_as_email'}, (2, 1, 2, 2)),
    'all mail, all groupware': ({'mail_folders': 'all', 'groupware_folders': 'all'}, (2, 1, 1, 1)),
    'all mail, default groupware': ({'mail_folders': 'all', 'groupware_folders': 'default'}, (2, 1, 1, 0)),
    'default mail, all groupware': ({'mail_folders': 'default', 'groupware_folders': 'all'}, (1, 0, 1, 1)),
    'default mail, default groupware': ({'mail_folders': 'default', 'groupware_folders': 'default'}, (1, 0, 1, 0)),
    'tree': ({'mail_folders': 'tree', 'groupware_folders': 'all'}, (1, 1, 1, 1)),
}
EMAIL = MODES['groupware as email'][0]
ALL = MODES['all mail, all groupware'][0]


class Occurrence(Mapped):
    def test_every_folder_is_shown_as_often_as_the_mode_says(self):
        for name, (settings, counts) in MODES.items():
            with self.subTest(name):
                phone = self.mapped(settings, ('Work', None), ('Events2', 'Contacts', 'Contacts'))
                names = (('Inbox', 'Drafts', 'Deleted Items', 'Sent Items', 'Outbox'), ('Work',),
                         ('Contacts', 'Tasks', 'Calendar', 'Notes'), ('Events2',))
                for group, count in zip(names, counts):
                    for folder in group:
                        self.assertEqual(len(self.shown(phone, folder)), count, (folder, self.paths(phone)))
                owner = phone.user.partition('@')[0].title()
                self.assertEqual(len(self.shown(phone, owner)), counts[0] - 1, 'the virtual root')
                self.assertEqual(len({(f['ParentId'], f['DisplayName'].lower()) for f in phone.folders.values()}),
                                 len(phone.folders))

    def test_mail_is_under_the_root_and_groupware_is_named_by_its_path(self):
        phone = self.mapped(ALL, ('Work', None), ('Plans', 'Work', 'Contacts'), ('Sub', 'Inbox'), ('Deep', 'Work\\Plans'))
        root = self.find(phone, phone.user.partition('@')[0].title())
        owner = phone.folders[root]['DisplayName']
        for path in ('Inbox', f'{owner}/Inbox', f'{owner}/Inbox/Sub', f'{owner}/Work', 'Work\\Plans',
                     f'{owner}/Work/Plans\\Deep', 'Contacts'):
            self.find(phone, path)
        self.assertEqual(phone.folders[self.find(phone, 'Work\\Plans')]['Type'], USER_CONTACTS)
        self.assertEqual({phone.folders[f]['Type'] for f in phone.folders if phone.folders[f]['ParentId'] != ROOT}, {MAIL})

    def test_groupware_as_email_keeps_the_hierarchy(self):
        phone = self.mapped(EMAIL, ('Plans', 'Inbox', 'Contacts'), ('Notes', 'Inbox\\Plans'), ('Docs', None, 'Files'))
        owner = phone.user.partition('@')[0].title()
        for path in (f'{owner}/Inbox/Plans', f'{owner}/Inbox/Plans/Notes', f'{owner}/Docs', f'{owner}/Contacts', 'Inbox\\Plans'):
            self.find(phone, path)
        self.assertEqual(len(self.shown(phone, 'Docs')), 1)

    def test_the_archive_can_be_left_out(self):
        phone = self.mapped({**ALL, 'archive': 'true'}, ('Archive', None, 'Email', 'archive'), ('2025', 'Archive'))
        self.assertEqual(len(self.shown(phone, 'Archive')), 1)
        self.assertEqual(len(self.shown(phone, '2025')), 1)
        archive, = self.shown(phone, 'Archive')
        self.assertEqual(phone.folder_delete(archive).status, '3')
        self.assertEqual(phone.folder_update(archive, 'Old', phone.folders[archive]['ParentId']).status, '2')
        self.set(phone.user, **ALL, archive='false')
        self.assertEqual(len(self.changes(phone.folder_sync())), 2)
        self.assertEqual(self.shown(phone, 'Archive') + self.shown(phone, '2025'), [])

    def test_a_change_of_settings_is_told_and_ids_stay(self):
        phone = self.mapped({'mail_folders': 'tree'}, ('Work', None), ('Events2', None, 'Contacts'))
        tree = dict(phone.folders)
        for settings, _ in list(MODES.values()) * 2:
            self.set(phone.user, **settings)
            self.assert_alike(phone)
        self.set(phone.user, mail_folders='tree')
        phone.folder_sync()
        self.assertEqual(phone.folders, tree)

    def test_another_default_folder_is_told(self):
        phone = self.mapped(ALL, ('Events2', None, 'Contacts'))
        other, contacts = self.find(phone, 'Events2'), self.find(phone, 'Contacts')
        pending = phone.ping([phone.inbox], 60)
        self.wait_for_log(0, 'Ping')
        self.lab.sql("SELECT easel.folder_set_default(a.id, :folder) FROM easel.account a WHERE a.address = :'user'",
                     user=phone.user, folder=other)
        self.assertEqual(pending.answer().status, '7')
        phone.folder_sync()
        self.assertEqual((phone.folders[other]['Type'], phone.folders[contacts]['Type']), (CONTACTS, USER_CONTACTS))

    def test_a_quarantined_device_sees_default_folders_only(self):
        phone = self.mapped(EMAIL, ('Work', None), ('Events2', None, 'Contacts'))
        self.lab.sql("UPDATE easel.device SET access = 'quarantined', access_by = 'administrator' WHERE device_id = :'id'",
                     id=phone.device_id)
        phone.folder_sync()
        self.assertEqual(self.shown(phone, 'Work') + self.shown(phone, 'Events2'), [])
        self.assertEqual(len(self.shown(phone, 'Inbox')), 1)


class Twins(Mapped):
    def both(self):
        phone = self.mapped(ALL)
        self.lab.deliver(phone.user, message('Twice'))
        twin, = [f for f in self.shown(phone, 'Inbox') if f != phone.inbox]
        for folder in (phone.inbox, twin):
            self.assertEqual(len(phone.sync_all(folder)), 1)
        return phone, phone.inbox, twin

    def test_a_change_in_one_shows_in_both(self):
        phone, inbox, twin = self.both()
        pending = phone.ping([inbox], 60)
        item, _ = self.one_item(phone, twin)
        phone.sync(twin, commands=[read_change(item, 1)])
        self.assertEqual(pending.answer().root.get('Folders/Folder'), inbox)
        phone.sync(inbox)
        self.assertEqual(self.one_item(phone, inbox)[1].get('Email:Read'), '1')

    def test_new_mail_wakes_both(self):
        phone, inbox, twin = self.both()
        pending = phone.ping([inbox, twin], 60)
        self.lab.deliver(phone.user, message('Again'))
        changed = [f.text for f in pending.answer().root.all('Folders/Folder')]
        self.assertEqual(sorted(changed), sorted([inbox, twin]))

    def test_a_move_between_them_moves_and_loses_nothing(self):
        phone, inbox, twin = self.both()
        item, _ = self.one_item(phone, inbox)
        self.assertEqual(phone.move(item, inbox, twin), 4)
        for folder in (inbox, twin):
            phone.sync(folder)
            self.assertEqual(len(phone.items[folder]), 1)

    def test_a_move_from_a_twin_takes_the_item_out_of_both(self):
        phone, inbox, twin = self.both()
        item, _ = self.one_item(phone, twin)
        trash = phone.folder(4)
        self.assertIsInstance(phone.move(item, twin, trash), str)
        phone.sync(inbox)
        self.assertEqual((phone.items[inbox], phone.items[twin]), ({}, {}))

    def search(self, phone, words, *conditions):
        store = phone.command('Search', E('Search:Search', E(
            'Store', E('Name', 'Mailbox'), E('Query', E('And', E('FreeText', words), *conditions)),
            E('Options', E('DeepTraversal'), E('Range', '0-9'))))).root.find('Response/Store')
        return [(r.get('AirSync:CollectionId'), r.get('Properties/Email:Subject')) for r in store.all('Result') if r.children]

    def test_a_search_finds_it_once_and_where_it_was_looked_for(self):
        phone, inbox, twin = self.both()
        root = phone.folders[twin]['ParentId']
        self.assertEqual(self.search(phone, 'twice'), [(inbox, 'Twice')])
        for folder, found in ((inbox, inbox), (twin, twin), (root, twin)):
            with self.subTest(folder):
                self.assertEqual(self.search(phone, 'twice', E('AirSync:CollectionId', folder)), [(found, 'Twice')])
        self.set(phone.user, mail_folders='tree')
        phone.folder_sync()
        self.assertEqual(self.search(phone, 'twice', E('AirSync:CollectionId', twin)), [])

    def test_a_conversation_is_moved_for_good_into_a_twin(self):
        phone, inbox, twin = self.both()
        conversation = self.one_item(phone)[1].find('Email2:ConversationId').data
        work = phone.folder_create('Work').root.get('ServerId')

        def move(folder):
            return phone.item_operations(E('Move', E('ConversationId', conversation), E('DstFldId', folder),
                                           E('Options', E('MoveAlways')))).root.get('Response/Move/Status')
        self.assertEqual(move(work), '1')
        self.assertEqual((phone.sync_all(inbox), len(phone.sync_all(work))), ({}, 1))
        self.assertEqual(move(twin), '1')
        self.lab.deliver(phone.user, message('Twice'))
        self.assertEqual((len(phone.sync_all(inbox)), len(phone.sync_all(twin)), phone.sync_all(work)), (2, 2, {}))

    def test_the_root_is_an_empty_folder(self):
        phone = self.mapped(ALL)
        root = self.find(phone, phone.user.partition('@')[0].title())
        self.assertEqual(phone.sync_all(root), {})
        self.lab.deliver(phone.user, message('Stays'))
        phone.sync_all(phone.inbox)
        item, _ = self.one_item(phone)
        self.assertEqual(phone.move(item, phone.inbox, root), 2)
        self.assertEqual(phone.ping([root], 60).hang_up(), None)


class Edits(Mapped):
    def test_new_mail_goes_under_the_root(self):
        phone = self.mapped(ALL)
        made = phone.folder_create('New').root.get('ServerId')
        self.assert_alike(phone)
        self.assertEqual(self.path(phone, made), phone.user.partition('@')[0].title() + '/New')

    def test_what_is_made_in_a_default_folder_is_in_its_twin(self):
        """The default folders stand outside of the root with nothing in them."""
        phone = self.mapped(ALL, ('Work', None))
        owner = phone.user.partition('@')[0].title()
        made = phone.folder_create('Sub', phone.inbox).root.get('ServerId')
        self.assertEqual(phone.ping([phone.inbox], 60).answer().status, '7', 'the device is led to FolderSync')
        self.assert_alike(phone)
        self.assertEqual(self.path(phone, made), f'{owner}/Inbox/Sub')
        deep = phone.folder_create('Deep', made).root.get('ServerId')
        self.assertEqual(phone.folder_update(made, 'Sub', self.find(phone, f'{owner}/Work')).status, '1')
        self.assert_alike(phone)
        self.assertEqual(self.path(phone, deep), f'{owner}/Work/Sub/Deep', 'what is in it follows')
        phone.sync_all(phone.inbox)
        self.assertEqual(phone.ping([phone.inbox], 60).hang_up(), None)

    def test_a_twin_follows_its_folder(self):
        """Whatever becomes of one appearance of a folder becomes of the other."""
        phone = self.mapped(EMAIL, ('Events2', None, 'Contacts'))
        flat, = [f for f in self.shown(phone, 'Events2') if phone.folders[f]['Type'] == USER_CONTACTS]
        mail, = [f for f in self.shown(phone, 'Events2') if phone.folders[f]['Type'] == MAIL]
        for number, (folder, other) in enumerate([(flat, mail), (mail, flat)]):
            self.assertEqual(phone.folder_update(folder, f'Name {number}', phone.folders[folder]['ParentId']).status, '1')
            self.assert_alike(phone)
            self.assertEqual(phone.folders[other]['DisplayName'], f'Name {number}')
        self.assertEqual(phone.folder_delete(flat).status, '1')
        self.assert_alike(phone)
        self.assertNotIn(mail, phone.folders)

    def test_what_is_made_in_groupware_as_email_is_groupware(self):
        phone = self.mapped(EMAIL)
        inside, = [f for f in self.shown(phone, 'Contacts') if phone.folders[f]['Type'] == MAIL]
        made = phone.folder_create('Trips', inside).root.get('ServerId')
        self.assertIn(made, phone.folders)
        self.assert_alike(phone)
        self.assertEqual(phone.folders[made], {'ParentId': inside, 'DisplayName': 'Trips', 'Type': MAIL})
        self.assertEqual(phone.folders[self.find(phone, 'Contacts\\Trips')]['Type'], USER_CONTACTS)

    def test_groupware_is_renamed_to_its_path(self):
        phone = self.mapped(ALL)
        contacts = self.find(phone, 'Contacts')
        made = phone.folder_create('Trips', contacts, 14).root.get('ServerId')
        self.assertEqual(phone.folders[made]['ParentId'], contacts)
        self.assert_alike(phone)
        self.assertEqual(self.path(phone, made), 'Contacts\\Trips')
        below = phone.folder_create('Far', made, 14).root.get('ServerId')
        self.assertEqual(phone.folder_update(made, 'Contacts\\Journeys').status, '1')
        self.assert_alike(phone)
        self.assertEqual((self.path(phone, made), self.path(phone, below)), ('Contacts\\Journeys', 'Contacts\\Journeys\\Far'))
        self.assertEqual(phone.folder_update(made, 'Short').status, '1')
        self.assert_alike(phone)
        self.assertEqual(self.path(phone, made), 'Contacts\\Short')

    def test_deleting_one_deletes_all_its_appearances(self):
        phone = self.mapped(EMAIL, ('Events2', None, 'Contacts'), ('Deep', 'Events2', 'Contacts'))
        mail, = [f for f in self.shown(phone, 'Events2') if phone.folders[f]['Type'] == MAIL]
        self.assertEqual(phone.folder_delete(mail).status, '1')
        self.assert_alike(phone)
        self.assertEqual(self.shown(phone, 'Events2') + self.shown(phone, 'Deep'), [])

    def test_making_is_refused_where_only_default_folders_are_shown(self):
        for mode, mail, groupware in (('default mail, all groupware', '3', '1'), ('all mail, default groupware', '1', '3'),
                                      ('default mail, default groupware', '3', '3')):
            with self.subTest(mode):
                phone = self.mapped(MODES[mode][0])
                self.assertEqual(phone.folder_create('Mail').status, mail)
                self.assertEqual(phone.folder_create('Events', kind=14).status, groupware)
                self.assert_alike(phone)

    def test_special_folders_stay(self):
        phone = self.mapped(EMAIL, ('Work', None))
        before = dict(phone.folders)
        owner = phone.user.partition('@')[0].title()
        for path in ('Inbox', f'{owner}/Inbox', 'Contacts', f'{owner}/Contacts', owner):
            with self.subTest(path):
                folder = self.find(phone, path)
                self.assertEqual(phone.folder_delete(folder).status, '3')
                self.assertEqual(phone.folder_update(folder, 'x', phone.folders[folder]['ParentId']).status, '2')
        self.assertEqual(phone.folder_update(self.find(phone, f'{owner}/Work'), 'Work').status, '2')  # out of the root
        self.assertEqual(phone.folder_update(self.find(phone, f'{owner}/Work'), 'Work', phone.inbox).status, '2')
        self.assert_alike(phone)
        self.assertEqual(phone.folders, before)

    def test_any_edits_on_both_sides_leave_both_alike(self):
        for mode in ('tree', 'all mail, all groupware', 'groupware as email'):
            for seed in range(int(os.environ.get('EASEL_SEEDS', 1))):
                with self.subTest(f'{mode}, seed {seed}'):
                    self.run_edits(random.Random(f'{mode} {seed}'), self.mapped(MODES[mode][0]))

    def run_edits(self, dice, phone):
        """Edits on both sides, and whatever else happens to a tree. EASEL_SEEDS: how many walks of each mode."""
        for step in range(40):
            folders = list(phone.folders)
            one, other = dice.choice(folders), dice.choice([*folders, ROOT])
            name = f'{dice.choice("ABC")}{step % 7}'
            dice.choice([
                lambda: phone.folder_create(name, other, dice.choice([12, 12, 14])),
                lambda: phone.folder_update(one, name, dice.choice([other, phone.folders[one]['ParentId']])),
                lambda: phone.folder_delete(one),
                lambda: self.edit_on_server(phone.user, dice, name),
                lambda: self.edit_on_server(phone.user, dice, name),
                lambda: self.another_default(phone.user),
                lambda: self.set(phone.user, **dice.choice(list(MODES.values()))[0]),
                lambda: self.lost(phone, dice, one, other, name),
                lambda: phone.folder_sync(),
                lambda: phone.folder_sync(key='0'),
            ])()
        self.assert_alike(phone)

    def lost(self, phone, dice, one, other, name):
        """An edit or a FolderSync of which the answer never comes; the phone repeats it, or goes on otherwise."""
        command, content = dice.choice([
            ('FolderSync', []),
            ('FolderCreate', [E('ParentId', other), E('DisplayName', name), E('Type', dice.choice([12, 14]))]),
            ('FolderUpdate', [E('ServerId', one), E('ParentId', phone.folders[one]['ParentId']), E('DisplayName', name)]),
            ('FolderDelete', [E('ServerId', one)])])
        request = E('FolderHierarchy:' + command, E('SyncKey', phone.folder_key), *content)
        for _ in range(dice.choice([1, 1, 2])):
            phone.command(command, request)

    def another_default(self, user):
        """Makes the newest folder of contacts the default one."""
        self.lab.sql("SELECT easel.folder_set_default(f.account_id, f.id) FROM easel.folder f WHERE f.account_id ="
                     " easel.account_by_address(:'user') AND f.class = 'Contacts' AND f.role IS DISTINCT FROM 'recipients'"
                     " ORDER BY f.id DESC LIMIT 1", user=user)

    def edit_on_server(self, user, dice, name):
        """Makes, moves or deletes a folder that has no role; what the database refuses is left."""
        verb = dice.choice(['make', 'make', 'move', 'delete'])
        self.lab.sql(
            """SELECT set_config('test.user', :'user', false), set_config('test.verb', :'verb', false),
                      set_config('test.name', :'name', false), set_config('test.class', :'class', false);
               DO $$ DECLARE
                 account integer := easel.account_by_address(current_setting('test.user'));
                 one integer := (SELECT id FROM easel.folder WHERE account_id = account AND role IS NULL ORDER BY random() LIMIT 1);
                 other integer := (SELECT id FROM easel.folder WHERE account_id = account ORDER BY random() LIMIT 1);
               BEGIN
                 CASE current_setting('test.verb')
                 WHEN 'make' THEN PERFORM easel.folder_create(account, other, current_setting('test.name'), current_setting('test.class'));
                 WHEN 'move' THEN PERFORM easel.folder_update(account, one, other, current_setting('test.name'));
                 ELSE PERFORM easel.folder_delete(account, one); END CASE;
               EXCEPTION WHEN unique_violation OR check_violation OR restrict_violation THEN NULL;
               END $$""", user=user, verb=verb, name=name, **{'class': dice.choice(['Email', 'Contacts', 'Files'])})


EVENT = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1@example.test
DTSTAMP:20261101T080000Z
LAST-MODIFIED:20261102T090000Z
DTSTART;TZID=Europe/Prague:20261116T091500
SUMMARY:Sta\\,ff meeting äö
CATEGORIES:Business
LOCATION:Room 5
ORGANIZER;CN=Ben:mailto:ben@example.test
ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED:mailto:anna@example.test
ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/plain;X-FILENAME="..\\..\\agenda.txt":SGVsbG8=
X-SECRET:for programs
DESCRIPTION:First line\\nSecond line
END:VEVENT
END:VCALENDAR
"""


def todo(name, more=''):
    return f"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTODO
UID:{name}@example.test
SUMMARY:{name}
{more}END:VTODO
END:VCALENDAR
"""


class AsEmail(Mapped):
    def with_items(self, kind, *items):
        """A phone that sees a folder of this class as mail, with items (text, date), synced."""
        phone = self.mapped(EMAIL)
        kept = self.make(phone.user, 'Things', None, kind)
        phone.folder_sync()
        for text, date in items:
            self.put(phone.user, kept, text, date)
        folder, = [f for f in self.shown(phone, 'Things') if phone.folders[f]['Type'] == MAIL]
        return phone, kept, folder

    def plain(self, **more):
        return options(body(1), **more)

    def test_an_event_is_a_message_with_everything_in_it(self):
        phone, _, folder = self.with_items('Calendar', (EVENT, '2026-11-16 10:00Z'))
        phone.sync_all(folder, options=self.plain())
        item, data = self.one_item(phone, folder)
        self.assertEqual(data.get('Email:Subject'), 'Sta,ff meeting äö')
        self.assertIn('Business', data.get('Email:From'))
        self.assertEqual(data.get('Email:DateReceived'), '2026-11-02T09:00:00.000Z')
        self.assertEqual(data.get('Email:Read'), '1')
        text = data.get('AirSyncBase:Body/Data')
        for line in ('Start: 2026-11-16 09:15 Europe/Prague', 'Location: Room 5', 'Organizer: Ben <ben@example.test>',
                     'Attendee: Anna <anna@example.test> (accepted)', 'Categories: Business', 'First line\r\nSecond line'):
            self.assertIn(line, text)
        self.assertNotIn('SECRET', text)
        files = {a.get('DisplayName'): a for a in data.all('AirSyncBase:Attachments/Attachment')}
        self.assertEqual(sorted(files), ['.._.._agenda.txt', 'Sta,ff meeting äö.ics'])
        reference = files['Sta,ff meeting äö.ics'].get('FileReference')
        fetched = phone.fetch_attachment(reference).root.find('Response/Fetch')
        self.assertEqual(base64.b64decode(fetched.get('Properties/Data')), EVENT.replace('\n', '\r\n').encode())
        answer = phone.fetch_item(folder, item, body(4))
        self.assertIn('multipart/mixed', answer.root.find('Response/Fetch/Properties').get('AirSyncBase:Body/Data'))

    def test_it_can_be_forwarded(self):
        phone, _, folder = self.with_items('Calendar', (EVENT, '2026-11-16 10:00Z'))
        phone.sync_all(folder)
        item, _ = self.one_item(phone, folder)
        answer = phone.command('SmartForward', E(
            'ComposeMail:SmartForward', E('ClientId', 'forward-1'),
            E('Source', E('FolderId', folder), E('ItemId', item)),
            E('Mime', message('FW: meeting', sender=phone.user, to=phone.user))))
        self.assertIsNone(answer.root)
        phone.sync_all(phone.inbox)
        _, data = self.one_item(phone)
        names = [a.get('DisplayName') for a in data.all('AirSyncBase:Attachments/Attachment')]
        self.assertEqual(names, ['Sta,ff meeting äö.eml'])

    def test_it_is_one_way(self):
        phone, kept, folder = self.with_items('Notes', (EVENT.replace('VEVENT', 'VJOURNAL'), '2026-11-16 10:00Z'))
        phone.sync_all(folder)
        item, _ = self.one_item(phone, folder)
        phone.sync(folder, commands=[read_change(item, 0)])
        self.assertEqual(phone.move(item, folder, phone.folder(4)), 5)
        answer = phone.sync_raw(phone.collection(folder, commands=[delete(item)]))
        self.assertEqual(answer.root.get('Collections/Collection/Commands/Add/ServerId'), item)
        self.assertEqual(self.lab.sql("SELECT count(*) FROM easel.item WHERE folder_id = :folder"
                                      " AND account_id = easel.account_by_address(:'user')",
                                      folder=kept, user=phone.user), [['1']])
        self.lab.deliver(phone.user, message('Stays'))
        phone.sync_all(phone.inbox)
        item, _ = self.one_item(phone)
        self.assertEqual(phone.move(item, phone.inbox, folder), 5)

    def test_completed_tasks_are_left_out_under_a_short_filter(self):
        done = todo('Done', 'STATUS:COMPLETED\n')
        today = time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime())
        phone, _, folder = self.with_items('Tasks', (todo('Open'), 'infinity'), (done, today))
        for days, names in ((1, ['Open']), (2, ['Open']), (3, ['Done', 'Open']), (0, ['Done', 'Open'])):
            phone.keys.pop(folder, None)
            phone.sync_all(folder, options=self.plain(filter_type=days))
            self.assertEqual(sorted(d.get('Email:Subject') for d in phone.items[folder].values()), names, days)

    def test_a_change_is_pinged_and_told_whole(self):
        phone, kept, folder = self.with_items('Tasks', (todo('Open'), 'infinity'))
        phone.sync_all(folder, options=self.plain())
        pending = phone.ping([folder], 60)
        uid = self.put(phone.user, kept, todo('Second'))
        self.assertEqual(pending.answer().root.get('Folders/Folder'), folder)
        phone.sync(folder)
        self.assertEqual(len(phone.items[folder]), 2)
        changed = todo('Renamed').replace('\n', '\r\n')
        self.lab.sql("""WITH f AS (UPDATE easel.folder SET modseq = modseq + 1 WHERE id = :folder
                            AND account_id = easel.account_by_address(:'user') RETURNING account_id, id, modseq),
                        i AS (UPDATE easel.item i SET modseq = f.modseq, size = octet_length(:'content') FROM f
                            WHERE i.account_id = f.account_id AND i.folder_id = f.id AND i.uid = :uid
                            RETURNING i.account_id, i.content_id)
                        UPDATE easel.content c SET data = convert_to(:'content', 'UTF8') FROM i
                        WHERE c.account_id = i.account_id AND c.id = i.content_id""",
                     user=phone.user, folder=kept, uid=uid, content=changed)
        phone.sync(folder)
        self.assertEqual(sorted(d.get('Email:Subject') for d in phone.items[folder].values()), ['Open', 'Renamed'])

    def test_files_are_messages_of_any_size(self):
        phone = self.mapped({**EMAIL, 'message_size': '2048'}, ('Files', None, 'Files'))
        folder, = self.shown(phone, 'Files')
        phone.sync_all(folder, options=self.plain())
        phone.sync_all(phone.inbox, options=self.plain())
        pending = phone.ping([folder], 60)
        content = b'x' * 9000
        self.lab.put_file(phone.user, 'Plan/ä.txt', content)
        self.assertEqual(pending.answer().root.get('Folders/Folder'), folder)
        phone.sync(folder)
        item, data = self.one_item(phone, folder)
        self.assertEqual((data.get('Email:Subject'), data.get('Email:Read')), ('Plan_ä.txt', '1'))
        self.assertIn('Bytes: 9000', data.get('AirSyncBase:Body/Data'))
        attachment = data.find('AirSyncBase:Attachments/Attachment')
        self.assertEqual(attachment.get('DisplayName'), 'Plan_ä.txt')
        fetched = phone.fetch_attachment(attachment.get('FileReference')).root.find('Response/Fetch')
        self.assertEqual(base64.b64decode(fetched.get('Properties/Data')), content)
        self.lab.deliver(phone.user, message('Large', 'y' * 9000))
        self.assertEqual(phone.sync_all(phone.inbox), {})
        self.assertEqual(phone.move(item, folder, phone.inbox), 5)

    def test_notes_are_in_the_order_of_their_last_change(self):
        note = EVENT.replace('VEVENT', 'VJOURNAL')
        phone, _, folder = self.with_items('Notes', (note.replace('20261102T09', '20261103T09'), '2026-11-03 09:00Z'),
                                           (note.replace('20261102T09', '20261101T09'), '2026-11-01 09:00Z'))
        phone.sync_all(folder, options=self.plain())
        self.assertEqual(sorted(d.get('Email:DateReceived')[:10] for d in phone.items[folder].values()), ['2026-11-01', '2026-11-03'])

    def test_contacts_are_messages_too(self):
        card = 'BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:Rosa Ray\nN:Ray;Rosa;;;\nTEL;TYPE=cell:+1555\nCATEGORIES:Friends\nEND:VCARD\n'
        phone, _, folder = self.with_items('Contacts', (card, '2026-11-16 10:00Z'))
        phone.sync_all(folder, options=self.plain())
        _, data = self.one_item(phone, folder)
        self.assertEqual(data.get('Email:Subject'), 'Rosa Ray')
        self.assertIn('Friends', data.get('Email:From'))
        self.assertIn('+1555', data.get('AirSyncBase:Body/Data'))
        names = [a.get('DisplayName') for a in data.all('AirSyncBase:Attachments/Attachment')]
        self.assertEqual(names, ['Rosa Ray.vcf'])

    def test_one_that_can_not_be_read_does_not_stop_the_others(self):
        phone, _, folder = self.with_items('Notes', ('rubbish', 'infinity'), (todo('x'), 'infinity'),
                                           (EVENT.replace('VEVENT', 'VJOURNAL'), 'infinity'))
        self.assertEqual(len(phone.sync_all(folder)), 1)


class BadInput(Mapped):
    def test_names_that_are_none(self):
        """In each kind of place: at the top, under the root, in groupware, in a twin."""
        phone = self.mapped(EMAIL, ('Work', None))
        before = dict(phone.folders)
        places = [(ROOT, 12), (ROOT, 14), (self.find(phone, phone.user.partition('@')[0].title()), 12)]
        places += [(f, 12) for f in self.shown(phone, 'Inbox')] + [(f, 14) for f in self.shown(phone, 'Contacts')]
        for parent, kind in places:
            for name in ('', ' ', '\t', 'a\x07b', 'a\x9fb', 'x' * 257, 'x' * 10000, '\\' if kind == 14 else '\n'):
                with self.subTest(parent=phone.folders.get(parent), kind=kind, name=name[:10]):
                    self.assertEqual(phone.folder_create(name, parent, kind).status, '10')
        work, = self.shown(phone, 'Work')
        for name in ('', 'a\x07b', 'x' * 10000):
            self.assertEqual(phone.folder_update(work, name, phone.folders[work]['ParentId']).status, '10')
        self.assert_alike(phone)
        self.assertEqual(phone.folders, before)

    def test_loops(self):
        """Below itself, through its twin, and below what is below it by another appearance."""
        phone = self.mapped(EMAIL, ('Events2', None, 'Contacts'), ('Deep', 'Events2', 'Contacts'))
        before = dict(phone.folders)
        for name in ('Events2', 'Deep'):
            for into in ('Events2', 'Deep'):
                for folder in self.shown(phone, name):
                    for parent in self.shown(phone, into):
                        if (name, into) != ('Deep', 'Events2'):
                            self.assertIn(phone.folder_update(folder, 'x', parent).status, ('2', '5'), (name, into))
        self.assert_alike(phone)
        self.assertEqual(phone.folders, before)

    def test_names_with_paths_in_them(self):
        phone = self.mapped(ALL)
        for name in ('a\\b', 'a/b', '\\'):
            with self.subTest(name):
                self.assertEqual(phone.folder_create(name).status, '1')
        self.assertEqual(phone.folder_create('a\\', kind=14).status, '10')
        self.assertEqual(phone.folder_create('x\\Events', kind=14).status, '1')
        self.assert_alike(phone)
        self.assertEqual(len([f for f in phone.folders.values() if f['DisplayName'] == 'Events']), 1)

    def test_deep_and_long_trees(self):
        user = self.account()
        self.set(user, **EMAIL)
        path = None
        for depth in range(40):
            name = f'{depth:02} ' + 'x' * 200
            self.make(user, name, path, 'Contacts')
            path = f'{path}\\{name}' if path else name
        phone = self.phone(user)
        self.assertEqual(len([f for f in phone.folders.values() if f['DisplayName'].endswith('x' * 200)]), 80)
        self.assertLessEqual(max(len(f['DisplayName']) for f in phone.folders.values()), 256)

    def test_someone_elses_ids_are_nothing(self):
        mine, theirs = self.mapped(EMAIL), self.mapped(EMAIL)
        for _ in range(20):
            self.make(theirs.user, f'F{_}')
        theirs.folder_sync()
        for folder in set(theirs.folders) - set(mine.folders):
            self.assertEqual(mine.folder_update(folder, 'x').status, '4')
            self.assertEqual(mine.folder_delete(folder).status, '4')
            self.assertEqual(mine.folder_create('x', folder).status, '5')
        before = dict(theirs.folders)
        theirs.folder_sync()
        self.assertEqual(theirs.folders, before)


if __name__ == '__main__':
    import unittest
    unittest.main()
