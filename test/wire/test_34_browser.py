"""The user's own page in a browser: a headless Chromium as wide as a phone. It has no scripts."""

import http.server
import threading
import unittest
from urllib.parse import quote

from browser import Browser, why_not
from common import PASSWORD, WireTest
from wbxml import E

ATTACK = '''<!DOCTYPE html><html><body><form method="post" action="{url}">
<input type="hidden" name="token" value="{token}"><input type="hidden" name="device" value="{device}">
<input type="hidden" name="sure" value="yes"><button name="do" value="wipe">Win!</button></form>'''


class ElsewhereHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.page.encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@unittest.skipIf(why_not(), why_not())
class InChromium(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.user = cls.lab.account('browser@example.test')
        host = cls.lab.url.removeprefix('https://')
        cls.browser.go(f'https://{quote(cls.user, safe="")}:{PASSWORD}@{host}/easel/')

    def log_in(self, **policy):
        """A phone, the only one of the user, and his page."""
        self.lab.sql("DELETE FROM easel.device USING easel.account a WHERE a.address = :'u'"
                     " AND account_id = a.id", u=self.user)
        for field, value in policy.items():
            self.lab.sql("SELECT easel.policy_set('user', :'u', :'f', :'v')", u=self.user, f=field,
                         v=value)
        phone = self.new_phone(self.user).start()
        self.look()
        return phone

    def look(self):
        self.browser.go(f'{self.lab.url}/easel/')

    def do(self, action):
        """Presses a button, having said that one is sure where that is asked."""
        form = f'form:has(button[value="{action}"])'
        if self.browser.all(f'{form} input[type=checkbox]'):
            self.browser.click(f'{form} input[type=checkbox]')
        self.browser.leave(f'{form} button')

    def said(self):
        return self.browser.text('[role=status]')

    def state(self, phone, column):
        return self.lab.sql(f"SELECT {column} FROM easel.device_list WHERE device_id = :'d'"
                            " AND account = :'u'", d=phone.device_id, u=phone.user)[0][0]

    def test_my_devices(self):
        phone = self.log_in()
        phone.send_device_information()
        self.look()
        shown = self.browser.text()
        for word in ('My devices', phone.user, 'Test phone', 'Wire Test', 'Last sync'):
            self.assertIn(word, shown)
        self.assertEqual(self.browser.all('script'), [])
        cookie, = self.browser.cookies()
        self.assertEqual((cookie['secure'], cookie['httpOnly'], cookie['sameSite'],
                          cookie['path']), (True, True, 'Strict', '/easel/'))

    def test_wiping_needs_to_be_sure_of_and_can_be_taken_back(self):
        phone = self.log_in()
        self.browser.click('button[value=wipe]')  # the browser asks for the box to be ticked
        self.assertEqual(self.state(phone, 'wipe'), 'none')
        self.do('wipe')
        self.assertIn('Done', self.said())
        self.assertEqual((self.state(phone, 'wipe'), self.state(phone, 'wipe_kind')),
                         ('pending', 'hard'))
        self.assertIn('waits for the device', self.browser.text())
        self.do('cancel')
        self.assertEqual(self.state(phone, 'wipe'), 'none')

    def test_removing_and_stopping(self):
        phone = self.log_in()
        self.do('remove')
        self.assertEqual(self.state(phone, 'wipe_kind'), 'soft')
        self.do('cancel')
        self.do('stop')
        self.assertEqual((self.state(phone, 'access'), self.state(phone, 'access_by')),
                         ('blocked', 'user'))
        self.assertEqual(self.browser.all('section'), [])
        self.assertIn('No device', self.browser.text())

    def test_deleting(self):
        phone = self.log_in()
        self.do('delete')
        self.assertEqual(self.lab.sql("SELECT 1 FROM easel.device WHERE device_id = :'d'",
                                      d=phone.device_id), [])

    def test_a_policy_is_tightened_and_nothing_loosens_it(self):
        phone = self.log_in()
        for action in ('password', 'lock', 'encryption', 'attachments'):
            self.do(action)
        self.browser.click('summary')
        shown = self.browser.text('details')
        for line in ('A password is required yes this device', 'Minutes until it locks itself 5',
                     'Its memory must be encrypted yes', 'Attachments no this device'):
            self.assertIn(line, shown)
        # What was tightened stays, also as a new device.
        self.assertEqual(self.browser.all('button[value=delete]'), [])
        self.assertEqual(phone.folder_sync().status, '142')

    def test_the_recovery_password_is_shown_and_that_is_recorded(self):
        phone = self.log_in(enforced='true', password_recovery='true')
        self.addCleanup(self.lab.sql, "SELECT easel.policy_inherit('user', :'u')", u=self.user)
        kept = phone.command('Settings', E('Settings:Settings', E('DevicePassword', E('Set', E(
            'Password', 'open <sesame> & co')))))
        self.assertEqual(kept.root.get('DevicePassword/Status'), '1')
        self.look()
        self.do('recover')
        self.assertEqual(self.said(), 'Recovery password: open <sesame> & co')
        self.assertEqual(self.lab.sql(
            "SELECT s.shown_to FROM easel.device_password_shown s JOIN easel.device v"
            " ON v.id = s.device WHERE v.device_id = :'d'", d=phone.device_id), [[phone.user]])

    def test_it_speaks_the_language_of_the_account_and_fits_a_phone(self):
        phone = self.log_in()
        language = "UPDATE easel.account SET language = :'l' WHERE address = :'u'"
        self.lab.sql(language, l='de', u=self.user)
        self.addCleanup(self.lab.sql, language, l='en', u=self.user)
        self.lab.sql(
            "INSERT INTO easel.policy (level, device) SELECT 'device', id FROM easel.device"
            " WHERE device_id = :'d'; SELECT easel.policy_set('device', v.id::text, f.key,"
            " CASE f.key WHEN 'enforced' THEN 'true' WHEN 'approved_applications'"
            " THEN '{0123456789abcdef0123456789abcdef01234567}' ELSE f.value END)"
            " FROM easel.device v, easel.policy p, jsonb_each_text(easel.level_fields("
            " to_jsonb(p) - '{approved_applications,unapproved_applications}'::text[]"
            " || jsonb '{\"approved_applications\": 1}')) f"
            " WHERE p.level = 'default' AND v.device_id = :'d'", d=phone.device_id)
        self.look()
        self.assertEqual(self.browser.attribute('html', 'lang'), 'de')
        self.browser.click('summary')
        shown = self.browser.text()
        for word in ('Meine Geräte', 'Letzter Abgleich', 'dieses Gerät', 'Kamera ja',
                     'Alles auf ihm löschen', '0123456789abcdef'):
            self.assertIn(word, shown)
        self.assertNotIn('_', shown.replace(phone.device_id, ''))  # every column has a name
        content, window = self.browser.content_width()
        self.assertLessEqual(content, window)
        self.assertEqual(window, 360)
        self.do('password')
        self.assertIn('Erledigt', self.said())

    def test_a_form_of_another_site_does_nothing(self):
        """It has the right token even: the browser keeps the cookie to itself."""
        phone = self.log_in()
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), ElsewhereHandler)
        server.page = ATTACK.format(
            url=f'{self.lab.url}/easel/', token=self.browser.attribute('[name=token]', 'value'),
            device=self.browser.attribute('[name=device]', 'value'))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.browser.go(f'http://localhost:{server.server_port}/')
        self.browser.click('button')
        self.wait_for_log(1, f'user={phone.user}', 'http=403')
        self.assertEqual(self.state(phone, 'wipe'), 'none')


if __name__ == '__main__':
    unittest.main()
