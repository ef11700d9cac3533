"""The tests' own WBXML codec, held against the reference samples and against bad bytes."""

import unittest
import xml.etree.ElementTree as ET

import wbxml
from wbxml import E, WbxmlError, decode, encode

SAMPLES = wbxml.ROOT.parent / 'shared' / 'reference' / 'samples'


def flat(element):
    """An XML tree as (tag, text) pairs in order, without the white space between elements.

    Line ends and the case of page 16's namespace are where the samples' XML differs.
    """
    return [(e.tag.replace('{Gal}', '{GAL}'),
             (e.text or '').replace('\r\n', '\n') if len(e) == 0 else None)
            for e in element.iter()]


def sample_files():
    for path in sorted(SAMPLES.glob('*.hex')) + sorted(SAMPLES.glob('captured/*.hex')):
        if path.with_suffix('.xml').exists():
            yield path


class Samples(unittest.TestCase):
    def setUp(self):
        if not SAMPLES.exists():
            self.skipTest('no reference samples here')

    def test_each_sample_is_read_and_written_again(self):
        self.assertTrue(list(sample_files()))
        for path in sample_files():
            with self.subTest(path.name):
                data = bytes.fromhex(path.read_text())
                root = decode(data)
                self.assertEqual(encode(root), data)
                self.assertEqual(flat(ET.fromstring(wbxml.to_xml(root))),
                                 flat(ET.parse(path.with_suffix('.xml')).getroot()))


class Strictness(unittest.TestCase):
    def test_what_no_server_should_send_is_refused(self):
        for why, document in (
                ('header', '02016A00 05'),
                ('header', '03016A0161 05'),
                ('ends early', '03016A00'),
                ('ends early', '03016A00 45'),
                ('ends early', '03016A00 45 4B 03 31 00'),
                ('unknown page', '03016A00 001A 05'),
                ('unknown token', '03016A00 3F'),
                ('attributes', '03016A00 85'),
                ('attributes', '03016A00 45 83 00 01'),
                ('bytes after the end', '03016A00 05 00'),
                ('claims content', '03016A00 45 01'),
                ('empty string', '03016A00 4B 03 00 01'),
                ('not UTF-8', '03016A00 4B 03 FF 00 01'),
                ('which XML forbids', '03016A00 4B 03 0B 00 01'),
                ('which XML forbids', '03016A00 4B 03 EFBFBF 00 01'),
                ('string without end', '03016A00 4B 03 31'),
                ('beyond the end', '03016A00 4B C3 05 31'),
                ('mixed content', '03016A00 4B 03 31 00 03 32 00 01'),
                ('mixed content', '03016A00 45 03 31 00 0B 01'),
                ('mixed content', '03016A00 45 0B 03 31 00 01'),
                ('more than five', '03016A00 4B C3 8080808080 01'),
                ('nested too deep', '03016A00 ' + '45' * 33 + '01' * 33)):
            with self.subTest(document), self.assertRaisesRegex(WbxmlError, why):
                decode(bytes.fromhex(document))

    def test_a_tag_of_another_version_is_refused(self):
        heartbeat = encode(E('AirSync:Sync', E('HeartbeatInterval', 60)))
        self.assertEqual(decode(heartbeat, 140).get('HeartbeatInterval'), '60')
        with self.assertRaisesRegex(WbxmlError, 'not of version 121'):
            decode(heartbeat, 121)

    def test_the_table_is_complete(self):
        self.assertEqual((len(wbxml.PAGES), len(wbxml.BY_CODE)), (26, 652))


class Building(unittest.TestCase):
    def test_names_follow_the_parent_and_none_is_left_out(self):
        root = decode(encode(E('AirSync:Sync', None, E('Collections', E(
            'Collection', E('SyncKey', 0), E('Options', E('AirSyncBase:BodyPreference',
                                                          E('Type', 2))))))))
        collection = root.find('Collections/Collection')
        self.assertEqual(collection.get('SyncKey'), '0')
        self.assertEqual(collection.get('Options/AirSyncBase:BodyPreference/Type'), '2')
        self.assertIsNone(collection.find('CollectionId'))

    def test_bytes_travel_as_opaque(self):
        data = bytes(range(256)) * 2
        root = decode(encode(E('ComposeMail:SendMail', E('Mime', data))))
        self.assertEqual(root.find('Mime').data, data)

    def test_xml_is_escaped_and_prefixed(self):
        xml = wbxml.to_xml(E('Search:Search', E('Gal:DisplayName', 'a<b&\r')), declaration=False)
        self.assertEqual(xml, '<Search xmlns="Search" xmlns:gal="GAL">'
                              '<gal:DisplayName>a&lt;b&amp;&#13;</gal:DisplayName></Search>')


if __name__ == '__main__':
    unittest.main()
