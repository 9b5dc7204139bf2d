"""Which line of a newer program is which line of an older one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from profiles import frame

from memcap.model import Frame
from memcap.profile_diff.matching import inlined, match_lines

PYTHON_310 = "/usr/local/lib/python3.10/json/decoder.py"
PYTHON_313 = "/usr/lib64/python3.13/json/decoder.py"


def test_a_line_moves_with_its_text_within_its_function() -> None:
    before = {frame(10): "a = bytes(8)", frame(11): "b = bytes(9)"}
    after = {frame(20): "a = bytes(8)", frame(11): "c = other()", frame(21): "b = bytes(9)"}

    assert match_lines(before, after) == {frame(10): frame(20), frame(11): frame(21)}


def test_the_same_text_in_another_function_is_another_line() -> None:
    before, after = {frame(10, "load"): "a = bytes(8)"}, {frame(30, "store"): "a = bytes(8)"}

    assert match_lines(before, after) == {}


def test_an_edited_line_is_found_by_what_it_still_says() -> None:
    before = {frame(10): "data = bytes(16 << 20)", frame(12): "return None"}
    after = {frame(13): "data = bytes(32 << 20)", frame(12): "rows.append(1)"}

    assert match_lines(before, after) == {frame(10): frame(13)}


def test_of_lines_that_say_the_same_the_unmoved_ones_stay() -> None:
    before = {frame(10): "grow()", frame(20): "grow()"}
    after = {frame(10): "grow()", frame(20): "grow()", frame(15): "grow()"}

    assert match_lines(before, after) == {frame(10): frame(10), frame(20): frame(20)}


def test_without_texts_a_function_moves_as_a_whole_or_not_at_all() -> None:
    assert match_lines({frame(10): "", frame(20): ""}, {frame(20): "", frame(30): ""}) == {
        frame(10): frame(20),
        frame(20): frame(30),
    }
    assert match_lines({frame(10): "", frame(20): ""}, {frame(20): "", frame(33): ""}) == {frame(20): frame(20)}


def test_a_line_without_a_number_is_not_taken_for_one_that_moved() -> None:
    assert match_lines({frame(0): ""}, {frame(12): "a = 1"}) == {}
    compiled = frame(0, "grow", "work.c", native=True)
    assert match_lines({compiled: ""}, {compiled: ""}) == {compiled: compiled}


def test_the_library_of_another_python_is_the_same_library() -> None:
    old, new = frame(353, "raw_decode", PYTHON_310), frame(356, "raw_decode", PYTHON_313)
    assert match_lines({old: "obj, end = scan()"}, {new: "obj, end = scan()"}) == {old: new}

    old = frame(7, "loads", "/usr/lib/python3/dist-packages/simplejson/__init__.py")
    new = frame(7, "loads", "/opt/venv/lib/python3.13/site-packages/simplejson/__init__.py")
    assert match_lines({old: ""}, {new: ""}) == {old: new}


def test_a_file_that_was_renamed_is_found_by_its_functions() -> None:
    before = {frame(10, "load", "/app/old.py"): "a = bytes(8)", frame(11, "load", "/app/old.py"): "b = bytes(8)"}
    after = {frame(14, "load", "/app/new.py"): "a = bytes(8)", frame(15, "load", "/app/new.py"): "b = bytes(9)"}

    found = match_lines(before, after)
    assert {(old.line, new.file, new.line) for old, new in found.items()} == {
        (10, "/app/new.py", 14),
        (11, "/app/new.py", 15),
    }


def test_a_file_that_is_still_there_was_not_renamed() -> None:
    old = frame(10, "load", "/app/old.py")
    before = {old: "a = bytes(8)", frame(2, "main", "/app/old.py"): "main()"}
    after = {frame(10, "load", "/app/new.py"): "a = bytes(8)", frame(2, "main", "/app/old.py"): "main()"}

    assert old not in match_lines(before, after)


def test_comprehensions_belong_to_their_function() -> None:
    inner, outer = frame(12, "<listcomp>"), frame(11, "load")

    assert inlined((inner, outer, frame(3, "<module>"))) == (frame(12, "load"), frame(3, "<module>"))
    assert inlined((frame(13, "<dictcomp>"), inner, outer)) == (frame(13, "load"),)
    assert inlined((inner, frame(5, "run", "/app/other.py"))) == (inner, frame(5, "run", "/app/other.py"))


lines = st.dictionaries(
    st.builds(
        Frame,
        file=st.sampled_from(["/a.py", "/b.py"]),
        line=st.integers(0, 9),
        function=st.sampled_from("fg"),
        native=st.booleans(),
    ),
    st.sampled_from(["", "x = 1", "x = 12", "grow()"]),
    max_size=12,
)


@given(lines, lines)
def test_each_line_is_at_most_one_other(before: dict[Frame, str], after: dict[Frame, str]) -> None:
    found = match_lines(before, after)

    assert found.keys() <= before.keys()
    assert set(found.values()) <= after.keys()
    assert len(set(found.values())) == len(found)


@given(lines)
def test_a_program_that_did_not_change_is_itself(program: dict[Frame, str]) -> None:
    assert match_lines(program, program) == {line: line for line in program}
