"""A mail server for tests: as much of SMTP as a client needs, over real sockets, with STARTTLS and AUTH PLAIN."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """A running server, and what it has been told."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    """For STARTTLS; None: not offered."""
    refuse: dict[str, str] = field(default_factory=dict)
    """Answers to commands by their first word, instead of the usual ones."""
    silent_at: str = ""
    """The command that is never answered."""
    endless_at: str = ""
    """The command whose answer has a line more every 50 ms."""
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: bool = False
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> Iterator[MailServer]:
    """Run a mail server."""
    told = MailServer(tls=tls)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            told.encrypted = False
            if implicit and tls is not None:
                _encrypt(self, tls, told)
            _talk(self, told)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that hang up are what tests want."""

    server = Server(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _talk(peer: socketserver.StreamRequestHandler, told: MailServer) -> None:
    _say(peer, "220 mail.test ready")
    while line := peer.rfile.readline():
        text = line.decode().strip()
        verb = text.partition(" ")[0].upper()
        if verb in {told.silent_at, told.endless_at}:
            _leave_waiting(peer, told, verb)
            return
        if verb in told.refuse:
            _say(peer, told.refuse[verb])
        elif verb == "EHLO":
            offers = ["mail.test", "AUTH PLAIN", *(["STARTTLS"] if told.tls and not told.encrypted else [])]
            _say(peer, *(f"250{'-' if i < len(offers) - 1 else ' '}{offer}" for i, offer in enumerate(offers)))
        elif verb == "STARTTLS" and told.tls:
            _say(peer, "220 go ahead")
            _encrypt(peer, told.tls, told)
        elif verb == "AUTH":
            _, user, password = base64.b64decode(text.split()[2]).decode().split("\0")
            told.logins.append((user, password))
            _say(peer, "235 welcome")
        elif verb == "DATA":
            _say(peer, "354 go on")
            told.mails.append(_data(peer))
            _say(peer, "250 taken")
        elif verb == "QUIT":
            _say(peer, "221 bye")
            return
        else:
            if verb == "RCPT":
                told.recipients.append(text.partition("<")[2].partition(">")[0])
            _say(peer, "250 fine")


def _leave_waiting(peer: socketserver.StreamRequestHandler, told: MailServer, verb: str) -> None:
    while not told.released.wait(0.05):
        if verb == told.endless_at:
            _say(peer, "250-and")


def _encrypt(peer: socketserver.StreamRequestHandler, context: ssl.SSLContext, told: MailServer) -> None:
    peer.connection = context.wrap_socket(peer.request, server_side=True)
    peer.rfile, peer.wfile = peer.connection.makefile("rb"), peer.connection.makefile("wb")
    told.encrypted = True


def _say(peer: socketserver.StreamRequestHandler, *lines: str) -> None:
    peer.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
    peer.wfile.flush()


def _data(peer: socketserver.StreamRequestHandler) -> bytes:
    lines: list[bytes] = []
    while (line := peer.rfile.readline()) != b".\r\n":
        lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
    return b"".join(lines)
