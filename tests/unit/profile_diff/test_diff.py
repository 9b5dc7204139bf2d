"""What changed between two profiles, of which it is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import MIB, frame, make_profile, site

from memcap.errors import UsageError
from memcap.model import AllocationProfile, Caveat, CaveatKind, Frame, ProfileTool, Site
from memcap.profile_diff import boxes_of, diff_profiles

MAIN = frame(90, "<module>")
DECODER = frame(353, "raw_decode", "/usr/lib/python3.12/json/decoder.py")


def known() -> tuple[AllocationProfile, AllocationProfile]:
    """Return two profiles: one line grew by 16 MiB, one moved by ten lines, one is gone, one is as it was."""
    before = make_profile(
        site(4 * MIB, frame(10), MAIN),
        site(2 * MIB, frame(12, "keep"), MAIN, count=20),
        site(3 * MIB, frame(30, "cache"), MAIN),
        site(1 * MIB, DECODER, frame(40, "parse"), MAIN),
        texts={
            frame(10): "data = bytes(4 << 20)",
            frame(12, "keep"): "rows.append(row)",
            frame(30, "cache"): "old[key] = value",
            frame(40, "parse"): "return json.loads(text)",
            MAIN: "main()",
        },
        rest_bytes=1000,
    )
    after = make_profile(
        site(20 * MIB, frame(10), MAIN),
        site(2 * MIB, frame(22, "keep"), MAIN, count=20),
        site(1 * MIB, DECODER, frame(40, "parse"), MAIN),
        texts={
            frame(10): "data = bytes(20 << 20)",
            frame(22, "keep"): "rows.append(row)",
            frame(40, "parse"): "return json.loads(text)",
            MAIN: "main()",
        },
        rest_bytes=400,
    )
    return before, after


def test_exactly_the_known_changes_are_found() -> None:
    diff = diff_profiles(*known())

    assert [(line.word, line.delta_bytes) for line in diff.lines] == [
        ("grew", 16 * MIB), ("same", 0), ("same", 0), ("gone", -3 * MIB)
    ]  # fmt: skip
    grew, moved, same, gone = diff.lines
    assert grew.frame == frame(10)
    assert grew.edited
    assert not grew.moved
    assert (moved.before, moved.after) == (frame(12, "keep"), frame(22, "keep"))
    assert moved.moved
    assert not moved.edited
    assert (same.frame, same.inside) == (frame(40, "parse"), DECODER)
    assert (gone.before, gone.after, gone.text) == (frame(30, "cache"), None, "old[key] = value")
    assert diff.delta_bytes == 13 * MIB - 600
    assert diff.largest(1) == (grew,)
    assert diff.largest(9) == (grew, gone)


def test_stacks_are_compared_with_their_lines_where_they_are_now() -> None:
    diff = diff_profiles(*known())

    assert {(change.stack, change.word) for change in diff.stacks} == {
        ((frame(10), MAIN), "grew"),
        ((frame(22, "keep"), MAIN), "same"),
        ((DECODER, frame(40, "parse"), MAIN), "same"),
        ((frame(30, "cache"), MAIN), "gone"),
    }


def test_a_new_line_in_the_place_of_one_that_is_gone_is_another() -> None:
    before = make_profile(site(5 * MIB, frame(10)), texts={frame(10): "rows = list(source)"})
    after = make_profile(site(7 * MIB, frame(10)), texts={frame(10): "index[k] = v"})
    diff = diff_profiles(before, after)

    assert [(line.word, line.delta_bytes) for line in diff.lines] == [("new", 7 * MIB), ("gone", -5 * MIB)]
    assert {change.word for change in diff.stacks} == {"new", "gone"}


def test_threads_and_processes_of_one_line_are_one_site() -> None:
    before = make_profile(site(MIB, frame(10)))
    after = make_profile(site(MIB, frame(10)), site(2 * MIB, frame(10), process=9))
    diff = diff_profiles(before, after)

    assert [(line.delta_bytes, line.new.count) for line in diff.lines] == [(2 * MIB, 2)]
    assert diff.doubts == ("not alike: processes recorded: 1 before and 2 after",)


def test_what_is_of_no_line_of_python_is_one_line() -> None:
    native = frame(0, "grow", "grow.c", native=True)
    diff = diff_profiles(make_profile(site(MIB, native)), make_profile(site(3 * MIB, native), site(MIB)))

    assert [(line.frame, line.delta_bytes) for line in diff.lines] == [(None, 3 * MIB)]


def test_a_comprehension_is_the_same_line_for_every_python() -> None:
    older = make_profile(site(MIB, frame(12, "<listcomp>"), frame(12)), python="CPython 3.10.13")
    newer = make_profile(site(2 * MIB, frame(12)), python="CPython 3.13.0")
    diff = diff_profiles(older, newer)

    assert [(line.word, line.delta_bytes) for line in diff.lines] == [("grew", MIB)]
    assert [change.word for change in diff.stacks] == ["grew"]


def test_two_tools_are_not_compared() -> None:
    with pytest.raises(UsageError, match="do not count the same"):
        diff_profiles(make_profile(), make_profile(tool=ProfileTool.TRACEMALLOC))


def test_what_is_not_alike_is_told_and_a_caveat_of_both_once() -> None:
    cut = Caveat(kind=CaveatKind.RECORD_CUT_SHORT, detail="killed")
    before, after = make_profile(caveats=(cut,), native=True), make_profile(caveats=(cut,), cap_bytes=64 * MIB)

    assert diff_profiles(before, after).doubts == (
        "not alike: compiled code was followed before and not followed after",
        "not alike: the cap was 128.0 MiB before and 64.0 MiB after",
        "before and after: record_cut_short: killed",
    )


def test_boxes_show_what_is_gone_too() -> None:
    boxes = {box.frame: box for box in boxes_of(diff_profiles(*known()))}

    assert boxes[frame(30, "cache")].new_bytes == 0
    assert boxes[frame(30, "cache")].width == pytest.approx(3 / 26)
    assert boxes[frame(10)].width == pytest.approx(20 / 26)
    assert (boxes[MAIN].depth, boxes[frame(10)].depth) == (1, 2)


frames = st.builds(
    Frame,
    file=st.sampled_from(["/app/a.py", "/app/b.py", "/usr/lib/python3.12/json.py", "<frozen importlib._bootstrap>"]),
    line=st.integers(0, 4),
    function=st.sampled_from(["f", "g", "<listcomp>"]),
    native=st.booleans(),
)
sites = st.builds(
    Site,
    stack=st.lists(frames, max_size=4).map(tuple),
    size_bytes=st.integers(0, 2**40),
    count=st.integers(0, 1000),
    process=st.sampled_from([7, 9]),
)
texts = st.dictionaries(frames, st.sampled_from(["x = 1", "x = 12", "grow()"]), max_size=20)
profiles = st.builds(
    lambda found, lines, rest: make_profile(*found, texts=lines, rest_bytes=rest),
    st.lists(sites, max_size=12),
    texts,
    st.integers(0, 2**30),
)


@given(profiles, profiles)
def test_all_bytes_and_all_allocations_are_accounted_for(before: AllocationProfile, after: AllocationProfile) -> None:
    diff = diff_profiles(before, after)
    rest = diff.rest_after - diff.rest_before

    assert (diff.total_before, diff.total_after) == (before.sites_bytes, after.sites_bytes)
    assert sum(line.delta_bytes for line in diff.lines) + rest == after.sites_bytes - before.sites_bytes
    assert sum(change.delta_bytes for change in diff.stacks) + rest == after.sites_bytes - before.sites_bytes
    for changes in (diff.lines, diff.stacks):
        assert sum(each.old.count for each in changes) == sum(each.count for each in before.sites)
        assert sum(each.new.count for each in changes) == sum(each.count for each in after.sites)


@given(profiles)
def test_a_profile_differs_in_nothing_from_itself(profile: AllocationProfile) -> None:
    diff = diff_profiles(profile, profile)

    assert diff.largest(99) == ()
    assert {change.word for change in diff.stacks} <= {"same"}


@given(profiles, profiles)
def test_boxes_lie_in_their_callers_and_not_on_each_other(before: AllocationProfile, after: AllocationProfile) -> None:
    boxes = boxes_of(diff_profiles(before, after))
    ends: dict[int, float] = {}
    for box in boxes:  # callers come first, so the last box above is the caller
        assert box.left >= ends.get(box.depth, 0.0) - 1e-9
        if box.depth:
            assert box.left + box.width <= ends[box.depth - 1] + 1e-9
        ends[box.depth] = box.left + box.width
