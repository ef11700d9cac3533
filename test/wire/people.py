"""What the tests of finding people share: address lists, cards and calendars put into the database."""

import base64
import itertools
import json

JPEG = b'\xff\xd8\xff\xe0' + bytes(range(256)) * 4
_numbers = itertools.count(1)


def address_list(lab, readers='example.test', **groups):
    """A global address list that this domain may read, filled with a new group; its name and group.

    Members are added with add_to_list().
    """
    name = f'list-{next(_numbers)}'
    lab.sql("""
        SELECT easel.account_create(:'owner') AS owner \\gset
        UPDATE easel.account SET exclude_from_gal = true WHERE id = :owner;
        SELECT easel.folder_create(:owner, NULL, 'Everybody', 'Contacts', NULL) AS folder \\gset
        INSERT INTO easel.account_group (name, address) VALUES (:'name', :'address');
        INSERT INTO easel.folder_right (owner_id, folder_id, domain_id, rights)
            SELECT :owner, :folder, d.id, '{look up,read}' FROM easel.domain d WHERE d.name = :'readers';
        SELECT easel.gal_set(:'owner_address', 'Everybody', :'name')""", owner=f'{name}@example.test',
            owner_address=f'{name}@example.test', name=name, readers=readers,
            address=groups.get('address', f'{name}-group@example.test'))
    return name


def add_to_list(lab, name, address, display=None, **card):
    """An account into the group of a list, with what its card says; photo and certificates as bytes."""
    def text(value):
        if isinstance(value, list):
            return '{' + ','.join(f'"\\\\x{v.hex()}"' for v in value) + '}'
        return '\\x' + value.hex() if isinstance(value, bytes) else value

    columns, values = ''.join(f', {c}' for c in card), ''.join(f", :'{c}'" for c in card)
    lab.sql(f"""
        SELECT easel.account_of(:'address') AS id \\gset
        UPDATE easel.account SET display_name = coalesce(nullif(:'display', ''), display_name) WHERE id = :id;
        INSERT INTO easel.account_card (account_id{columns}) VALUES (:id{values});
        INSERT INTO easel.account_group_member SELECT g.id, :id FROM easel.account_group g WHERE g.name = :'name'""",
            address=address, display=display or '', name=name, **{c: text(v) for c, v in card.items()})


def put_item(lab, address, folder, text, summary, date='infinity'):
    """An item of a groupware class, with what the store keeps beside its text."""
    lab.sql("WITH f AS (UPDATE easel.folder SET next_uid = next_uid + 1, modseq = modseq + 1 "
            "WHERE account_id = easel.account_of(:'address') AND name = :'folder' "
            "RETURNING account_id, id, next_uid - 1 AS uid, modseq), "
            "c AS (INSERT INTO easel.content (account_id, summary, data) "
            "SELECT account_id, :'summary'::json, decode(:'data', 'base64') FROM f RETURNING id) "
            "INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id) "
            "SELECT f.account_id, f.id, f.uid, f.modseq, :'date'::timestamptz, :'size'::integer, c.id FROM f, c",
            address=address, folder=folder, summary=json.dumps(summary), date=date, size=str(len(text)),
            data=base64.b64encode(text.encode()).decode())


def put_contact(lab, address, name, *mails, card=''):
    """A contact of an account's own, in a folder that is made for it."""
    lab.sql("SELECT easel.folder_create(easel.account_of(:'address'), NULL, 'People', 'Contacts', NULL) "
            "WHERE NOT EXISTS (SELECT FROM easel.folder WHERE account_id = easel.account_of(:'address') "
            "AND name = 'People')", address=address)
    lines = ''.join(f'EMAIL:{m}\r\n' for m in mails)
    put_item(lab, address, 'People', f'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\n{lines}{card}END:VCARD\r\n',
             {'uid': name, 'subject': name, 'emails': mails, 'photo': len(card),
              'gal': {'DisplayName': name, 'EmailAddress': mails[0]}})


def put_event(lab, address, lines, recurs=False):
    """An event in the account's calendar."""
    lab.sql("""
        SELECT easel.folder_create(easel.account_of(:'address'), NULL, 'Dates', 'Calendar', 'calendar')
            WHERE NOT EXISTS (SELECT FROM easel.folder WHERE account_id = easel.account_of(:'address') AND role = 'calendar');
        UPDATE easel.folder SET name = 'Dates'
            WHERE account_id = easel.account_of(:'address') AND role = 'calendar' AND name <> 'Dates'""", address=address)
    put_item(lab, address, 'Dates', 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n'
             f'UID:u\r\nDTSTAMP:20260101T000000Z\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n',
             {'uid': 'u', 'subject': '', 'recurs': recurs, 'start': 0, 'end': 0, 'busy': 2})
