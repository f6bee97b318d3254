"""The commands about keys: made in the database, shown once, sent along by every command, and in no message."""

from collections.abc import Iterator

import pytest

from api.failed_attempts import LIMIT
from migperf.client import AuthenticationError, Client, PermissionDeniedError
from migperf.errors import ConfigurationError
from migperf.settings import Settings
from migperf.store.database import Database
from tests.api.keyed import guarded
from tests.api.serving import served
from tests.cli.conftest import Cli


@pytest.fixture
def guarded_url(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a service runs that asks for keys, on the database that the commands find."""
    monkeypatch.setenv("MIGPERF_DATABASE_URL", settings.sqlalchemy_url)
    with served(guarded(settings)) as url:
        monkeypatch.setenv("MIGPERF_URL", url)
        yield url


def created(cli: Cli, *scopes: str) -> str:
    said = cli("keys", "create", "ci", *(part for scope in scopes for part in ("--scope", scope)))
    assert said.status == 0, said.err
    return said.out.strip()


def test_the_first_key_is_made_without_a_service_and_opens_it(cli: Cli, guarded_url: str) -> None:
    key = created(cli, "submit")
    said = cli("whoami", "--api-key", key)
    assert (said.status, said.out) == (0, f"ci ({key.split('_')[1]}): read, submit\n")
    assert cli("runs", "list", "--json").document == [], "the commands after it find it in the environment, as ours do"


def test_the_variable_opens_every_command_and_a_missing_key_is_explained(
    cli: Cli, guarded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = cli("runs", "list")
    assert said.status == 1
    assert "asks for an API key" in said.err
    assert "MIGPERF_API_KEY" in said.err
    monkeypatch.setenv("MIGPERF_API_KEY", created(cli, "read"))
    assert cli("runs", "list").status == 0
    said = cli("submit", "test-step")
    assert said.status == 1
    assert "needs the scope submit" in said.err
    assert "migperf whoami" in said.err


def test_keys_are_listed_without_secrets_and_revoked_by_id_or_whole(cli: Cli, guarded_url: str) -> None:
    key, other = created(cli, "submit", "operate"), created(cli, "read")
    listed = cli("keys", "list", "--json").document
    assert [(one["name"], one["scopes"], one["state"]) for one in listed] == [
        ("ci", ["read"], "active"),
        ("ci", ["submit", "operate"], "active"),
    ]
    assert key.rpartition("_")[2] not in cli("keys", "list").out
    said = cli("keys", "revoke", key)
    assert (said.status, key not in said.err) == (0, True)
    assert cli("keys", "revoke", other.split("_")[1]).status == 0
    assert {one["state"] for one in cli("keys", "list", "--json").document} == {"revoked"}
    assert cli("whoami", "--api-key", key).status == 1
    assert cli("keys", "revoke", "nothing").status == 1


@pytest.mark.parametrize("bad", ["migperf_oops_1", "sécret", "a b", "x" * 100])
def test_what_is_no_key_is_refused_before_it_is_sent_and_not_repeated(cli: Cli, guarded_url: str, bad: str) -> None:
    for arguments in (("whoami", "--api-key", bad), ("keys", "revoke", f"migperf_{bad}")):
        said = cli(*arguments)
        assert said.status in (1, 2)
        assert "is not an API key" in said.err
        assert bad not in said.out + said.err


def test_a_wrong_key_is_in_no_message(cli: Cli, guarded_url: str) -> None:
    key = f"migperf_{'0' * 12}_{'5' * 48}"
    for _ in range(LIMIT + 1):
        said = cli("whoami", "--api-key", key)
        assert said.status == 1
        assert "5555" not in said.out + said.err
    assert "too many wrong API keys" in said.err


@pytest.mark.parametrize(
    ("expires", "status"), [("90d", 0), ("12h", 0), ("2999-12-31", 0), ("2999-12-31T10:00+02:00", 0), ("2001-01-01", 2),
                            ("soon", 2), ("0d", 2), ("999999d", 0), ("-1d", 2)],
)  # fmt: skip
def test_when_a_key_stops_can_be_said_in_two_ways(cli: Cli, guarded_url: str, expires: str, status: int) -> None:
    said = cli("keys", "create", "ci", "--scope", "read", f"--expires={expires}", "--json")
    assert said.status == status, said.err
    if status == 0:
        assert said.document["expires_at"] is not None
        assert said.document["key"].startswith("migperf_")
    else:
        assert "--expires" in said.err


def test_a_key_without_a_name_or_a_scope_is_a_usage_error(cli: Cli, guarded_url: str) -> None:
    assert cli("keys", "create", " ", "--scope", "read").status == 2
    assert cli("keys", "create", "ci").status == 2
    assert cli("keys", "create", "ci", "--scope", "fly").status == 2


def test_an_old_database_is_named(cli: Cli, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGPERF_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    said = cli("keys", "list")
    assert said.status != 0
    assert "migperf db upgrade" in said.err


def test_the_api_does_not_start_where_others_reach_it_without_a_word(cli: Cli, guarded_url: str) -> None:
    for command in (("api",), ("up", "--no-first-benchmark")):
        said = cli(*command, "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused
        assert (said.status, "MIGPERF_AUTHENTICATION=required" in said.err) == (2, True)


def test_the_client_makes_and_revokes_keys(cli: Cli, guarded_url: str) -> None:
    with Client(guarded_url, api_key=created(cli, "admin")) as admin:
        one = admin.make_key("reader", ["read"])
        assert one.key not in repr(one)
        with Client(guarded_url, api_key=one.key) as reader:
            assert reader.whoami().name == "reader"
            with pytest.raises(PermissionDeniedError, match="scope admin"):
                reader.api_keys()
            assert admin.revoke_key(one.id).state == "revoked"
            with pytest.raises(AuthenticationError):
                reader.whoami()
        assert [key.name for key in admin.api_keys()] == ["reader", "ci"]
    with pytest.raises(ConfigurationError, match="api_key is not an API key"):
        Client(guarded_url, api_key="nothing")
