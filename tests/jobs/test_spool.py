"""Messages of the embedded broker appear whole: a reader that polls while they are written sees all or nothing."""

import threading
from pathlib import Path
from queue import Empty

from kombu import Connection

from migperf.jobs import spool

MESSAGES = 400
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
