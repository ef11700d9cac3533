"""An IMAP server for the tests that lies, stalls and breaks off, as it is told."""

import re
import socketserver
import threading
import time

MAIL = (b'From: Ben <ben@example.test>\r\nSubject: A message\r\nMessage-ID: <1@bad.test>\r\n\r\n'
        b'Text.\r\n')


class Handler(socketserver.StreamRequestHandler):
    """One connection: a mailbox with one message, and the trouble that the server is set to."""

    def say(self, text):
        self.wfile.write(text if isinstance(text, bytes) else text.encode())

    def handle(self):
        try:
            self.say(f'* OK [CAPABILITY {self.server.capabilities}] ready\r\n')
            for line in self.rfile:
                tag, _, rest = line.decode().strip().partition(' ')
                self.server.heard.append(rest)
                literal = re.search(r'\{(\d+)(\+?)\}$', rest)
                if not (self.take(tag, rest, literal) if literal else self.answer(tag, rest)):
                    return
        except OSError:
            pass  # Easel had enough

    def take(self, tag, rest, literal):
        """APPEND, the only command here that may come with a literal."""
        if self.server.trouble and self.server.at == 'APPEND':
            return self.answer(tag, rest)
        if not literal[2]:
            self.say('+ go on\r\n')
        self.server.appended.append(self.rfile.read(int(literal[1])))
        self.rfile.readline()
        self.say(f'{tag} OK [APPENDUID {self.server.uidvalidity} {len(self.server.appended) + 1}] done\r\n')
        return True

    def answer(self, tag, rest):
        verb = rest.split(' ')[1].upper() if rest.upper().startswith('UID ') else \
            rest.split(' ')[0].upper()
        trouble = self.server.trouble
        if verb == self.server.at:
            if trouble == 'endless line':
                while True:
                    self.say(b'x' * 65536)
            if trouble == 'endless responses':
                while True:
                    self.say(b'* 1 EXPUNGE\r\n' * 4096)
            if trouble == 'huge literal':
                self.say('* 1 FETCH (UID 1 BODY[] {99999999999}\r\n')
                time.sleep(self.server.stall)
                return False
            if trouble == 'cut literal':
                self.say('* 1 FETCH (UID 1 BODY[] {500}\r\nFrom: x')
                return False
            if trouble == 'stall':
                time.sleep(self.server.stall)
                return False
            if trouble == 'nonsense':
                self.say('* 1 FETCH (((((\r\n* LIST\r\n')
            if trouble == 'wrong tag':
                self.say('zzz OK done\r\n')
            if trouble == 'goodbye':
                self.say('* BYE enough\r\n')
                return False
            if trouble == 'nothing':  # as if there was nothing to tell
                self.say(f'{tag} OK done\r\n')
                return True
            if trouble == 'numbers':
                self.say('* 99999999999999999999 EXISTS\r\n* 0 EXPUNGE\r\n'
                         '* 7 FETCH (UID 99999999999 FLAGS (\\Seen))\r\n* VANISHED 1:*\r\n')
            if trouble == 'refuse':
                self.say(f'{tag} NO not now\r\n')
                return True
        self.serve(tag, verb, rest)
        return verb != 'LOGOUT'

    def serve(self, tag, verb, rest):
        if verb == 'LIST':
            self.say('* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Trash) "/" Trash\r\n'
                     '* LIST (\\Drafts) "/" Drafts\r\n* LIST (\\Sent) "/" Sent\r\n')
        elif verb == 'STATUS':
            name = re.match(r'STATUS "?([^" ]+)', rest)[1]
            self.say(f'* STATUS {name} (MESSAGES 1 UIDNEXT 2 UIDVALIDITY '
                     f'{self.server.uidvalidity} UNSEEN 1 HIGHESTMODSEQ 5)\r\n')
        elif verb == 'CAPABILITY':
            self.say(f'* CAPABILITY {self.server.capabilities}\r\n')
        elif verb == 'SELECT':
            self.say(f'* 1 EXISTS\r\n* OK [UIDVALIDITY {self.server.uidvalidity}] x\r\n'
                     '* OK [UIDNEXT 2] x\r\n'
                     '* OK [HIGHESTMODSEQ 5] x\r\n')
        elif verb == 'FETCH':
            self.say(f'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Nov-2026 02:44:25 +0000"'
                     f' RFC822.SIZE {len(MAIL)} BODY[] {{{len(MAIL)}}}\r\n')
            self.say(MAIL + b')\r\n')
        self.say(f'{tag} OK done\r\n')


class ImapServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of 127.0.0.1; trouble: what goes wrong, at: with which command;
    heard: all commands, without their tags; appended: messages that were put there."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.trouble, self.at, self.stall, self.uidvalidity = None, None, 8, 7
        self.capabilities, self.heard, self.appended = 'IMAP4rev1 LITERAL+ CONDSTORE', [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def close(self):
        self.shutdown()
        self.server_close()
