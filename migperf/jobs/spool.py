"""Celery's filesystem transport, with messages that appear whole.

kombu's own writes a message under its final name, so a reader that looks in between finds an empty file, fails to parse
it, and takes its worker down (kombu 5.7). Here a message is written under a name that no reader takes, then renamed.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

SCHEME = "migperf-spool"


class Channel(filesystem.Channel):
    """A channel whose messages appear whole."""

    def _put(  # type: ignore[override] # kombu's own base classes disagree
        self, queue: str, payload: dict[str, Any], **_kwargs: object
    ) -> None:
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}"
        folder = Path(self.data_folder_out)
        partial = folder / f"{name}.part"
        partial.write_text(dumps(payload))
        partial.rename(folder / f"{name}.{queue}.msg")


class Transport(filesystem.Transport):
    """The filesystem transport with the channel above."""

    Channel = Channel


def register() -> str:
    """Make the transport known to kombu; return the URL that selects it."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
    return f"{SCHEME}://localhost/"
