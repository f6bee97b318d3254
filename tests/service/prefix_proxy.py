"""A reverse proxy that puts a service under a path, as nginx does by ``location /bench/ { proxy_pass http://…/; }``.

It takes the prefix away and passes everything else as it comes, streams too. A connection carries one request.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class PrefixProxy:
    """A running proxy. Give its ``url`` to the service as its own, and its ``upstream`` the service's port."""

    prefix: str
    upstream: int
    """The port that the service listens on."""
    port: int = 0
    beside: list[str] = field(default_factory=list)
    """Targets that were asked for outside of the prefix; they are answered 404."""

    @property
    def url(self) -> str:
        """Where clients find the service."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    async def serve(self, ready: threading.Event, stopped: asyncio.Event) -> None:
        """Take connections until it is stopped."""
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await stopped.wait()

    async def _connected(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            # Either side may hang up whenever it likes: browsers do, when a page is left.
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._pass(client, answer)
        finally:
            answer.close()

    async def _pass(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        head = (await client.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
        if not target.startswith(f"{self.prefix}/"):
            self.beside.append(target)
            answer.write(NOT_FOUND)
            return await answer.drain()
        kept = [each for each in fields if not each.lower().startswith("connection:")]
        request = [f"{method} {target.removeprefix(self.prefix)} {version}", *kept, "Connection: close", "", ""]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write("\r\n".join(request).encode("latin-1"))
        ways = [asyncio.create_task(_copy(client, writer)), asyncio.create_task(_copy(reader, answer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        return None


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK_BYTES):
        target.write(chunk)
        await target.drain()


@contextmanager
def prefix_proxy(prefix: str, upstream: int) -> Iterator[PrefixProxy]:
    """Run a proxy that passes what is asked for under a prefix to a port of this host."""
    proxy, ready = PrefixProxy(prefix, upstream), threading.Event()
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(proxy.serve(ready, stopped)))
    thread.start()
    try:
        assert ready.wait(10), "the proxy does not start"
        yield proxy
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()
