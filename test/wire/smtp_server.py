"""A mail server for the tests: takes messages over SMTP, or refuses them as it is told."""

import socketserver
import threading


class Handler(socketserver.StreamRequestHandler):
    """One connection (RFC 5321), as much of it as a client that sends needs."""

    def reply(self, text):
        self.wfile.write(text.encode() + b'\r\n')

    def handle(self):
        self.reply('220 mail.test ready')
        sender, recipients = None, []
        for line in self.rfile:
            line = line.decode().rstrip('\r\n')
            verb = line[:4].upper()
            if verb in ('EHLO', 'HELO'):
                self.reply('250-mail.test\r\n250 8BITMIME' if verb == 'EHLO' else '250 mail.test')
            elif verb == 'MAIL':
                sender, recipients = address_in(line), []
                self.reply('250 2.1.0 Ok')
            elif verb == 'RCPT':
                self.take_recipient(address_in(line), recipients)
            elif verb == 'DATA':
                self.take_message(sender, recipients)
            elif verb == 'QUIT':
                self.reply('221 Bye')
                return
            else:
                self.reply('250 Ok')

    def take_recipient(self, address, recipients):
        replies = self.server.replies.get(address, [])
        reply = replies.pop(0) if len(replies) > 1 else replies[0] if replies else '250 2.1.5 Ok'
        self.server.asked.append(address)
        if reply.startswith('2'):
            recipients.append(address)
        self.reply(reply)

    def take_message(self, sender, recipients):
        if not recipients:
            self.reply('554 5.5.1 No recipients')
            return
        self.reply('354 Go on')
        lines = []
        for line in self.rfile:
            if line == b'.\r\n':
                break
            lines.append(line[1:] if line.startswith(b'.') else line)
        else:
            return  # the client went in the middle of it
        self.server.messages.append((sender, list(recipients), b''.join(lines)))
        self.reply('250 2.0.0 Taken')


def address_in(line):
    return line.partition('<')[2].partition('>')[0]


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on a port of 127.0.0.1, a free one unless it is named.

    replies: address -> what RCPT is answered, one after the other; the last stays.
    messages: (sender, recipients, bytes) of what was taken; asked: every recipient of every try.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port=0, handler=Handler):
        super().__init__(('127.0.0.1', port), handler)
        self.replies, self.messages, self.asked = {}, [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f'smtp://127.0.0.1:{self.server_address[1]}'

    def close(self):
        self.shutdown()
        self.server_close()
