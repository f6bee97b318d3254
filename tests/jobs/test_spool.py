"""What the embedded broker writes appears whole: a reader that looks while it is written sees all or nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

from kombu import Connection

from migperf.jobs import spool

MESSAGES = 400
BINDERS, EXCHANGES = 8, 25
PAYLOAD = {"body": "x" * 200_000}


def open_channel(folder: Path) -> spool.Channel:
    options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    connection = Connection(spool.register(), transport_options={**options, "store_processed": False})
    return connection.default_channel


def test_a_reader_that_polls_while_messages_are_written_gets_each_whole_and_once(tmp_path: Path) -> None:
    sender, receiver = open_channel(tmp_path), open_channel(tmp_path)
    writer = threading.Thread(target=lambda: [sender._put("q", {**PAYLOAD, "n": n}) for n in range(MESSAGES)])
    writer.start()
    seen = []
    while writer.is_alive() or len(seen) < MESSAGES:
        try:
            message = receiver._get("q")
        except Empty:
            assert writer.is_alive() or len(seen) == MESSAGES, "a message was lost"
            continue
        assert message["body"] == PAYLOAD["body"]
        seen.append(message["n"])
    writer.join()
    assert sorted(seen) == list(range(MESSAGES))
    assert list(tmp_path.glob("*.part")) == []


def test_processes_that_bind_queues_to_an_exchange_at_once_lose_none(tmp_path: Path) -> None:
    """A worker that starts while another process opens the broker must not find half a table."""
    start = threading.Barrier(BINDERS)

    def bind(number: int) -> None:
        channel = open_channel(tmp_path)
        start.wait()
        for exchange in range(EXCHANGES):
            channel._queue_bind(f"exchange-{exchange}", "", "", f"queue-{number}")
            assert f"queue-{number}" in {row.queue for row in channel.get_table(f"exchange-{exchange}")}

    with ThreadPoolExecutor(BINDERS) as pool:
        list(pool.map(bind, range(BINDERS)))
    channel = open_channel(tmp_path)
    for exchange in range(EXCHANGES):
        bound = {row.queue for row in channel.get_table(f"exchange-{exchange}")}
        assert bound == {f"queue-{number}" for number in range(BINDERS)}
