"""Celery's filesystem transport, with messages and exchange tables that appear whole.

kombu's own writes a message under its final name, and creates the table of an exchange empty before it locks it; so a
reader that looks in between finds an empty file, fails to parse it, and takes its worker down (kombu 5.7). Here both
are written under a name that no reader takes, then renamed.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from filelock import FileLock
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

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

    def get_table(self, exchange: str) -> list[filesystem.exchange_queue_t]:  # type: ignore[override]
        """Return the queues that are bound to an exchange."""
        file = self._table_file(exchange)
        if not file.exists():
            return []
        return [filesystem.exchange_queue_t(*row) for row in loads(file.read_text())]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        file = self._table_file(exchange)
        file.parent.mkdir(parents=True, exist_ok=True)
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with FileLock(file.with_suffix(".lock")):
            table = self.get_table(exchange)
            if bound not in table:
                partial = file.with_suffix(".part")
                partial.write_text(dumps([bound, *table]))
                partial.rename(file)

    def _table_file(self, exchange: str) -> Path:
        return Path(self.control_folder) / f"{exchange}.exchange"


class Transport(filesystem.Transport):
    """The filesystem transport with the channel above."""

    Channel = Channel


def register() -> str:
    """Make the transport known to kombu; return the URL that selects it."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
    return f"{SCHEME}://localhost/"
