"""Selectors say which partitions a benchmark may run on; text and object forms mean the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from tests.builders import partition

SLICE = partition("MIG-1", PartitionKind.MIG, profile="1g.10gb", model="NVIDIA H100 80GB HBM3")
VALUES = st.text("abcdefgh0123456789.-", min_size=1).filter(str.strip)


def test_an_empty_selector_matches_anything() -> None:
    assert Selector().matches(SLICE, "n")
    assert Selector.parse("") == Selector()


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("kind=mig", True),
        ("kind=mig, profile=1g.10gb, gpu_model=*H100*", True),
        ("gpu_model=nvidia h100*", True),
        ("gpu_model=H100", False),
        ("kind=gpu", False),
        ("profile=1g.10gb+me", False),
        ("node=n,partition=MIG-1", True),
        ("node=m", False),
    ],
)
def test_each_condition_must_hold(text: str, matches: bool) -> None:
    assert Selector.parse(text).matches(SLICE, "n") is matches


@given(node=st.none() | VALUES, profile=st.none() | VALUES)
def test_text_and_object_mean_the_same(node: str | None, profile: str | None) -> None:
    conditions = {"node": node, "profile": profile, "kind": "cpu"}
    text = ",".join(f"{name}={value}" for name, value in conditions.items() if value is not None)
    assert Selector.parse(text) == Selector.model_validate(conditions)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kind", "name=value"),
        ("=mig", "name=value"),
        ("kind=warp", "kind"),
        ("color=red", "color"),
        ("node=a,node=b", "twice"),
    ],
)
def test_bad_text_is_refused_with_its_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Selector.parse(text)


def test_nothing_simulated_is_selected_unless_it_is_asked_for() -> None:
    stand_in = SLICE.model_copy(update={"simulated": True})
    assert not Selector().matches(stand_in, "n")
    assert not Selector.parse("kind=mig").matches(stand_in, "n")
    assert Selector.parse("simulated=true").matches(stand_in, "n")
    assert Selector.parse(f"partition={stand_in.uuid}").matches(stand_in, "n"), "whoever names it knows what it is"
    assert not Selector.parse("simulated=true").matches(SLICE, "n")
