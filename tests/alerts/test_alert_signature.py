"""A signature proves who sent a body and when; whatever is changed on the way, it does not hold any more."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.alerts.signature import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_S,
    is_genuine,
    signed_headers,
)

KEY = bytes(range(32))
AT = 1_767_225_600


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    """Standard Webhooks 1.0.0, and its libraries' test vector."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers[SIGNATURE_HEADER] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=200), st.text("abc-123", min_size=1), st.integers(-TOLERANCE_S, TOLERANCE_S))
def test_what_was_signed_is_genuine_within_the_tolerance(body: bytes, message_id: str, late_s: int) -> None:
    assert is_genuine(KEY, signed_headers(KEY, message_id, AT, body), body, AT + late_s)


@pytest.mark.parametrize("late_s", [TOLERANCE_S + 1, -TOLERANCE_S - 1])
def test_what_comes_late_is_no_more_genuine(late_s: int) -> None:
    assert not is_genuine(KEY, signed_headers(KEY, "m", AT, b"{}"), b"{}", AT + late_s)


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_changed_body_id_time_or_key_is_noticed(body: bytes, data: st.DataObject) -> None:
    headers = signed_headers(KEY, "m", AT, body)
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    assert not is_genuine(KEY, headers, changed, AT)
    assert not is_genuine(KEY, headers | {ID_HEADER: "n"}, body, AT)
    assert not is_genuine(KEY, headers | {TIMESTAMP_HEADER: str(AT + 1)}, body, AT)
    assert not is_genuine(KEY[::-1], headers, body, AT)


@given(st.dictionaries(st.sampled_from([ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER]), st.text(max_size=40)))
def test_no_headers_make_the_check_fail_or_pass(headers: dict[str, str]) -> None:
    assert not is_genuine(KEY, headers, b"{}", AT)


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    headers = signed_headers(KEY, "m", AT, b"{}")
    headers[SIGNATURE_HEADER] = f"v1,AAAA {headers[SIGNATURE_HEADER]}"
    assert is_genuine(KEY, headers, b"{}", AT)
