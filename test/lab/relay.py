"""A mail server of the demo: takes messages over SMTP and hands them to an LMTP server.

    relay.py LISTEN_PORT LMTP_PORT

It stands for the site's own Postfix; both ports are on 127.0.0.1.
"""

import smtplib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'wire'))
from smtp_server import Handler, SmtpServer  # noqa: E402  (found only after the line above)


class Relay(Handler):
    """Each message goes on at once; what LMTP says to it is logged."""

    def take_message(self, sender, recipients):
        super().take_message(sender, recipients)
        if not self.server.messages:
            return
        sender, recipients, message = self.server.messages.pop()
        try:
            with smtplib.LMTP('127.0.0.1', int(sys.argv[2])) as lmtp:
                lmtp.sendmail(sender, recipients, message)
        except (smtplib.SMTPException, OSError) as error:
            print(f'{recipients}: {error}', flush=True)


def main():
    SmtpServer(int(sys.argv[1]), Relay)
    while True:
        time.sleep(3600)


if __name__ == '__main__':
    main()
