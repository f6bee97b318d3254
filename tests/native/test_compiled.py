"""The compiled part is only used where it is the one that belongs to these sources."""

import logging

import pytest

from migperf.native import compiled as module
from migperf.native.compiled import GridState, library


def test_it_is_there_where_there_is_a_compiler() -> None:
    """The test environment has one; else every test of what is done without Python would be left out unnoticed."""
    assert library() is not None


def test_one_that_was_built_of_other_sources_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would write to memory that is laid out otherwise."""
    monkeypatch.setattr(module, "_STRUCTURES", (*module._STRUCTURES[:-1], GridState))
    with caplog.at_level(logging.WARNING):
        assert library.__wrapped__() is None
    assert "install migperf anew" in caplog.text


def test_one_that_was_not_built_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert library.__wrapped__() is None
