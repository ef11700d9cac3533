"""WBXML as ActiveSync uses it (MS-ASWBXML), written for the tests.

It shares nothing with the server but the table of tags (wbxml/pages.def), so that a mistake in the
server's codec can't hide behind the same mistake here. The decoder is strict on purpose: it refuses
whatever a server has no reason to send, even where WBXML would allow it.
"""

import base64
import re
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]

SWITCH_PAGE, END, STR_I, OPAQUE = 0x00, 0x01, 0x03, 0xC3
HEADER = bytes((0x03, 0x01, 0x6A, 0x00))  # WBXML 1.3, unknown public id, UTF-8, no string table
CONTENT, ATTRIBUTES, TOKEN = 0x40, 0x80, 0x3F
DEPTH = 32

# XML 1.0, 2.2: the characters that a document may not hold.
NOT_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


class WbxmlError(Exception):
    """The bytes are not what a server may send."""


class Tag:
    """One row of pages.def."""

    def __init__(self, page, token, name, since, until):
        self.page, self.token, self.name = page, token, name
        self.since, self.until = since, until


def read_pages(path):
    """The tables of pages.def: tags by (page, token), tags by name, page names."""
    by_code, by_name, pages = {}, {}, {}
    text = re.sub(r'/\*.*?\*/', '', path.read_text(encoding='utf-8'), flags=re.S)
    for number, name in re.findall(r'^PAGE\((\d+), (\w+)\)', text, re.M):
        pages[int(number)] = name
    rows = re.findall(r'^TAG\((\d+), (\w+), (0x\w\w), (\w+), (\d+), (\d+)\)', text, re.M)
    for page, page_name, token, name, since, until in rows:
        tag = Tag(int(page), int(token, 16), f'{page_name}:{name}', int(since), int(until))
        by_code[tag.page, tag.token] = by_name[tag.name] = tag
    return by_code, by_name, pages


BY_CODE, BY_NAME, PAGES = read_pages(ROOT / 'wbxml' / 'pages.def')


class Node:
    """An element: its name ("Page:Tag"), and text, opaque bytes or children.

    Paths ("Collections/Collection") name tags of the element's own page unless they say a page.
    """

    __slots__ = ('name', 'text', 'data', 'children')

    def __init__(self, name, text=None, data=None, children=()):
        self.name, self.text, self.data, self.children = name, text, data, list(children)

    def __repr__(self):
        return to_xml(self, declaration=False)

    @property
    def page(self):
        return self.name.partition(':')[0]

    def all(self, path):
        """Every element at the path."""
        first, _, rest = path.partition('/')
        name = first if ':' in first else f'{self.page}:{first}'
        found = [c for c in self.children if c.name == name]
        return [n for c in found for n in c.all(rest)] if rest else found

    def find(self, path):
        """The first element at the path, or None."""
        return next(iter(self.all(path)), None)

    def has(self, path):
        return self.find(path) is not None

    def get(self, path, default=None):
        """The text of the first element at the path; '' for an empty element."""
        node = self.find(path)
        return default if node is None else (node.text or '')

    def value(self):
        """The content of an element that may be text or bytes, as bytes."""
        return self.data if self.data is not None else (self.text or '').encode()

    def walk(self):
        """The element and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def E(name, *content):
    """Builds an element. Content: elements, lists of elements, a str, an int, or bytes for OPAQUE.

    None is left out, so that optional parts can be written in place. A name without a page means
    the page of the parent.
    """
    node = Node(name)
    for part in content:
        if part is None:
            continue
        if isinstance(part, Node):
            node.children.append(part)
        elif isinstance(part, (list, tuple)):
            node.children.extend(p for p in part if p is not None)
        elif isinstance(part, bytes):
            node.data = part
        else:
            node.text = str(part)
    return node


# ---- Encoding ----

def encode(root):
    """The document as bytes."""
    out = bytearray(HEADER)
    _encode(out, root, None, 0)
    return bytes(out)


def _encode(out, node, parent_page, page):
    """Writes one element; returns the page that is current after it."""
    name = node.name if ':' in node.name else f'{parent_page}:{node.name}'
    tag = BY_NAME[name]
    if tag.page != page:
        out += bytes((SWITCH_PAGE, tag.page))
        page = tag.page
    if not (node.text or node.data or node.children):
        out.append(tag.token)
        return page
    out.append(tag.token | CONTENT)
    if node.data:
        out += bytes((OPAQUE,)) + mb_u_int32(len(node.data)) + node.data
    if node.text:
        out += bytes((STR_I,)) + node.text.encode() + b'\0'
    for child in node.children:
        page = _encode(out, child, name.partition(':')[0], page)
    out.append(END)
    return page


def mb_u_int32(number):
    """A multi-byte integer: 7 bits a byte, the highest first."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(number & 0x7F | 0x80)
    return bytes(reversed(out))


# ---- Decoding ----

class _Reader:
    def __init__(self, data, version):
        self.data, self.version = data, version
        self.at, self.page = 0, 0

    def fail(self, why):
        raise WbxmlError(f'{why} at byte {self.at} of {len(self.data)}')

    def byte(self):
        if self.at >= len(self.data):
            self.fail('the document ends early')
        self.at += 1
        return self.data[self.at - 1]

    def start_tag(self):
        """Reads page switches and a start tag; returns the tag and whether it has content."""
        byte = self.byte()
        while byte == SWITCH_PAGE:
            self.page = self.byte()
            if self.page not in PAGES:
                self.fail(f'unknown page {self.page}')
            byte = self.byte()
        if byte & ATTRIBUTES:
            self.fail('attributes, or a global token')
        tag = BY_CODE.get((self.page, byte & TOKEN))
        if tag is None:
            self.fail(f'unknown token 0x{byte & TOKEN:02X} of page {self.page}')
        if self.version and not tag.since <= self.version <= tag.until:
            self.fail(f'{tag.name} is not of version {self.version}')
        return tag, bool(byte & CONTENT)

    def string(self):
        end = self.data.find(b'\0', self.at)
        if end < 0:
            self.fail('a string without end')
        raw, self.at = self.data[self.at:end], end + 1
        if not raw:
            self.fail('an empty string')
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self.fail('a string that is not UTF-8')
        if bad := NOT_XML.search(text):
            self.fail(f'character U+{ord(bad[0]):04X}, which XML forbids,')
        return text

    def opaque(self):
        length = 0
        for _ in range(5):
            byte = self.byte()
            length = length << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        else:
            self.fail('a length of more than five bytes')
        if self.at + length > len(self.data):
            self.fail('opaque bytes beyond the end')
        self.at += length
        return self.data[self.at - length:self.at]

    def element(self, depth):
        if depth > DEPTH:
            self.fail('nested too deep')
        tag, has_content = self.start_tag()
        node = Node(tag.name)
        if not has_content:
            return node
        while (byte := self.byte()) != END:
            self.content(node, byte, depth)
        if not (node.text or node.data is not None or node.children):
            self.fail(f'{node.name} claims content and has none')
        return node

    def content(self, node, byte, depth):
        simple = byte in (STR_I, OPAQUE)
        if node.text is not None or node.data is not None or (simple and node.children):
            self.fail(f'{node.name} with mixed content')
        if byte == STR_I:
            node.text = self.string()
        elif byte == OPAQUE:
            node.data = self.opaque()
        else:
            self.at -= 1
            node.children.append(self.element(depth + 1))


def decode(data, version=None):
    """The root element. With a version (121, 160 …), tags of other versions are refused too."""
    if data[:4] != HEADER:
        raise WbxmlError(f'a header of {data[:4].hex()}')
    reader = _Reader(data, version)
    reader.at = 4
    root = reader.element(1)
    if reader.at != len(data):
        reader.fail('bytes after the end')
    return root


# ---- XML ----

# Byte arrays, which the schemas know as strings.
BASE64 = {'Email2:ConversationId', 'Email2:ConversationIndex', 'Search:ConversationId',
          'ItemOperations:ConversationId'}


def namespace(page_name):
    """The namespace that the schemas give the page."""
    return {'Gal': 'GAL'}.get(page_name, page_name)


def to_xml(root, declaration=True):
    """The document as the schemas have it: root namespace as default, the others with prefixes."""
    pages = sorted({node.page for node in root.walk()} - {root.page})
    attributes = f' xmlns="{namespace(root.page)}"' + ''.join(
        f' xmlns:{page.lower()}="{namespace(page)}"' for page in pages)
    out = ['<?xml version="1.0" encoding="utf-8"?>\n'] if declaration else []
    _to_xml(out, root, root.page, attributes)
    return ''.join(out)


def _to_xml(out, node, default_page, attributes=''):
    page, _, local = node.name.rpartition(':')
    name = local if page in ('', default_page) else f'{page.lower()}:{local}'
    if not (node.text or node.data or node.children):
        out.append(f'<{name}{attributes}/>')
        return
    out.append(f'<{name}{attributes}>')
    if node.data is not None:
        out.append(escape(opaque_text(node), {'\r': '&#13;'}))
    elif node.text is not None:
        out.append(escape(node.text, {'\r': '&#13;'}))
    for child in node.children:
        _to_xml(out, child, default_page)
    out.append(f'</{name}>')


def opaque_text(node):
    """Opaque bytes for reading: text where they are text, else base64."""
    try:
        text = node.data.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or node.name in BASE64 or NOT_XML.search(text):
        return base64.b64encode(node.data).decode()
    return text
