"""API keys and sessions in the database: what opens something, until when, and what is kept of a secret."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from migperf.access.api_key import ApiKey, KeyState, NotAKeyError
from migperf.access.scope import Scope, granted
from migperf.errors import NotFoundError
from migperf.store import keys, sessions
from migperf.store.database import Database
from migperf.store.keys import MadeKey

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made(database: Database, *scopes: Scope, expires_at: datetime | None = None) -> MadeKey:
    with database.write() as session:
        return keys.add(session, "ci", scopes or (Scope.READ,), AT, expires_at)


def opens(database: Database, key: ApiKey, at: datetime) -> bool:
    with database.read() as session:
        return keys.find(session, key, at) is not None


def is_signed_in(database: Database, session_id: str, at: datetime) -> bool:
    with database.read() as session:
        return sessions.find(session, session_id, at) is not None


def test_a_key_opens_until_it_expires(database: Database) -> None:
    key = made(database, expires_at=AT + HOUR).key
    assert opens(database, key, AT)
    assert opens(database, key, AT + HOUR - timedelta(microseconds=1))
    assert not opens(database, key, AT + HOUR)


def test_a_revoked_key_opens_nothing_and_ends_its_sessions_but_no_others(database: Database) -> None:
    gone, stays = made(database), made(database)
    with database.write() as session:
        ended, going_on = (sessions.begin(session, one.row, AT) for one in (gone, stays))
        first = keys.revoke(session, gone.key.id, AT).revoked_at
        assert keys.revoke(session, gone.key.id, AT + HOUR).revoked_at == first, "twice changes nothing"
    assert not opens(database, gone.key, AT)
    assert opens(database, stays.key, AT)
    assert not is_signed_in(database, ended, AT)
    assert is_signed_in(database, going_on, AT)


def test_the_right_id_with_another_secret_opens_nothing(database: Database) -> None:
    key = made(database).key
    other = ApiKey.parse(f"migperf_{key.id}_{'0' * 48}")
    assert not opens(database, other, AT)


def test_no_secret_is_stored(database: Database) -> None:
    """Neither of a key nor of a session: who reads the database cannot act as anybody."""
    one = made(database)
    with database.write() as session:
        session_id = sessions.begin(session, one.row, AT)
    with database.read() as session:
        queries = [text("SELECT * FROM api_keys"), text("SELECT * FROM sessions")]
        rows = [str(tuple(row)) for query in queries for row in session.execute(query)]
    assert len(rows) == 2
    assert not any(one.key.text.rpartition("_")[2] in row or session_id in row for row in rows)
    assert one.key.text not in repr(one)


def test_a_session_lasts_twelve_hours_and_no_longer_than_its_key(database: Database) -> None:
    long, short = made(database), made(database, expires_at=AT + HOUR)
    with database.write() as session:
        of_long, of_short = (sessions.begin(session, one.row, AT) for one in (long, short))
    assert is_signed_in(database, of_long, AT + 12 * HOUR - timedelta(seconds=1))
    assert not is_signed_in(database, of_long, AT + 12 * HOUR)
    assert not is_signed_in(database, of_short, AT + HOUR)
    with database.write() as session:
        sessions.begin(session, long.row, AT + 13 * HOUR)
        assert session.execute(text("SELECT count(*) FROM sessions")).scalar() == 1, "what has expired is cleared away"


def test_signing_out_ends_one_session(database: Database) -> None:
    one = made(database)
    with database.write() as session:
        here, there = (sessions.begin(session, one.row, AT) for _ in range(2))
        sessions.end(session, here)
    assert not is_signed_in(database, here, AT)
    assert is_signed_in(database, there, AT)


def test_a_use_is_written_once_a_minute(database: Database) -> None:
    key_id = made(database).key.id
    written = []
    for seconds in (0, 59, 60, 61, 200):
        at = AT + timedelta(seconds=seconds)
        with database.write() as session:
            due = keys.is_use_due(keys.get(session, key_id), at)
            keys.note_use(session, key_id, at)
            session.expire_all()
            assert (keys.get(session, key_id).last_used_at == at) == due
        written.append(due)
    assert written == [True, False, True, False, True]


def test_keys_are_listed_newest_first_with_their_state(database: Database) -> None:
    with database.write() as session:
        for number, expires_at in enumerate((None, AT + HOUR, None)):
            keys.add(session, f"k{number}", [Scope.READ], AT + timedelta(seconds=number), expires_at)
        listed = keys.all_of(session)
        keys.revoke(session, listed[0].id, AT)
    with database.read() as session:
        states = [(row.name, keys.state_of(row, AT + HOUR)) for row in keys.all_of(session)]
    assert states == [("k2", KeyState.REVOKED), ("k1", KeyState.EXPIRED), ("k0", KeyState.ACTIVE)]


def test_an_unknown_key_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(NotFoundError, match="no API key with id"), database.write() as session:
        keys.revoke(session, "0" * 12, AT)


def test_scopes_of_another_version_grant_nothing(database: Database) -> None:
    one = made(database, Scope.SUBMIT)
    with database.write() as session:
        keys.get(session, one.key.id).scopes = ["fly", "submit"]
    with database.read() as session:
        assert keys.scopes_of(keys.get(session, one.key.id)) == (Scope.SUBMIT,)


def test_every_scope_reads_and_admin_may_everything() -> None:
    assert granted([]) == frozenset()
    assert granted([Scope.SUBMIT]) == {Scope.READ, Scope.SUBMIT}
    assert granted([Scope.OPERATE]) == {Scope.READ, Scope.OPERATE}
    assert granted([Scope.ADMIN]) == set(Scope)


def test_a_key_has_at_least_160_bits_of_secret_and_none_is_made_twice() -> None:
    texts = {ApiKey.new().text for _ in range(100)}
    assert len(texts) == 100
    assert all(len(text.rpartition("_")[2]) * 4 >= 160 and ApiKey.parse(text).text == text for text in texts)


@given(st.text() | st.from_regex(r"migperf_[0-9a-f]{11,13}_[0-9a-f]{47,49}\n?", fullmatch=True))
def test_what_is_no_key_is_refused_without_being_repeated(given_text: str) -> None:
    if re.match(r"migperf_[0-9a-f]{12}_[0-9a-f]{48}\Z", given_text):
        assert ApiKey.parse(given_text).text == given_text
        return
    with pytest.raises(NotAKeyError) as refused:
        ApiKey.parse(given_text)
    assert str(refused.value) == str(NotAKeyError("what was given"))
