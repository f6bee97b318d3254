"""The e-mail that people get: plain text, and headers by which mail programs know it again."""

from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

from migperf.alerts.alert import Alert, Message
from migperf.alerts.channel import EmailChannel


def mail_of(message: Message, channel: EmailChannel) -> EmailMessage:
    """Return the e-mail. A message that is sent again has the same ``Message-ID``, so that mailboxes can drop it."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"migperf: {message.title}"
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.recipients)
    mail["Date"] = message.created_at
    mail["Message-ID"] = f"<{message.id}@{channel.sender.rpartition('@')[2]}>"
    # RFC 3834: nobody's out-of-office program answers.
    mail["Auto-Submitted"] = "auto-generated"
    # Quoted-printable passes every server; 8 bits do not.
    mail.set_content("\n".join(_lines(message)), cte="quoted-printable")
    return mail


def _lines(message: Message) -> Iterator[str]:
    for number, alert in enumerate(message.alerts):
        if number:
            yield "\n" + "-" * 40 + "\n"
        yield from _alert_lines(alert, message)


def _alert_lines(alert: Alert, message: Message) -> Iterator[str]:
    yield alert.title
    if alert.text:
        yield f"\n{alert.text}"
    if alert.facts:
        yield ""
        yield from (f"{name}: {value}" for name, value in alert.facts.items())
    if url := message.url_of(alert):
        yield f"\n{url}"
    yield f"\n{alert.created_at:%Y-%m-%d %H:%M:%S} UTC"
