"""Connecting works however many connect at once."""

import threading
from pathlib import Path

from sqlalchemy import text

from migperf.store.database import Database

ROUNDS, TOGETHER = 60, 4


def test_connections_that_open_a_new_file_together_do_not_hinder_each_other(tmp_path: Path) -> None:
    """Switching a new SQLite file to a write-ahead log is where they meet: API, worker and scheduler start at once."""
    failed: list[Exception] = []

    def connect(database: Database, gate: threading.Barrier) -> None:
        gate.wait()
        try:
            with database.read() as session:
                assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
                assert session.execute(text("PRAGMA busy_timeout")).scalar() == 30_000
        except Exception as error:  # noqa: BLE001 - told below, with how many there were
            failed.append(error)

    for number in range(ROUNDS):
        gate = threading.Barrier(TOGETHER)
        databases = [Database(f"sqlite:///{tmp_path / f'{number}.db'}") for _ in range(TOGETHER)]
        threads = [threading.Thread(target=connect, args=(database, gate)) for database in databases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for database in databases:
            database.close()
    assert not failed
