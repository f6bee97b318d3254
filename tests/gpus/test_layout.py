"""Layouts as text: every layout is written in one way, read back as itself, and refused with a pointer otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.gpus.layout import MAX_INSTANCES, InstanceSpec, Layout, LayoutSyntaxError
from migperf.gpus.profile import Media, ProfileName

PROFILES = st.sampled_from(["1g.10gb", "1g.10gb+me", "2g.20gb", "3g.40gb", "7g.80gb", "1g.24gb+me.all", "1g.24gb-me"])
COMPUTE = st.none() | st.lists(st.integers(1, 7), max_size=3).map(lambda s: tuple(sorted(s, reverse=True)))
SPECS = st.builds(InstanceSpec, profile=PROFILES, start=st.none() | st.integers(0, 11), compute=COMPUTE)
SPEC_LISTS = st.lists(
    SPECS, max_size=MAX_INSTANCES, unique_by=lambda spec: object() if spec.start is None else spec.start
)
LAYOUTS = SPEC_LISTS.map(Layout.of) | st.just(Layout(mig=False))


@given(LAYOUTS)
def test_a_layout_is_read_back_as_itself(layout: Layout) -> None:
    assert Layout.parse(str(layout)) == layout


@given(SPEC_LISTS.filter(bool), st.randoms(use_true_random=False))
def test_the_order_in_which_instances_are_named_does_not_matter(specs: list[InstanceSpec], random: object) -> None:
    shuffled = list(specs)
    random.shuffle(shuffled)
    assert str(Layout.parse("+".join(map(str, shuffled)))) == str(Layout.of(specs))


@given(st.text(alphabet="0123456789gcbx.@+()-me ", max_size=30))
def test_other_text_is_refused_with_what_a_layout_looks_like(text: str) -> None:
    try:
        layout = Layout.parse(text)
    except LayoutSyntaxError:
        with pytest.raises(LayoutSyntaxError, match=r"such as 3g\.40gb\+2x2g\.20gb"):
            Layout.parse(text)
    else:
        assert Layout.parse(str(layout)) == layout


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2g.20gb+3g.40gb+2g.20gb", "3g.40gb+2x2g.20gb"),
        ("1g.10gb+me+2g.20gb", "2g.20gb+1g.10gb+me"),
        (" 7g.80gb(3c+4c) ", "7g.80gb(4c+3c)"),
        ("7g.80gb(3x1c+4c)", "7g.80gb(4c+3x1c)"),
        ("3g.40gb()", "3g.40gb()"),
        ("1g.10gb@0+3g.40gb@4", "3g.40gb@4+1g.10gb@0"),
    ],
)
def test_layouts_have_one_form(text: str, canonical: str) -> None:
    assert str(Layout.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "2x3g.40gb@4",
        "1g.10gb@0+1g.10gb@0",
        "1g.10gb@0+2g.20gb@0",
        "99x1g.5gb",
        "3g.40gb+",
        "",
        "3g40gb",
        "7g.80gb(9)",
        "0x1g.5gb",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(LayoutSyntaxError):
        Layout.parse(text)


def test_partitions_are_named_as_cuda_names_them() -> None:
    assert Layout.parse("3g.40gb(2c+1c)+1g.10gb").partition_profiles == ("2c.3g.40gb", "1c.3g.40gb", "1g.10gb")
    assert Layout.parse("7g.80gb(7c)").partition_profiles == ("7g.80gb",)
    assert Layout.parse("off").partition_profiles == ()


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("1g.10gb", Media.PLAIN),
        ("1g.10gb+me", Media.ONE_SET),
        ("2g.48gb+me.all", Media.ALL),
        ("1g.24gb-me", Media.NONE),
    ],
)
def test_profile_names_are_taken_apart_and_put_together(name: str, media: Media) -> None:
    parsed = ProfileName.parse(name)
    assert (str(parsed), parsed.media) == (name, media)
    assert str(ProfileName.parse(f"1c.{name}")) == f"1c.{name}"


@pytest.mark.parametrize("name", ["1g", "1g.10", "g.10gb", "1g.10gb+xx", "1g.10gbb", "c.1g.10gb"])
def test_what_is_no_profile_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"1g\.10gb"):
        ProfileName.parse(name)
