"""A headless Chromium, driven over the WebDriver protocol; with a phone's screen."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'  # the key of an element's id (WebDriver 11)
SECONDS = 30


def why_not():
    """Why there is no browser here; None: there is one."""
    missing = [name for name in ('chromium', 'chromedriver') if not shutil.which(name)]
    return f'{", ".join(missing)} is not installed' if missing else None


class BrowserError(Exception):
    """What the driver complained of."""


class Browser:
    """One window, as wide as a phone's. Certificates are not checked."""

    def __init__(self, width=360, height=640):
        self.driver = subprocess.Popen(
            ['chromedriver', '--port=0'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        self.session = None
        try:
            self.url = self._wait_for_port()
            self._begin(width, height)
        except BaseException:
            self.close()
            raise

    def _wait_for_port(self):
        for line in self.driver.stdout:
            if 'successfully on port ' in line:
                port = line.rsplit('port ', 1)[1].strip(' .\n')
                return f'http://127.0.0.1:{port}'
        raise BrowserError('chromedriver did not start')

    def _begin(self, width, height):
        arguments = ['--headless=new', '--disable-gpu', '--disable-dev-shm-usage',
                     '--no-proxy-server', '--disable-background-networking']
        if os.geteuid() == 0:
            arguments.append('--no-sandbox')
        chrome = {'args': arguments,
                  'mobileEmulation': {'deviceMetrics': {'width': width, 'height': height,
                                                        'pixelRatio': 2, 'touch': True}}}
        made = self._ask('POST', '/session', {'capabilities': {'alwaysMatch': {
            'browserName': 'chrome', 'acceptInsecureCerts': True,
            'goog:chromeOptions': chrome}}})
        self.session = made['sessionId']

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method, headers={'Content-Type': 'application/json'},
            data=json.dumps(body).encode() if body is not None else None)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise BrowserError(json.load(error)['value']['message']) from None

    def ask(self, method, path, body=None):
        return self._ask(method, f'/session/{self.session}{path}', body)

    def close(self):
        if self.session:
            self.ask('DELETE', '')
            self.session = None
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()

    # ---- What a user does ----

    def go(self, url):
        self.ask('POST', '/url', {'url': url})

    def all(self, css):
        """The elements that a selector finds."""
        found = self.ask('POST', '/elements', {'using': 'css selector', 'value': css})
        return [element[ELEMENT] for element in found]

    def click(self, css):
        """Clicks the first such element."""
        self.ask('POST', f'/element/{self.all(css)[0]}/click', {})

    def leave(self, css):
        """Clicks the first such element, and waits until another page has come."""
        element = self.all(css)[0]
        self.ask('POST', f'/element/{element}/click', {})
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                self.ask('GET', f'/element/{element}/name')
            except BrowserError:  # of the page that was left
                return
            time.sleep(0.02)
        raise BrowserError(f'{css} leads nowhere')

    def text(self, css='body'):
        """The text that can be seen in the first such element."""
        return self.ask('GET', f'/element/{self.all(css)[0]}/text')

    def attribute(self, css, name):
        return self.ask('GET', f'/element/{self.all(css)[0]}/attribute/{name}')

    # ---- What a tester looks at ----

    def devtools(self, command, **parameters):
        return self.ask('POST', '/goog/cdp/execute', {'cmd': command, 'params': parameters})

    def cookies(self):
        return self.ask('GET', '/cookie')

    def content_width(self):
        """Pixels that the page is wide, and those of the window."""
        sizes = self.devtools('Page.getLayoutMetrics')
        return sizes['cssContentSize']['width'], sizes['cssLayoutViewport']['clientWidth']
