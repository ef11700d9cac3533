"""The user's own page: what it shows, what can be done on it, and forged requests."""

from html.parser import HTMLParser
from urllib.parse import urlencode

from common import WireTest


class Page(HTMLParser):
    """The forms of a page, and its text."""

    def __init__(self, answer):
        super().__init__()
        self.code, self.headers, self.forms, self.text = answer.code, answer.headers, [], ''
        self.open, self.scripts = [], 0
        self.feed(answer.body.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.scripts += tag == 'script' or any(name.startswith('on') for name in attrs)
        if tag == 'form':
            self.forms.append({})
        elif tag in ('input', 'button') and attrs.get('name'):
            self.forms[-1][attrs['name']] = attrs.get('value', '')
        if tag not in ('meta', 'input'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        self.text += data

    def form(self, action):
        return next(form for form in self.forms if form.get('do') == action)


class UserPage(WireTest):
    def get(self, phone):
        page = Page(phone.raw('GET', '/easel/'))
        self.assertEqual((page.code, page.scripts, page.open), (200, 0, []))
        return page

    def post(self, phone, page, fields, cookie=None):
        given = page.headers['Set-Cookie']
        return phone.raw('POST', '/easel/', urlencode(fields).encode(),
                         Content_Type='application/x-www-form-urlencoded',
                         Cookie=cookie if cookie is not None else given.partition(';')[0])

    def act(self, phone, action):
        page = self.get(phone)
        answer = Page(self.post(phone, page, page.form(action)))
        self.assertEqual(answer.code, 200)
        return answer

    def state(self, phone, column):
        return self.lab.sql(f"SELECT {column} FROM easel.device_list WHERE device_id = :'d'",
                            d=phone.device_id)[0][0]

    def test_it_is_behind_the_login(self):
        phone = self.phone()
        self.assertEqual(phone.raw('GET', '/easel/', Authorization=None).code, 401)

    def test_the_devices_are_shown(self):
        phone = self.phone()
        phone.send_device_information()
        self.lab.sql("UPDATE easel.device SET friendly_name = '<b>\"X\" & Y</b>'"
                     " WHERE device_id = :'d'", d=phone.device_id)
        page = self.get(phone)
        self.assertIn('<b>"X" & Y</b>', page.text)
        self.assertIn('Wire Test', page.text)
        cookie = page.headers['Set-Cookie']
        for word in ('Secure', 'HttpOnly', 'SameSite=Strict'):
            self.assertIn(word, cookie)

    def test_a_policy_is_tightened(self):
        phone = self.phone()
        self.act(phone, 'encryption')
        self.assertIn('must be encrypted', self.get(phone).text)
        self.assertEqual(phone.folder_sync().status, '142')
        self.assertEqual(phone.provision().get('RequireDeviceEncryption'), '1')

    def test_removing_and_changing_ones_mind(self):
        phone = self.phone()
        self.act(phone, 'remove')
        self.assertEqual(self.state(phone, 'wipe_kind'), 'soft')
        self.act(phone, 'cancel')
        self.assertEqual(self.state(phone, 'wipe'), 'none')
        self.act(phone, 'stop')
        self.assertEqual(self.state(phone, 'access'), 'blocked')
        self.assertEqual(self.get(phone).forms, [])

    def test_forged_requests(self):
        phone, other = self.phone(), self.phone()
        page, others = self.get(phone), self.get(other)
        form = page.form('wipe')
        token = form['token']
        for fields, cookie in (({**form, 'token': ''}, None), ({**form, 'token': '0' * 64}, None),
                               (form, ''), (form, 'easel=' + '0' * 32),
                               ({**form, 'token': others.form('wipe')['token']}, None)):
            self.assertEqual(self.post(phone, page, fields, cookie).code, 403)
        unsure = {name: value for name, value in form.items() if name != 'sure'}
        self.assertIn('Nothing was done', self.post(phone, page, unsure).body.decode())
        theirs = {**others.form('wipe'), 'token': token}
        self.assertIn('Nothing was done', self.post(phone, page, theirs).body.decode())
        for device in ("1; DROP TABLE easel.device", '-1', '9' * 30):
            self.post(phone, page, {**form, 'device': device})
        self.assertEqual((self.state(phone, 'wipe'), self.state(other, 'wipe')), ('none', 'none'))
