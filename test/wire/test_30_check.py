"""easel-check: finds each of many broken set-ups, and names it."""

import subprocess

import lab as lab_module
from common import PASSWORD, WireTest
from servers import Nginx, free_port, put


class BrokenNginx(Nginx):
    """The example's site with something wrong in it."""

    def __init__(self, folder, lab, certificate, change):
        folder.mkdir()
        super().__init__(folder, free_port(), free_port(),
                         [worker.upstream() for worker in lab.workers], certificate, '127.0.0.1:')
        self.change = change

    def site(self):
        return self.change(super().site())


def replaced(old, new):
    return lambda site: put(site, old, new)


def before_easel(location, body):
    """Another location, that comes before Easel's."""
    return replaced('location ~* ^/+(', f'location {location} {{ {body} }}\n\tlocation ~* ^/+(')


def unchanged(site):
    return site


def certificate(path, name, days):
    """A self-signed certificate that is good for some name and time: path.pem and path.key."""
    key, names, ask = (str(path.with_suffix(end)) for end in ('.key', '.names', '.csr'))
    path.with_suffix('.names').write_text(f'subjectAltName={name}\n')
    for command in (['req', '-new', '-newkey', 'ec', '-pkeyopt',
                     'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x', '-keyout', key,
                     '-out', ask],
                    ['x509', '-req', '-in', ask, '-signkey', key, '-days', str(days), '-extfile',
                     names, '-out', str(path.with_suffix('.pem'))]):
        subprocess.run(['openssl', *command], capture_output=True, check=True)
    return path


class Check(WireTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_module.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.user = cls.lab.account('anna@example.test')
        cls.good = cls.lab.folder / 'certificate'
        cls.sites = 0

    def check(self, url, *more, password=PASSWORD, ca=None, user=None):
        """Exit code, and what is said of each check: {name: (verdict, text)}."""
        done = subprocess.run(
            [str(self.lab.build / 'easel-check'), f'--server={url}', '--wait=2',
             f'--ca={ca or self.good.with_suffix(".pem")}', *more, user or self.user],
            input=password, stdout=subprocess.PIPE, text=True, check=False)
        lines = [line.split(None, 2) for line in done.stdout.splitlines()]
        return done.returncode, {name.rstrip(':'): (verdict, text)
                                 for verdict, name, text in lines if verdict in ('ok', 'BAD')}

    def site(self, change=unchanged, with_certificate=None):
        """The URL of a web server with something changed."""
        Check.sites += 1
        server = BrokenNginx(self.lab.folder / f'site-{Check.sites}', self.lab,
                             with_certificate or self.good, change).start()
        self.addCleanup(server.kill)
        return f'https://127.0.0.1:{server.port}'

    def assert_names(self, problem, url, *more, **named):
        code, said = self.check(url, *more, **named)
        self.assertEqual(code, 1, said)
        self.assertEqual([name for name, (verdict, _) in said.items() if verdict == 'BAD'],
                         [problem], said)

    def test_a_good_one(self):
        code, said = self.check(self.lab.url)
        self.assertEqual((code, {verdict for verdict, _ in said.values()}), (0, {'ok'}), said)
        self.assertEqual(list(said), ['autodiscover', 'options', 'folders', 'query', 'body-limit',
                                      'push'])
        self.assertEqual(self.lab.sql('SELECT count(*) FROM easel.device'), [['0']])

    def test_broken_sites(self):
        location = '(Microsoft-Server-ActiveSync/*$|autodiscover/|'
        inside = 'fastcgi_pass easel;'
        for problem, change in (
                ('autodiscover-path', replaced(location, '(Microsoft-Server-ActiveSync/*$|')),
                ('activesync-path', replaced(location, '(autodiscover/|')),
                ('autodiscover-site', before_easel('~* ^/autodiscover/', 'return 200 "Hello";')),
                ('redirect-loop', before_easel('~* ^/autodiscover/',
                                               'return 302 https://$http_host$request_uri;')),
                ('redirect-plain', before_easel('~* ^/autodiscover/',
                                                'return 302 http://$http_host$request_uri;')),
                ('redirect', before_easel('~* ^/Microsoft-Server-ActiveSync',
                                          'return 301 https://$http_host/webmail/;')),
                ('tls-old', replaced('ssl_protocols TLSv1.2 TLSv1.3;', 'ssl_protocols TLSv1.1;'
                                     ' ssl_ciphers ALL:@SECLEVEL=0;')),
                ('options-method', replaced(inside, 'if ($request_method = OPTIONS) { return 405; }'
                                            f' {inside}')),
                ('options', replaced(inside, f'{inside} fastcgi_hide_header MS-ASProtocolVersions;')),
                ('login-header', replaced(inside, f'{inside} fastcgi_param HTTP_AUTHORIZATION "";')),
                ('query', replaced('QUERY_STRING    $query_string', 'QUERY_STRING    ""')),
                ('body-limit', replaced('client_max_body_size 64m', 'client_max_body_size 100k')),
                ('push', replaced('fastcgi_read_timeout 3660s', 'fastcgi_read_timeout 1s')),
                ('easel-away', replaced(inside, 'fastcgi_pass unix:/nonexistent/easel.sock;'))):
            with self.subTest(problem):
                self.assert_names(problem, self.site(change))

    def test_a_redirect_is_followed(self):
        """As phones do, from one name of the server to another."""
        url = self.site(before_easel('= /autodiscover/autodiscover.xml',
                                     f'return 302 {self.lab.url}/autodiscover/autodiscover.xml;'))
        self.assertEqual(self.check(url)[0], 0)

    def test_a_message_wakes_a_waiting_phone(self):
        user = self.account()
        code, said = self.check(self.lab.url, '--deliver', '--wait=4', user=user)
        self.assertEqual((code, said['delivery'][0]), (0, 'ok'), said)
        items = "SELECT count(*) FROM easel.item WHERE account_id = easel.account_of(:'user')" \
                " AND folder_id <> (SELECT id FROM easel.folder f WHERE f.role = 'recipients'" \
                " AND f.account_id = easel.account_of(:'user'))"
        self.assertEqual(self.lab.sql(items, user=user), [['0']])
        self.lab.sql("UPDATE easel.account SET push = false WHERE address = :'user'", user=user)
        self.assert_names('delivery', self.lab.url, '--deliver', user=user)
        self.assertEqual(self.lab.sql(items, user=user), [['0']])

    def test_certificates(self):
        folder = self.lab.folder
        other = certificate(folder / 'other', 'DNS:other.example', 30)
        old = certificate(folder / 'old', 'IP:127.0.0.1', -1)
        self.assert_names('certificate-name', self.site(with_certificate=other),
                          ca=other.with_suffix('.pem'))
        self.assert_names('certificate-expired', self.site(with_certificate=old),
                          ca=old.with_suffix('.pem'))
        self.assert_names('certificate-untrusted', self.site(with_certificate=other))

    def test_no_server(self):
        self.assert_names('dns', 'https://nowhere.invalid')
        self.assert_names('connection', f'https://127.0.0.1:{free_port()}')
        self.assert_names('tls', self.lab.url.replace(str(self.lab.nginx.port),
                                                      str(self.lab.nginx.http_port)))

    def test_who_may_not_come_in(self):
        self.assert_names('login', self.lab.url, password='wrong')
        away, shut = (self.account() for _ in range(2))
        self.lab.sql("UPDATE easel.account SET enabled = false WHERE address = :'user'", user=shut)
        self.assert_names('forbidden', self.lab.url, user=shut)
        self.lab.sql("UPDATE easel.account SET lives_at = :'url' WHERE address = :'user'",
                     user=away, url=self.lab.url)
        self.assert_names('lives-elsewhere', self.lab.url, user=away)

    def test_a_url_that_no_phone_would_go_to(self):
        self.lab.sql("UPDATE easel.protocol SET url = 'http://{host}/Microsoft-Server-ActiveSync'")
        self.addCleanup(self.lab.sql, 'UPDATE easel.protocol SET url ='
                        " 'https://{host}/Microsoft-Server-ActiveSync'")
        self.assert_names('autodiscover-url', self.lab.url)

    def test_wrong_usage(self):
        for arguments, code in ((['--wait=0', 'a@b'], 64), (['nobody'], 64), ([], 64)):
            done = subprocess.run([str(self.lab.build / 'easel-check'), *arguments], input='x',
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
