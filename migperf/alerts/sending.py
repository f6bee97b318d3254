"""Sending a message to a channel, of whatever kind it is."""

import ssl
import time
from dataclasses import dataclass

from migperf.alerts.alert import Message
from migperf.alerts.channel import Channel, EmailChannel, SlackChannel, WebhookChannel, key_of
from migperf.alerts.guard import Guard
from migperf.alerts.mail import mail_of
from migperf.alerts.mailing import Mailer
from migperf.alerts.posting import Poster
from migperf.alerts.signature import signed_headers
from migperf.alerts.slack_payload import slack_body
from migperf.alerts.webhook_payload import webhook_body


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends messages under a guard, each within ``timeout_s``."""

    guard: Guard
    timeout_s: float
    ssl_context: ssl.SSLContext | None = None
    """The system's, unless a test brings its own."""

    def send(self, channel: Channel, message: Message) -> None:
        """Send a message; done when the channel has taken it. Raises DeliveryError; a RefusedError is final."""
        match channel:
            case WebhookChannel():
                body = webhook_body(message)
                headers = signed_headers(key_of(channel.secret), message.id, int(time.time()), body)
                self._poster.post(channel.url, body, headers)
            case SlackChannel():
                self._poster.post(channel.url, slack_body(message), {})
            case EmailChannel():
                Mailer(self.guard, self.timeout_s, self.ssl_context).send(channel, mail_of(message, channel))

    @property
    def _poster(self) -> Poster:
        return Poster(self.guard, self.timeout_s, self.ssl_context)
