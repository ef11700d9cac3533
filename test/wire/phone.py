"""A phone: an Exchange ActiveSync client for the tests.

It speaks over one kept HTTPS connection, as phones do, and keeps the model that a phone keeps: its
folders, the sync keys, and the items of each folder. An answer that a phone could not make sense of
(an Add for an item that it has, a Delete for one that it has not, an answer without Content-Length,
a tag of another version) raises WireError at once, whatever the test is about.
"""

import base64
import copy
import gzip
import http.client
import select
import ssl
import struct
import time
import uuid
import xml.etree.ElementTree as ET
from urllib.parse import urlencode, urlsplit

import schema
from wbxml import E, Node, WbxmlError, decode, encode, to_xml

PATH = '/Microsoft-Server-ActiveSync'
AUTODISCOVER = '/autodiscover/autodiscover.xml'
MOBILESYNC = 'http://schemas.microsoft.com/exchange/autodiscover/mobilesync/'
WBXML_TYPE = 'application/vnd.ms-sync.wbxml'
MULTIPART_TYPE = 'application/vnd.ms-sync.multipart'
POLICY_TYPE = 'MS-EAS-Provisioning-WBXML'
VERSIONS = ('2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1')

CODES = {'Sync': 0, 'SendMail': 1, 'SmartForward': 2, 'SmartReply': 3, 'GetAttachment': 4,
         'FolderSync': 9, 'FolderCreate': 10, 'FolderDelete': 11, 'FolderUpdate': 12,
         'MoveItems': 13, 'GetItemEstimate': 14, 'MeetingResponse': 15, 'Search': 16,
         'Settings': 17, 'Ping': 18, 'ItemOperations': 19, 'Provision': 20,
         'ResolveRecipients': 21, 'ValidateCert': 22}
PARAMETERS = {'AttachmentName': 0, 'CollectionId': 1, 'ItemId': 3, 'LongId': 4, 'Occurrence': 6,
              'Options': 7, 'User': 8}

TEXT, HTML, RTF, MIME = 1, 2, 3, 4


class WireError(AssertionError):
    """The server's answer is one that no phone should get."""


class Answer:
    """An HTTP answer; `root` is its WBXML document, `parts` the octets of a multipart answer."""

    def __init__(self, code, headers, body):
        self.code, self.headers, self.body = code, headers, body
        self.root, self.parts = None, []

    def __repr__(self):
        return f'HTTP {self.code} ' + (repr(self.root) if self.root else repr(self.body[:200]))

    @property
    def status(self):
        return self.root and self.root.get('Status')


def number_of(version):
    """161 for '16.1'."""
    return int(version.replace('.', ''))


def basic(user, password, charset='utf-8'):
    """The value of an Authorization header."""
    return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode(charset)).decode()


def base64_query(version, command, device_id, device_type, policy_key=None, locale=0x0409,
                 params=()):
    """The query in base64 form (MS-ASHTTP 2.2.1.1.1.1); the command by name or by number."""
    code = CODES.get(command, command)
    key = b'' if policy_key is None else struct.pack('<I', int(policy_key))
    out = struct.pack('<BBH', number_of(version), code, locale)
    for field in (device_id.encode(), key, device_type.encode()):
        out += bytes((len(field),)) + field
    for name, value in dict(params).items():
        value = value if isinstance(value, bytes) else str(value).encode()
        out += bytes((PARAMETERS[name], len(value))) + value
    return base64.b64encode(out).decode()


def split_multipart(body):
    """The parts of a multipart answer (MS-ASCMD 2.2.1.10.1); they must tile the body."""
    count, = struct.unpack_from('<I', body)
    if not 1 <= count <= 1000:
        raise WireError(f'multipart answer of {count} parts')
    parts, at = [], 4 + 8 * count
    for number in range(count):
        offset, length = struct.unpack_from('<II', body, 4 + 8 * number)
        if offset != at or offset + length > len(body):
            raise WireError(f'part {number} at {offset}+{length} of {len(body)}, expected at {at}')
        parts.append(body[offset:offset + length])
        at += length
    if at != len(body):
        raise WireError(f'{len(body) - at} bytes after the last part')
    return parts


class Connection:
    """One HTTPS connection, opened when needed and kept."""

    def __init__(self, url, timeout=60):
        parts = urlsplit(url)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the tests' servers sign their own certificates
        self.http = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                                context=context)

    def send(self, method, path, body=None, headers=()):
        """Sends a request. One that the server closed while idle is opened anew."""
        if self.http.sock is not None and select.select([self.http.sock], [], [], 0)[0]:
            self.http.close()
        self.http.request(method, path, body, dict(headers))

    def answer(self):
        """Waits for the answer."""
        response = self.http.getresponse()
        body = response.read()
        if response.getheader('Content-Encoding') == 'gzip':
            body = gzip.decompress(body)
        return Answer(response.status, response.headers, body)

    def close(self):
        self.http.close()


class Pending:
    """A command on the way, on a connection of its own."""

    def __init__(self, phone, connection, command):
        self.phone, self.connection, self.command = phone, connection, command

    def answer(self, within=None):
        """Waits for the answer; None when it doesn't come within so many seconds."""
        if within is not None:
            self.connection.http.sock.settimeout(within)
        try:
            answer = self.connection.answer()
        except TimeoutError:
            if within is None:
                raise
            return None
        finally:
            self.connection.close()
        return self.phone.read(self.command, answer)

    def hang_up(self):
        self.connection.close()


class Phone:
    """One device of one account."""

    def __init__(self, url, user, password, version='16.1', *, device_id=None,
                 device_type='WireTest', agent='WireTest/1.0', query='plain', charset='utf-8',
                 timeout=60, gzip=False):
        self.url, self.user, self.password, self.version = url, user, password, version
        self.device_id = device_id or 'W' + uuid.uuid4().hex[:15].upper()
        self.device_type, self.agent, self.query, self.charset = device_type, agent, query, charset
        self.timeout, self.gzip = timeout, gzip
        self.patience = 0  # seconds for which a 503 is taken as "come again", and not as an error
        self.connection = Connection(url, timeout)
        self.policy_key = None
        self.folder_key = '0'
        self.folders = {}  # ServerId -> {'ParentId', 'DisplayName', 'Type'}
        self.keys = {}     # CollectionId -> SyncKey
        self.items = {}    # CollectionId -> {ServerId: ApplicationData}
        self.offered = set()  # ServerIds of items in answers, taken or lost

    def close(self):
        self.connection.close()

    # ---- HTTP ----

    def number(self):
        return number_of(self.version)

    def target(self, command, params=()):
        """Path and query for a command."""
        params = {k: v for k, v in dict(params).items() if v is not None}
        if self.query == 'base64':
            return PATH + '?' + base64_query(self.version, command, self.device_id,
                                             self.device_type, self.policy_key, params=params)
        return PATH + '?' + urlencode({'Cmd': command, 'User': self.user,
                                       'DeviceId': self.device_id,
                                       'DeviceType': self.device_type, **params})

    def headers(self, **more):
        """The headers of every request; a header given as None is left out."""
        headers = {'Authorization': basic(self.user, self.password, self.charset),
                   'User-Agent': self.agent}
        if self.query == 'plain':
            headers['MS-ASProtocolVersion'] = self.version
            headers['X-MS-PolicyKey'] = self.policy_key
        if self.gzip:
            headers['Accept-Encoding'] = 'gzip'
        headers.update({name.replace('_', '-'): value for name, value in more.items()})
        return {name: str(value) for name, value in headers.items() if value is not None}

    def raw(self, method, path=PATH, body=None, **headers):
        """A request as given, with the phone's headers; headers by keyword, None drops one."""
        self.connection.send(method, path, body, self.headers(**headers))
        return self.connection.answer()

    def post(self, command, body=None, params=(), **headers):
        """A command whose body is given as bytes; the answer is not looked at."""
        if body:
            headers.setdefault('Content_Type', WBXML_TYPE)
        return self.raw('POST', self.target(command, params), body, **headers)

    def command(self, command, document=None, params=(), expect=200, **headers):
        """A command with a WBXML document (or none), its answer read and checked."""
        body = document and encode(document)
        deadline = time.monotonic() + self.patience
        answer = self.post(command, body, params, **headers)
        while answer.code == 503 and time.monotonic() < deadline:
            time.sleep(0.05)  # Retry-After is for the real ones
            answer = self.post(command, body, params, **headers)
        if expect is not None and answer.code != expect:
            raise WireError(f'{command}: {answer}, expected HTTP {expect}')
        return self.read(command, answer)

    def begin(self, command, document=None, **headers):
        """Sends a command on a connection of its own and doesn't wait for the answer."""
        if document:
            headers.setdefault('Content_Type', WBXML_TYPE)
        connection = Connection(self.url, self.timeout)
        connection.send('POST', self.target(command), document and encode(document),
                        self.headers(**headers))
        return Pending(self, connection, command)

    def read(self, command, answer):
        """Decodes an answer, checks its form, and keeps it for the schemas."""
        if answer.code != 200:
            return answer
        if answer.headers.get('Content-Length') is None:
            raise WireError(f'{command}: no Content-Length: {answer.headers}')
        if not answer.body:
            return answer
        kind = answer.headers.get('Content-Type', '').partition(';')[0]
        document = answer.body
        if kind == MULTIPART_TYPE:
            document, *answer.parts = split_multipart(answer.body)
        elif kind != WBXML_TYPE:
            raise WireError(f'{command}: Content-Type {kind}')
        try:
            answer.root = decode(document, self.number())
        except WbxmlError as error:
            raise WireError(f'{command}: {error}: {document[:200].hex()}') from error
        if self.number() > 25:
            seen = as_in_121(answer.root) if self.number() < 121 else answer.root
            schema.seen.add(to_xml(as_in_schema(seen)), f'{command} {self.version}')
        return answer

    # ---- Finding the server, provisioning ----

    def options(self):
        """The versions and commands that the server offers."""
        answer = self.raw('OPTIONS', MS_ASProtocolVersion=None, X_MS_PolicyKey=None)
        if answer.code != 200:
            raise WireError(f'OPTIONS: {answer}')
        return tuple([part.strip() for part in answer.headers[name].split(',')]
                     for name in ('MS-ASProtocolVersions', 'MS-ASProtocolCommands'))

    def autodiscover(self, address=None, path=AUTODISCOVER):
        """What Autodiscover says: {'address', 'name', 'url'}."""
        answer = self.autodiscover_raw(address or self.user, path)
        if answer.code != 200:
            raise WireError(f'Autodiscover: {answer}')
        return read_autodiscover(answer.body)

    def autodiscover_raw(self, address, path=AUTODISCOVER):
        request = ('<?xml version="1.0" encoding="utf-8"?><Autodiscover '
                   f'xmlns="{MOBILESYNC}requestschema/2006"><Request>'
                   f'<EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>'
                   f'{MOBILESYNC}responseschema/2006</AcceptableResponseSchema>'
                   '</Request></Autodiscover>').encode()
        answer = self.raw('POST', path, request, Content_Type='text/xml',
                          MS_ASProtocolVersion=None, X_MS_PolicyKey=None)
        if answer.code == 200:
            schema.seen.add(answer.body.decode(), 'Autodiscover')
        return answer

    def device_information(self):
        return E('Settings:DeviceInformation', E('Set', E('Model', 'Wire Test'),
                 E('IMEI', '490154203237518'), E('FriendlyName', 'Test phone'), E('OS', 'Test 1'),
                 E('OSLanguage', 'English'), E('PhoneNumber', '+15550100'),
                 self.number() >= 140 and E('MobileOperator', 'None') or None))

    def provision_request(self):
        """The first phase: from 14.1 it carries the device information."""
        return E('Provision:Provision', self.number() >= 141 and self.device_information() or None,
                 E('Policies', E('Policy', E('PolicyType', self.policy_type()))))

    def policy_type(self):
        return POLICY_TYPE if self.number() >= 120 else 'MS-WAP-Provisioning-XML'

    def provision_acknowledge(self, key, status=1):
        return E('Provision:Provision', E('Policies', E('Policy', E('PolicyType', self.policy_type()),
                 E('PolicyKey', key), E('Status', status))))

    def provision(self):
        """Both phases; returns the policy document, or None when no policy applies."""
        first = self.command('Provision', self.provision_request()).root
        policy = first.find('Policies/Policy')
        if policy is None or policy.get('Status') != '1':
            return None
        temporary = policy.get('PolicyKey')
        self.policy_key = temporary
        second = self.command('Provision', self.provision_acknowledge(temporary)).root
        self.policy_key = second.get('Policies/Policy/PolicyKey')
        if second.get('Policies/Policy/Status') != '1' or not self.policy_key:
            raise WireError(f'Provision: the acknowledgement was refused: {second}')
        return policy.find('Data/EASProvisionDoc') or policy.find('Data')

    def wants_provisioning(self, answer):
        """Whether the answer asks the phone to provision."""
        return answer.code == 449 or answer.status in ('142', '143', '144')

    def start(self):
        """What a new phone does: find the folders, provisioning first if the server asks."""
        answer = self.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)),
                              expect=None)
        if self.wants_provisioning(answer):
            self.provision()
            self.folder_sync()
        else:
            self._learn_folders(answer)
        return self

    # ---- Folders ----

    def folder_sync(self, key=None):
        """FolderSync with the phone's key (or another); updates the folders."""
        key = self.folder_key if key is None else key
        answer = self.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', key)))
        if answer.status == '1':
            if key == '0':
                self.folders = {}
            self._learn_folders(answer)
        return answer

    def _learn_folders(self, answer):
        if answer.code != 200 or answer.status != '1':
            raise WireError(f'FolderSync: {answer}')
        changes = answer.root.find('Changes')
        counted = [c for c in changes.children if c.name != 'FolderHierarchy:Count']
        if len(counted) != int(changes.get('Count')):
            raise WireError(f'FolderSync: Count is wrong: {changes}')
        for change in counted:
            self._learn_folder(change)
        self.folder_key = answer.root.get('SyncKey')

    def _learn_folder(self, change):
        verb, folder = change.name.partition(':')[2], change.get('ServerId')
        if (folder in self.folders) != (verb != 'Add'):
            raise WireError(f'FolderSync: {verb} of {folder}; known: {sorted(self.folders)}')
        if verb == 'Delete':
            del self.folders[folder]
            return
        self.folders[folder] = {name: change.get(name)
                                for name in ('ParentId', 'DisplayName', 'Type')}

    def folder_edit(self, command, *content, key=None):
        """FolderCreate, FolderDelete or FolderUpdate, whose answer is not learned from."""
        key = self.folder_key if key is None else key
        return self.command(command, E('FolderHierarchy:' + command, E('SyncKey', key), *content))

    def folder_create(self, name, parent='0', kind=12, key=None):
        """Makes a folder as the phone's user does; returns the answer."""
        answer = self.folder_edit('FolderCreate', E('ParentId', parent), E('DisplayName', name),
                                  E('Type', kind), key=key)
        if answer.status == '1':
            self.folders[answer.root.get('ServerId')] = {
                'ParentId': parent, 'DisplayName': name, 'Type': str(kind)}
        return self._take_folder_key(answer)

    def folder_update(self, folder, name, parent='0', key=None):
        """Renames or moves a folder; returns the answer."""
        answer = self.folder_edit('FolderUpdate', E('ServerId', folder), E('ParentId', parent),
                                  E('DisplayName', name), key=key)
        if answer.status == '1':
            self.folders[folder].update(ParentId=parent, DisplayName=name)
        return self._take_folder_key(answer)

    def folder_delete(self, folder, key=None):
        """Deletes a folder and those below it; returns the answer."""
        answer = self.folder_edit('FolderDelete', E('ServerId', folder), key=key)
        if answer.status == '1':
            self._forget_folder(folder)
        return self._take_folder_key(answer)

    def _forget_folder(self, folder):
        self.folders.pop(folder, None)
        for below in [f for f, facts in self.folders.items() if facts['ParentId'] == folder]:
            self._forget_folder(below)

    def _take_folder_key(self, answer):
        if (answer.root.get('SyncKey') is not None) != (answer.status == '1'):
            raise WireError(f'a SyncKey belongs to success: {answer}')
        if answer.status == '1':
            self.folder_key = answer.root.get('SyncKey')
        return answer

    def folder(self, kind):
        """ServerId of the folder of a type (2 Inbox, 4 Deleted Items …) or of a name."""
        for folder, facts in self.folders.items():
            if str(kind) in (facts['Type'], facts['DisplayName']):
                return folder
        raise WireError(f'no folder {kind} in {self.folders}')

    @property
    def inbox(self):
        return self.folder(2)

    def class_of(self, folder):
        """Class of a folder by its type (MS-ASCMD 2.2.3.186.3)."""
        kind = self.folders.get(folder, {}).get('Type')
        return {'7': 'Tasks', '8': 'Calendar', '9': 'Contacts', '10': 'Notes', '13': 'Calendar', '14': 'Contacts',
                '15': 'Tasks', '17': 'Notes'}.get(kind, 'Email')

    # ---- Sync ----

    def collection(self, folder, *, key=None, get_changes=None, window=None, moves=None,
                   commands=(), options=(), conversation=None):
        """A Collection of a Sync request, in the order of the schema."""
        key = self.keys.get(folder, '0') if key is None else key
        old = self.number() < 121
        if old and get_changes is None and key != '0':
            get_changes = 1
        return E('Collection', old and E('Class', self.class_of(folder)) or None, E('SyncKey', key),
                 E('CollectionId', folder), moves is not None and E('DeletesAsMoves', moves) or None,
                 get_changes is not None and E('GetChanges', get_changes) or None,
                 window is not None and E('WindowSize', window) or None,
                 conversation is not None and E('ConversationMode', conversation) or None,
                 options or None, commands and E('Commands', list(commands)) or None)

    def sync_request(self, *collections, wait=None, heartbeat=None, window=None, partial=False):
        return E('AirSync:Sync', collections and E('Collections', list(collections)) or None,
                 wait is not None and E('Wait', wait) or None,
                 heartbeat is not None and E('HeartbeatInterval', heartbeat) or None,
                 window is not None and E('WindowSize', window) or None,
                 partial and E('Partial') or None)

    def sync_raw(self, *collections, **global_options):
        """A Sync whose answer changes nothing in the phone, as if it were lost."""
        answer = self.command('Sync', self.sync_request(*collections, **global_options))
        if answer.root is not None:
            self.offered.update(add.get('ServerId') for add in
                                answer.root.all('Collections/Collection/Commands/Add'))
        return answer

    def sync(self, folder, *, commands=(), **wishes):
        """One Sync of one folder, its answer taken into the model. Returns the Collection.

        "Nothing new" gives None: an empty answer, or below 12.1 a Collection with the same key.
        """
        answer = self.sync_raw(self.collection(folder, commands=commands, **wishes))
        return self.take(answer, folder, commands, wishes.get('key'))

    def take(self, answer, folder, commands=(), key=None):
        """Takes one folder's part of a Sync answer (to a request with that key) into the model."""
        if (key or self.keys.get(folder, '0')) == '0':
            self.items[folder] = {}
        if answer.root is None:
            self._apply_own(folder, commands)
            return None
        if answer.status not in (None, '1'):
            raise WireError(f'Sync: {answer}')
        for collection in answer.root.all('Collections/Collection'):
            if collection.get('CollectionId') == folder:
                if self.number() < 121 and self._nothing_new(collection, folder, key):
                    self._apply_own(folder, commands)
                    return None
                return self._take_collection(collection, folder, commands)
        raise WireError(f'Sync: no answer for {folder}: {answer}')

    def _nothing_new(self, collection, folder, key):
        check_collection(collection, self.number())
        return (collection.get('Status') == '1' and len(collection.children) == 4
                and collection.get('SyncKey') == (key or self.keys.get(folder)))

    def _take_collection(self, collection, folder, commands):
        check_collection(collection, self.number())
        if collection.get('Status') != '1':
            return collection
        items = self.items[folder]
        refused = {response.get('ServerId') for response in collection.all('Responses/Change')
                   if response.get('Status') != '1'}
        self._apply_own(folder, commands, refused)
        for command in (collection.find('Commands') or E('none')).children:
            self._apply(items, command)
        self.keys[folder] = collection.get('SyncKey')
        return collection

    def _apply(self, items, command):
        """A command of the server. It may delete what it offered in an answer that was lost."""
        verb, item = command.name.partition(':')[2], command.get('ServerId')
        if verb == 'Delete' and item not in items and item in self.offered:
            return
        if (item in items) != (verb != 'Add'):
            raise WireError(f'Sync: {verb} of {item}, which the phone '
                            f'{"has" if item in items else "does not have"}')
        if verb == 'Add':
            items[item] = command.find('ApplicationData')
        elif verb == 'Change':
            merge(items[item], command.find('ApplicationData'))
        else:
            del items[item]

    def _apply_own(self, folder, commands, refused=()):
        """What the phone itself edited, but for changes that the server refused.

        What it deleted it has no more, refused or not: the server has to bring it back.
        """
        items = self.items[folder]
        for command in decode(encode(E('AirSync:Commands', list(commands)))).children:
            verb, item = command.name.partition(':')[2], command.get('ServerId')
            if verb == 'Delete' and not command.has('AirSyncBase:InstanceId'):
                items.pop(item, None)
            elif verb == 'Change' and item in items and item not in refused:
                merge(items[item], command.find('ApplicationData'))

    def sync_all(self, folder, limit=1000, **wishes):
        """Syncs a folder until the server has no more; returns its items."""
        if self.keys.get(folder, '0') == '0':
            self.sync(folder)
        for _ in range(limit):
            collection = self.sync(folder, **wishes)
            if collection is None:
                return self.items[folder]
            if collection.get('Status') != '1':
                raise WireError(f'Sync: {collection}')
            if not collection.has('MoreAvailable'):
                return self.items[folder]
            if not collection.has('Commands'):
                raise WireError(f'MoreAvailable and no items: {collection}')
        raise WireError(f'Sync of {folder} found no end in {limit} answers')

    # ---- The other commands ----

    def estimate(self, folder, key=None, options=None, conversation=None):
        """The Response of a GetItemEstimate for one folder."""
        key = self.keys.get(folder, '0') if key is None else key
        if self.number() >= 140:
            collection = E('Collection', E('AirSync:SyncKey', key), E('CollectionId', folder),
                           conversation is not None
                           and E('AirSync:ConversationMode', conversation) or None, options)
        else:
            filter_type = options and own(options, 'FilterType')
            collection = E('Collection', E('Class', 'Email'), E('CollectionId', folder),
                           E('AirSync:FilterType', filter_type.text if filter_type else 0),
                           E('AirSync:SyncKey', key))
        answer = self.command('GetItemEstimate', E('GetItemEstimate:GetItemEstimate',
                                                   E('Collections', collection)))
        return answer.root.find('Response') or answer.root

    def ping_request(self, folders, heartbeat=None):
        return E('Ping:Ping', heartbeat is not None and E('HeartbeatInterval', heartbeat) or None,
                 E('Folders', [E('Folder', E('Id', f), E('Class', 'Email')) for f in folders]))

    def ping(self, folders, heartbeat=None):
        """Sends a Ping and returns at once."""
        return self.begin('Ping', self.ping_request(folders, heartbeat))

    def move_raw(self, *moves):
        """MoveItems of (item, from, to), whose answer is not learned from; its Responses."""
        answer = self.command('MoveItems', E('Move:MoveItems', [
            E('Move', E('SrcMsgId', item), E('SrcFldId', source), E('DstFldId', target))
            for item, source, target in moves]))
        return answer.root.all('Response')

    def move(self, item, source, target):
        """Moves an item; returns its new ServerId, or the status when it was not moved."""
        response, = self.move_raw((item, source, target))
        if response.get('SrcMsgId') != item:
            raise WireError(f'MoveItems: {response}')
        if response.get('Status') != '3':
            return int(response.get('Status'))
        moved = response.get('DstMsgId')
        data = self.items.get(source, {}).pop(item, None)
        if data is not None and target in self.items:
            self.items[target][moved] = data
        return moved

    def send_device_information(self):
        return self.command('Settings', E('Settings:Settings', self.device_information()))

    def item_operations(self, *fetches, multipart=False):
        return self.command('ItemOperations', E('ItemOperations:ItemOperations', list(fetches)),
                            MS_ASAcceptMultiPart='T' if multipart else None)

    def fetch_item(self, folder, item, *options, multipart=False):
        return self.item_operations(E('Fetch', E('Store', 'Mailbox'),
                                      E('AirSync:CollectionId', folder),
                                      E('AirSync:ServerId', item),
                                      options and E('Options', list(options)) or None),
                                    multipart=multipart)

    def fetch_attachment(self, reference, *options, multipart=False):
        return self.item_operations(E('Fetch', E('Store', 'Mailbox'),
                                      E('AirSyncBase:FileReference', reference),
                                      options and E('Options', list(options)) or None),
                                    multipart=multipart)


# ---- Parts of requests ----

def body(kind, size=None, all_or_none=None, preview=None):
    """A BodyPreference."""
    return E('AirSyncBase:BodyPreference', E('Type', kind),
             size is not None and E('TruncationSize', size) or None,
             all_or_none is not None and E('AllOrNone', all_or_none) or None,
             preview is not None and E('Preview', preview) or None)


def options(*preferences, filter_type=None, mime=None, conflict=None):
    """Options of a Collection, in the order that phones send."""
    return E('AirSync:Options',
             filter_type is not None and E('AirSync:FilterType', filter_type) or None,
             mime is not None and E('AirSync:MIMESupport', mime) or None, list(preferences),
             conflict is not None and E('AirSync:Conflict', conflict) or None)


def read_change(item, value):
    return E('Change', E('ServerId', item), E('ApplicationData', E('Email:Read', value)))


def flag_change(item, *content):
    """Sets the Flag of an item; without content it is cleared."""
    return E('Change', E('ServerId', item), E('ApplicationData', E('Email:Flag', list(content))))


def delete(item):
    return E('Delete', E('ServerId', item))


# ---- Reading answers ----

def own(node, name):
    """A child of an element that was built here, whether or not its name says the page."""
    return next((c for c in node.children if c.name.rpartition(':')[2] == name), None)


def merge(data, change):
    """Puts the changed properties of an item in place of the old ones."""
    changed = {child.name for child in change.children}
    data.children = [c for c in data.children if c.name not in changed] + list(change.children)


def as_in_schema(root):
    """Without what the text of MS-ASCMD has (2.2.3.24) and its schema has not: new attachments in the response
    to a Change."""
    for change in root.all('Collections/Collection/Responses/Change') if root.name == 'AirSync:Sync' else ():
        if change.has('ApplicationData'):
            bare = copy.deepcopy(root)
            for other in bare.all('Collections/Collection/Responses/Change'):
                other.children = [c for c in other.children if c.name != 'AirSync:ApplicationData']
            return bare
    return root


def as_in_121(node):
    """An answer of 12.0 without what the schemas, which are of 12.1 on, do not know: the class."""
    children = [as_in_121(c) for c in node.children
                if not (node.name.endswith(':Collection') and c.name.endswith(':Class'))]
    return Node(node.name, node.text, node.data, children)


def check_collection(collection, version=161):
    """What clients choke on and no schema says: order, and elements without content."""
    names = [child.name.partition(':')[2] for child in collection.children]
    order = (['Class'] if version < 121 else []) + ['SyncKey', 'CollectionId', 'Status', 'MoreAvailable']
    head = [name for name in names if name in order]
    if head != [name for name in order if name in head] or names[:len(head)] != head:
        raise WireError(f'Sync: the order of {names}')
    for name in ('Commands', 'Responses'):
        if collection.has(name) and not collection.find(name).children:
            raise WireError(f'Sync: an empty {name}')


def read_autodiscover(document):
    root = ET.fromstring(document)
    space = {'m': MOBILESYNC + 'responseschema/2006'}
    response = root.find('m:Response', space)
    if response is None:
        raise WireError(f'Autodiscover: {document.decode()}')
    return {'address': response.findtext('m:User/m:EMailAddress', None, space),
            'name': response.findtext('m:User/m:DisplayName', None, space),
            'url': response.findtext('m:Action/m:Settings/m:Server/m:Url', None, space)}
