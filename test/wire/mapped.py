"""Phones with settings that decide which folders they are shown, and items as the server keeps them."""

from common import WireTest

ROOT = '0'


class Mapped(WireTest):
    def set(self, user, **settings):
        """Settings of the user's devices."""
        columns = ', '.join(settings)
        values = ', '.join(f"'{value}'" for value in settings.values())
        self.lab.sql(f"DELETE FROM easel.device_settings WHERE account_id = easel.account_by_address(:'user');"
                     f"INSERT INTO easel.device_settings (level, account_id, {columns})"
                     f" VALUES ('user', easel.account_by_address(:'user'), {values})", user=user)

    def make(self, user, name, inside=None, kind='Email', role=None):
        """A folder made on the server; returns its number."""
        return self.lab.sql(
            "SELECT easel.folder_create(a.id, CASE WHEN :'inside' <> '' THEN"
            " easel.folder_by_path(a.id, :'inside') END, :'name', :'kind', nullif(:'role', ''))"
            " FROM easel.account a WHERE a.address = :'user'",
            user=user, name=name, inside=inside or '', kind=kind, role=role or '')[0][0]

    def mapped(self, mode, *folders, **more):
        """A phone of a new account with these settings and folders: (name, path above, class)."""
        user = self.account(**more)
        self.set(user, **mode)
        for folder in folders:
            self.make(user, *folder)
        return self.phone(user)

    def put(self, user, folder, text, date='infinity'):
        """An item with this text in a folder, as it is kept; returns its number."""
        return self.lab.sql(
            """WITH f AS (UPDATE easel.folder SET next_uid = next_uid + 1, modseq = modseq + 1
                   WHERE account_id = easel.account_by_address(:'user') AND id = :folder
                   RETURNING account_id, id, next_uid - 1 AS uid, modseq),
               c AS (INSERT INTO easel.content (account_id, summary, data)
                   SELECT account_id, '{}', convert_to(:'content', 'UTF8') FROM f RETURNING id)
               INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
               SELECT f.account_id, f.id, f.uid, f.modseq, :'date', octet_length(:'content'), c.id FROM f, c
               RETURNING uid""", user=user, folder=folder, content=text.replace('\n', '\r\n'), date=date)[0][0]

    def shown(self, phone, name):
        """ServerIds of the folders whose name, or its last part, is this."""
        return [f for f, facts in phone.folders.items() if facts['DisplayName'].split('\\')[-1] == name]

    def path(self, phone, folder):
        facts = phone.folders[folder]
        above = '' if facts['ParentId'] == ROOT else self.path(phone, facts['ParentId']) + '/'
        return above + facts['DisplayName']

    def paths(self, phone):
        return sorted(self.path(phone, folder) for folder in phone.folders)

    def find(self, phone, path):
        found, = [f for f in phone.folders if self.path(phone, f) == path]
        return found

    def changes(self, answer):
        return [(c.name.partition(':')[2], c.get('DisplayName') or c.get('ServerId'))
                for c in answer.root.find('Changes').children[1:]]

    def text(self, user, folder):
        """The texts of the items in a folder as they are kept, the oldest first."""
        return [row[0] for row in self.lab.sql(
            "SELECT convert_from(c.data, 'UTF8') FROM easel.item i JOIN easel.content c"
            " ON c.account_id = i.account_id AND c.id = i.content_id WHERE i.account_id = easel.account_by_address(:'user')"
            " AND i.folder_id = :folder ORDER BY i.uid", user=user, folder=folder)]

    def assert_alike(self, phone):
        """After a FolderSync the phone knows what a new one would, and a further one tells nothing."""
        phone.folder_sync()
        self.assertEqual(self.changes(phone.folder_sync()), [])
        self.assertEqual(phone.folders, self.phone(phone.user, phone.version).folders)
