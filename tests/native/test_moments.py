"""Which samples the averages of GPM lie between, whatever the pace: by the rule in Python and by the one without."""

import time
from ctypes import CFUNCTYPE, c_int, c_int64

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from migperf.native.compiled import CALL, Flag, function_address, library, pointer_to
from migperf.native.mechanism import Mechanism, Sampling
from migperf.native.moments import ROOM, Moments

MS = 1_000_000
Function = CFUNCTYPE(c_int, c_int64, c_int64, c_int64)


@given(st.lists(st.integers(9, 200), min_size=1, max_size=60))
def test_an_average_begins_at_the_latest_sample_more_than_100_ms_old(steps_ms: list[int]) -> None:
    moments, now_ns, times = Moments(), 0, []
    for step_ms in steps_ms:
        now_ns += step_ms * MS
        old = [number for number, then_ns in enumerate(times) if now_ns - then_ns > 100 * MS]
        assert moments.earlier(now_ns) == (max(old) if old else None)
        assert moments.begin() == len(times)
        moments.keep(now_ns)
        times.append(now_ns)


@given(st.lists(st.integers(0, 40), min_size=ROOM, max_size=200))
def test_however_often_samples_are_taken_an_average_is_never_too_short(steps_ms: list[int]) -> None:
    """There is only so much room; what an average may begin at is not what is given up."""
    moments, now_ns, time_of = Moments(), 0, {}
    for step_ms in steps_ms:
        now_ns += step_ms * MS
        earlier = moments.earlier(now_ns)
        assert earlier is not None or now_ns - min(time_of.values(), default=now_ns) <= 100 * MS
        if earlier is not None:
            assert now_ns - time_of[earlier] > 100 * MS
        later = moments.begin()
        assert later != earlier
        time_of[later] = now_ns
        moments.keep(now_ns)
        assert moments.end - moments.state.first <= ROOM


def test_after_all_were_let_go_no_average_begins_before() -> None:
    moments = Moments()
    for now_ms in (0, 200):
        moments.begin()
        moments.keep(now_ms * MS)
    moments.drop()
    assert moments.earlier(1000 * MS) is None
    assert moments.begin() == 2, "numbers are not given out again"


ages_ms = st.lists(st.integers(0, 400), min_size=0, max_size=ROOM)


@pytest.mark.skipif(library() is None, reason="needs the compiled part of migperf (a C compiler)")
@given(ages_ms, st.integers(0, 3 * ROOM))
def test_without_python_the_same_samples_are_chosen(ages_ms: list[int], begun: int) -> None:
    native = library()
    assert native is not None
    moments, taken = Moments(), []
    moments.state.first = moments.state.end = begun
    now_ns = time.monotonic_ns()
    for age_ms in sorted(ages_ms, reverse=True):
        moments.keep(now_ns - age_ms * MS)
    wanted, first = moments.earlier(now_ns), moments.state.first
    moments.state.first = begun
    take = Function(lambda address, _, __: taken.append(address) or 0)
    takes, calls = np.zeros((ROOM, 1), CALL), np.zeros((1, 1), CALL)
    takes["make"] = function_address(take)
    addresses = np.arange(1000, 1000 + ROOM, dtype=np.uint64).reshape(ROOM, 1)
    takes["given"][:, :, 0] = addresses
    request = np.zeros(4, np.uint64)
    ask = Function(lambda *_: 0)
    calls["make"], calls["given"][:, :, 0] = function_address(ask), pointer_to(request)
    full = moments.end - begun == ROOM and first == begun
    end = moments.end
    mechanism = Mechanism(native, calls, Flag(raised=True), Sampling(moments, takes, addresses))
    exposed = mechanism.expose(0)
    passed_ms = -(-(time.monotonic_ns() - now_ns) // MS)
    assume(not any(100 - passed_ms <= age_ms <= 100 for age_ms in ages_ms))
    assert exposed is (wanted is not None)
    if wanted is not None:
        later = end - 1 if full else end
        assert taken == [1000 + later % ROOM]
        assert request[1:3].tolist() == [1000 + wanted % ROOM, 1000 + later % ROOM]
        assert (moments.state.first, moments.end) == (wanted, later + 1)
