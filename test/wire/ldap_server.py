"""LDAP servers for tests: a private slapd with a few people, and one that answers what it is told to."""

import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path

from servers import free_port, make_certificate

PEOPLE = 'ou=people,dc=ldap,dc=test'
ADMIN, SECRET = 'cn=admin,dc=ldap,dc=test', 'admin-secret'

CONFIG = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {folder}/certificate.pem
TLSCertificateKeyFile {folder}/certificate.key
disallow bind_anon
database mdb
suffix "dc=ldap,dc=test"
directory {folder}/data
rootdn "{admin}"
rootpw {secret}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{admin}" write by * none
"""


class LdapServer:
    """slapd, with and without TLS; people are (cn, sn, mail, password, further attributes)."""

    def __init__(self, folder, people):
        self.folder, self.url = Path(folder), f'ldap://127.0.0.1:{free_port()}'
        self.tls_url = f'ldaps://127.0.0.1:{free_port()}'
        self.certificate = make_certificate(self.folder / 'certificate').with_suffix('.pem').read_text()
        (self.folder / 'data').mkdir()
        config = self.folder / 'slapd.conf'
        config.write_text(CONFIG.format(folder=folder, admin=ADMIN, secret=SECRET))
        self.process = subprocess.Popen(['/usr/sbin/slapd', '-f', str(config), '-h', f'{self.url} {self.tls_url}', '-d', '0'],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        entries = ['dn: dc=ldap,dc=test\nobjectClass: domain\ndc: ldap\n',
                   f'dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n']
        for number, (name, last, mail, password, more) in enumerate(people):
            entries.append(f'dn: uid=p{number},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: p{number}\ncn: {name}\nsn: {last}\n'
                           f'mail: {mail}\nuserPassword: {password}\n' + ''.join(f'{k}: {v}\n' for k, v in more.items()))
        self.add('\n'.join(entries))

    def add(self, ldif):
        deadline = time.monotonic() + 20
        while True:
            done = subprocess.run(['ldapadd', '-x', '-H', self.url, '-D', ADMIN, '-w', SECRET], input=ldif, text=True,
                                  capture_output=True, check=False)
            if done.returncode != 255 or time.monotonic() > deadline:  # it is not listening yet
                break
            time.sleep(0.05)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def stop(self):
        self.process.terminate()
        self.process.wait()


# ---- One that lies (RFC 4511) ----

def ber(tag, *parts):
    """A BER value in its long form."""
    content = b''.join(parts)
    return bytes([tag, 0x84]) + len(content).to_bytes(4, 'big') + content


def text(value):
    return ber(4, value.encode())


def reply(number, tag, *parts):
    return ber(0x30, ber(2, bytes([number])), ber(tag, *parts))


def result(number, tag, code=0):
    """Of a bind (0x61) or a search (0x65)."""
    return reply(number, tag, ber(10, bytes([code])), text(''), text(''))


def entry(number, name, **attributes):
    return reply(number, 0x64, text(name), ber(0x30, *(
        ber(0x30, text(key), ber(0x31, ber(4, value))) for key, value in attributes.items())))


class LyingServer:
    """Accepts every password; answers a search with what `search(message number)` yields.

    `greeting`: what comes instead, whatever is asked; b'': nothing at all.
    """

    def __init__(self, search=None, greeting=None):
        answer = search or (lambda number: ())

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                while data := self.request.recv(4096):
                    if greeting is not None:
                        self.request.sendall(greeting)
                        if greeting:
                            return
                        continue
                    start = 2 + (data[1] & 0x7f if data[1] & 0x80 else 0)
                    number, tag = data[start + 2], data[start + 3]
                    try:
                        if tag == 0x60:
                            self.request.sendall(result(number, 0x61))
                        elif tag == 0x63:
                            for piece in answer(number):
                                self.request.sendall(piece)
                        elif tag == 0x42:
                            return
                    except OSError:
                        return

        socketserver.ThreadingTCPServer.daemon_threads = True
        self.server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)
        self.url = f'ldap://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.socket.shutdown(socket.SHUT_RDWR)
        self.server.server_close()
