"""Giving an e-mail to the mail server of a channel: guarded, and bounded in time."""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage

from migperf.alerts.channel import EmailChannel, Tls
from migperf.alerts.errors import DeliveryError
from migperf.alerts.guard import Guard

_READY = 220
_SHOWN_CHARACTERS = 200


class _GuardedSmtp(smtplib.SMTP):
    """SMTP over a connection that a guard has opened; ``implicit`` encrypts it from the first byte."""

    def __init__(self, guard: Guard, deadline: float, implicit: ssl.SSLContext | None) -> None:
        self._guard, self._deadline, self._implicit = guard, deadline, implicit
        super().__init__(timeout=max(0.001, deadline - time.monotonic()), local_hostname=_own_name())

    def open(self, host: str, port: int) -> None:
        """Connect and read the greeting. Raises DeliveryError, smtplib.SMTPException and OSError."""
        self._host = host  # the name that certificates must have; smtplib takes it from its constructor, which connects
        code, text = self.connect(host, port)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, text)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - the deadline decides
        """The one place where smtplib opens connections."""
        connection = self._guard.connect(host, port, self._deadline)
        if self._implicit is None:
            return connection
        try:
            return self._implicit.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    def shut(self) -> None:
        """End the connection under whoever waits for it."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


@dataclass(frozen=True, slots=True)
class Mailer:
    """Hands e-mails over under a guard. ``ssl_context`` is the system's unless a test brings its own."""

    guard: Guard
    timeout_s: float
    """Of one e-mail from looking the server up to its last answer."""
    ssl_context: ssl.SSLContext | None = None

    def send(self, channel: EmailChannel, mail: EmailMessage) -> None:
        """Give the mail server an e-mail; done when it takes it for every recipient. Raises DeliveryError.

        If it takes it for some recipients alone, that counts as taken: sending again would reach those twice.
        """
        try:
            with self._session(channel) as smtp:
                smtp.send_message(mail, channel.sender, list(channel.recipients))
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(f"{channel.host} refuses the user or the password ({error.smtp_code})") from error
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise DeliveryError(f"{channel.host} takes it for nobody: {_said(code, text)}") from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"{channel.host} refuses: {_said(error.smtp_code, error.smtp_error)}") from error
        except smtplib.SMTPServerDisconnected as error:
            raise DeliveryError(f"{channel.host} broke off, or did not answer within {self.timeout_s:g} s") from error
        except smtplib.SMTPException as error:
            raise DeliveryError(f"{channel.host}: {_shown(str(error))}") from error
        except ssl.SSLError as error:
            raise DeliveryError(f"{channel.host}: no protected connection: {error.reason or error}") from error
        except OSError as error:
            raise DeliveryError(f"{channel.host}: the connection broke: {error}") from error

    @contextmanager
    def _session(self, channel: EmailChannel) -> Iterator[smtplib.SMTP]:
        """Connect, protect, log in; quit at the end. The whole of it is shut at the deadline."""
        context = self.ssl_context or ssl.create_default_context()
        deadline = time.monotonic() + self.timeout_s
        smtp = _GuardedSmtp(self.guard, deadline, context if channel.tls is Tls.IMPLICIT else None)
        # The time-out of smtplib is for each answer, of which a slow server has many.
        timer = threading.Timer(self.timeout_s, smtp.shut)
        timer.daemon = True
        timer.start()
        try:
            smtp.open(channel.host, channel.port)
            if channel.tls is Tls.STARTTLS:
                smtp.starttls(context=context)
            if channel.user is not None and channel.password is not None:
                smtp.login(channel.user, channel.password.get_secret_value())
            yield smtp
            _quit(smtp)
        finally:
            timer.cancel()
            smtp.close()


def _own_name() -> str:
    """What this host calls itself to servers: smtplib would look that up, for as long as that takes."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _quit(smtp: smtplib.SMTP) -> None:
    """Say goodbye; the e-mail was taken before, whatever the server says to that."""
    try:
        smtp.quit()
    except (smtplib.SMTPException, OSError):
        return


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {_shown(text.decode(errors='replace') if isinstance(text, bytes) else text)}"


def _shown(text: str) -> str:
    """One line, without what could steer a terminal."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line[:_SHOWN_CHARACTERS]
