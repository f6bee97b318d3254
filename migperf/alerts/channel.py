"""Channels: where alerts go. Documents that people write, read strictly; what is secret in them is not shown again."""

import base64
import binascii
import secrets
from email.errors import MessageError
from email.headerregistry import Address
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

SECRET_PREFIX = "whsec_"  # noqa: S105 - what all of them begin with
SECRET_BYTES = range(24, 65)
SECRET_FIELDS = ("secret", "password")
"""Fields that nobody is shown again, and no refusal repeats. The URL of a Slack channel is secret from its path on."""
MAX_RECIPIENTS = 50
MAX_DIGEST_S = 86_400
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]


class Tls(StrEnum):
    """How a connection to a mail server is protected."""

    STARTTLS = "starttls"
    """It begins in the open and is encrypted before anything is told; usual on port 587."""
    IMPLICIT = "implicit"
    """It is encrypted from the first byte; usual on port 465."""
    NONE = "none"
    """It is not: only for a relay of one's own network, without a password."""


def _web_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give the whole URL, such as https://example.com/hooks/migperf")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave user and password out of the URL; the signature tells the receiver who sends")
    if parts.fragment:
        raise ValueError("leave out what begins with #; it is never sent")
    return text


def _https_url(text: str) -> str:
    if _split(text).scheme != "https":
        raise ValueError("the URL of a Slack-compatible webhook begins with https://, as whoever reads it can post")
    return text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("this is not a URL with a host, and a port between 0 and 65535 if any") from None
    return parts


def _signing_key(secret: SecretStr) -> SecretStr:
    key_of(secret)
    return secret


def key_of(secret: SecretStr) -> bytes:
    """Return the key that a secret's text stands for. Raises ValueError."""
    text = secret.get_secret_value()
    remedy = f"give {SECRET_PREFIX} and the base64 of {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} random bytes, or leave it"
    try:
        if not text.startswith(SECRET_PREFIX):
            raise ValueError("no prefix")
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{remedy} out to have one made") from None
    if len(key) not in SECRET_BYTES:
        raise ValueError(f"{remedy} out to have one made")
    return key


def new_secret() -> SecretStr:
    """Return a secret of 32 random bytes."""
    return SecretStr(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


def _mailbox(text: str) -> str:
    try:
        address = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError) as error:
        raise ValueError("give an address alone, such as alerts@example.com") from error
    if not address.username or not address.domain:
        raise ValueError("give an address alone, such as alerts@example.com")
    return text


WebUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[!-~]+$"), AfterValidator(_web_url)]
Mailbox = Annotated[str, StringConstraints(max_length=254, pattern=r"^[!-~]+$"), AfterValidator(_mailbox)]
Host = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")]


class _Base(BaseModel):
    """What all channels have."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name = Field(description="What people call it; no two channels have the same.")
    digest_s: Annotated[int, Field(ge=0, le=MAX_DIGEST_S)] = Field(
        default=0,
        description="Gather alerts for so many seconds from the first on and send them as one; 0: each at once.",
    )

    def stored(self) -> dict[str, Any]:
        """Return the document with its secrets, for the database alone."""
        secret = {name: getattr(self, name, None) for name in SECRET_FIELDS}
        plain = {name: value.get_secret_value() for name, value in secret.items() if value is not None}
        return self.model_dump(mode="json") | plain


class WebhookChannel(_Base):
    """A program that takes signed JSON."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "webhook", "name": "ci", "url": "https://ci.example.com/hooks/migperf"}]
        }
    )

    kind: Literal["webhook"]
    url: WebUrl = Field(description="Where to; http or https, without user and password.")
    secret: Annotated[SecretStr, AfterValidator(_signing_key)] = Field(
        default_factory=new_secret,
        description="`whsec_` and the base64 of 24 to 64 bytes, the key of the signature. Left out, one is made. It is "
        "shown in the answer to this request and never again.",
    )

    @property
    def target(self) -> str:
        """Where it leads, without what its query may hide."""
        return self.url.partition("?")[0]


class SlackChannel(_Base):
    """A chat that takes Slack's incoming webhooks: Slack itself, Mattermost, Rocket.Chat."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "slack", "name": "team", "url": "https://hooks.slack.com/services/T0/B0/X"}]
        }
    )

    kind: Literal["slack"]
    url: Annotated[WebUrl, AfterValidator(_https_url)] = Field(
        description="The incoming webhook's URL; https. Never shown again: whoever has it can post."
    )

    @property
    def target(self) -> str:
        """Where it leads, without the path that lets post."""
        return f"https://{_split(self.url).netloc}"


class EmailChannel(_Base):
    """A mail server that takes messages for people."""

    model_config = ConfigDict(
        serialize_by_alias=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "email",
                    "name": "people",
                    "host": "mail.example.com",
                    "user": "migperf",
                    "password": "not a password, only an example",
                    "from": "migperf@example.com",
                    "to": ["team@example.com"],
                    "digest_s": 3600,
                }
            ]
        },
    )

    kind: Literal["email"]
    host: Host = Field(description="The mail server.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=587, description="Its port.")
    tls: Tls = Field(default=Tls.STARTTLS, description="starttls, implicit, or none for a relay without a password.")
    user: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="Who logs in there; null: nobody."
    )
    password: Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="The password; never shown again."
    )
    sender: Mailbox = Field(alias="from", description="The address that it comes from.")
    recipients: Annotated[tuple[Mailbox, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)] = Field(
        alias="to", description="The addresses that it goes to."
    )

    @model_validator(mode="after")
    def _log_in_whole_and_protected(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; give both or neither")
        if self.password is not None and self.tls is Tls.NONE:
            raise ValueError("a password is not sent in the open; set tls to starttls or implicit")
        return self

    @property
    def target(self) -> str:
        """Where it leads."""
        return ", ".join(self.recipients)


Channel = Annotated[WebhookChannel | SlackChannel | EmailChannel, Discriminator("kind")]
CHANNEL: TypeAdapter[Channel] = TypeAdapter(Channel, config=ConfigDict(hide_input_in_errors=True))


def host_of(channel: Channel) -> str:
    """Return the host that a channel connects to."""
    if isinstance(channel, EmailChannel):
        return channel.host
    return _split(channel.url).hostname or ""
