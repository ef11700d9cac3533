"""Bytes where text belongs: WBXML allows OPAQUE anywhere, and not all bytes are text."""

from common import WireTest, message
from phone import body, options
from wbxml import E, Node, decode, encode

BYTES = (b'\xff\xfe\x80', b'\x00', b'0\x00', b"'\x00\\", b'\xed\xa0\x80', b'')


def leaves(root):
    """Every element of a document that holds a text."""
    return [node for node in root.walk() if node.text is not None]


def with_bytes(root, leaf, data):
    """The document with these bytes in the place of one text."""
    if root is leaf:
        return Node(root.name, data=data)
    return Node(root.name, root.text, root.data, [with_bytes(child, leaf, data) for child in root.children])


class Opaque(WireTest):
    def documents(self, phone, item):
        """A good request of each command: (command, document)."""
        key, inbox = phone.keys[phone.inbox], phone.inbox
        wishes = options(body(1), filter_type=3)
        contact = E('ApplicationData', E('Contacts:FirstName', 'Anna'))
        find = E('GalSearchCriterion', E('Query', 'anna'), E('Options', E('Range', '0-9')))
        return [
            ('Sync', phone.sync_request(phone.collection(inbox))),
            ('Sync', phone.sync_request(phone.collection(inbox, options=wishes, window=5))),
            ('Sync', phone.sync_request(phone.collection(phone.folder(9), commands=[E('Add', E('ClientId', 'a'), contact)]))),
            ('Sync', phone.sync_request(phone.collection(inbox, commands=[
                E('Change', E('ServerId', item), E('ApplicationData', E('Email:Read', 1)))]))),
            ('GetItemEstimate', E('GetItemEstimate:GetItemEstimate', E('Collections', E(
                'Collection', E('AirSync:SyncKey', key), E('CollectionId', inbox))))),
            ('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key))),
            ('FolderCreate', E('FolderHierarchy:FolderCreate', E('SyncKey', phone.folder_key), E('ParentId', 0),
                               E('DisplayName', 'x'), E('Type', 12))),
            ('FolderUpdate', E('FolderHierarchy:FolderUpdate', E('SyncKey', phone.folder_key), E('ServerId', inbox),
                               E('ParentId', 0), E('DisplayName', 'x'))),
            ('FolderDelete', E('FolderHierarchy:FolderDelete', E('SyncKey', phone.folder_key), E('ServerId', inbox))),
            ('MoveItems', E('Move:MoveItems', E('Move', E('SrcMsgId', item), E('SrcFldId', inbox), E('DstFldId', inbox)))),
            ('MeetingResponse', E('MeetingResponse:MeetingResponse', E('Request', E('UserResponse', 1), E('CollectionId', inbox),
                                                                       E('RequestId', item)))),
            ('ItemOperations', E('ItemOperations:ItemOperations', E('Fetch', E('Store', 'Mailbox'), E(
                'AirSync:CollectionId', inbox), E('AirSync:ServerId', item)))),
            ('ItemOperations', E('ItemOperations:ItemOperations', E('Fetch', E('Store', 'Mailbox'), E(
                'AirSyncBase:FileReference', 'x')))),
            ('Search', E('Search:Search', E('Store', E('Name', 'GAL'), E('Query', 'anna'), E('Options', E('Range', '0-9'))))),
            ('Search', E('Search:Search', E('Store', E('Name', 'Mailbox'), E('Query', E(
                'And', E('AirSync:Class', 'Email'), E('AirSync:CollectionId', inbox), E('FreeText', 'hello'))),
                E('Options', E('Range', '0-9'))))),
            ('Find', E('Find:Find', E('SearchId', '6F9619FF-8B86-D011-B42D-00C04FC964FF'), E('ExecuteSearch', find))),
            ('ResolveRecipients', E('ResolveRecipients:ResolveRecipients', E('To', 'anna'), E(
                'Options', E('Availability', E('StartTime', '2026-03-10T00:00:00.000Z'))))),
            ('ValidateCert', E('ValidateCert:ValidateCert', E('Certificates', E('Certificate', 'AAAA')))),
            ('Settings', E('Settings:Settings', E('DeviceInformation', E('Set', E('Model', 'x'), E('FriendlyName', 'x'))))),
            ('Settings', E('Settings:Settings', E('Oof', E('Set', E('OofState', 1), E(
                'OofMessage', E('AppliesToInternal'), E('Enabled', 1), E('ReplyMessage', 'x'), E('BodyType', 'Text')))))),
            ('Settings', E('Settings:Settings', E('DevicePassword', E('Set', E('Password', 'x'))))),
            ('SmartForward', E('ComposeMail:SmartForward', E('ClientId', 'x'), E('Source', E('FolderId', inbox), E(
                'ItemId', item)), E('Mime', b'To: nobody@example.test\r\n\r\nText'))),
            ('Provision', phone.provision_request()),
        ]

    def test_no_bytes_are_a_servers_error(self):
        phone = self.synced_phone([message()])
        phone.sync_all(phone.folder(9))
        item, _ = self.one_item(phone)
        for command, document in self.documents(phone, item):
            for leaf in leaves(document):
                for data in BYTES:
                    with self.subTest(command=command, element=leaf.name, data=data):
                        answer = phone.post(command, encode(with_bytes(document, leaf, data)))
                        self.assertIn(answer.code, (200, 400), answer)
                        if answer.body:
                            decode(answer.body, 161)
        failed = [line for line in self.lab.log_lines() if phone.device_id in line and 'error=internal' in line]
        self.assertEqual(failed, [])
        self.assertEqual(len(self.phone(phone.user).sync_all(phone.inbox)), 1)


if __name__ == '__main__':
    import unittest
    unittest.main()
