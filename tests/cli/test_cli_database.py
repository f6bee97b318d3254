"""``migperf db``: an empty SQLite file goes up and down, and what cannot be done is said with a remedy."""

from pathlib import Path

from migperf.store import schema
from tests.cli.conftest import Cli


def test_an_empty_database_goes_up_and_down_again(cli: Cli, tmp_path: Path) -> None:
    url = ("--database-url", f"sqlite:///{tmp_path / 'new.db'}")
    head = schema.head()
    assert cli("db", "current", *url, "--json").document == {"current": None, "head": head}
    assert cli("db", "check", *url).status == 2
    assert cli("db", "upgrade", *url, "--json").document == {"before": None, "after": head}
    assert cli("db", "upgrade", *url).err.strip() == f"the database is at revision {head} already"
    assert cli("db", "current", *url).out.strip() == f"{head} (newest)"
    assert cli("db", "check", *url).status == 0
    assert cli("db", "downgrade", "base", *url, "--json").document == {"before": head, "after": None}
    assert cli("db", "current", *url).out.strip() == f"none, newest is {head}"


def test_the_data_folder_says_where_the_database_is(cli: Cli, tmp_path: Path) -> None:
    assert cli("db", "upgrade", "--data-dir", str(tmp_path / "data")).status == 0
    assert (tmp_path / "data" / "migperf.db").is_file()


def test_an_unknown_revision_is_named(cli: Cli, tmp_path: Path) -> None:
    said = cli("db", "upgrade", "nonsense", "--data-dir", str(tmp_path))
    assert said.status == 2
    assert "nonsense" in said.err
    assert "migperf db current" in said.err


def test_a_database_that_cannot_be_reached_is_named_without_its_password(cli: Cli) -> None:
    said = cli("db", "current", "--database-url", "postgresql://me:secret@127.0.0.1:9/none")
    assert said.status == 1
    assert "127.0.0.1:9" in said.err
    assert "secret" not in said.err
    assert "--database-url" in said.err


def test_a_database_of_another_kind_is_refused(cli: Cli) -> None:
    said = cli("db", "current", "--database-url", "mysql://x/y")
    assert said.status == 2
    assert "MIGPERF_DATABASE_URL" in said.err
