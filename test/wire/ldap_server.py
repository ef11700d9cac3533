"""A private slapd with a few people, for tests."""

import subprocess
import time
from pathlib import Path

from servers import free_port

PEOPLE = 'ou=people,dc=ldap,dc=test'
ADMIN, SECRET = 'cn=admin,dc=ldap,dc=test', 'admin-secret'

CONFIG = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
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
    """slapd on a port of its own; people are (cn, sn, mail, password, further attributes)."""

    def __init__(self, folder, people):
        self.folder, self.url = Path(folder), f'ldap://127.0.0.1:{free_port()}'
        (self.folder / 'data').mkdir()
        config = self.folder / 'slapd.conf'
        config.write_text(CONFIG.format(folder=folder, admin=ADMIN, secret=SECRET))
        self.process = subprocess.Popen(['/usr/sbin/slapd', '-f', str(config), '-h', self.url, '-d', '0'],
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
