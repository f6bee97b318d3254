"""Certificates for tests: a server's own, for a host's name, and a client that trusts it and no other."""

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

NAME = "receiver.example.com"


class Contexts(NamedTuple):
    """Both sides of protected connections."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    asked_for: list[str | None]
    """The names that clients have asked the server for (SNI)."""


def contexts(folder: Path) -> Contexts:
    """Make a certificate for ``NAME`` by OpenSSL's command."""
    if shutil.which("openssl") is None:
        pytest.skip("the command openssl is not installed")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={NAME}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    asked_for: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    return Contexts(server, ssl.create_default_context(cafile=str(certificate)), asked_for)
