"""What was left beside the record, also where the workload wrote something else there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.model import Frame
from memcap.repro.stacks import parse_last, parse_stacks, parse_state, read_last, read_stacks, read_states

HEAD = "{'used_bytes': 130, 'cap_bytes': 134, 'seconds': %s, 'threads': {255: 'MainThread', 16: 'memcap-watch'}}"
BODY = """\
Thread 0x0000000000000010 (most recent call first):
  File "/memcap/instruments/memcap_watch.py", line 90 in write_stacks
  File "/usr/lib/python3.12/threading.py", line 1010 in run

Thread 0x0000000000000077 [pool_0] (most recent call first):
  <no Python frame>

Current thread 0x00000000000000ff (most recent call first):
  File "/app/a "b", line 3 in c.py", line 87 in parse
  File "<string>", line 2 in <module>
# end
"""


def test_threads_with_their_names_but_for_the_one_that_watches() -> None:
    found = parse_stacks(f"{HEAD % 1.5}\n{BODY}", 7)

    assert found is not None
    assert (found.process, found.used_bytes, found.cap_bytes, found.seconds) == (7, 130, 134, 1.5)
    (thread,) = found.threads
    assert thread.name == "MainThread"
    assert thread.frames == (
        Frame(file='/app/a "b", line 3 in c.py', line=87, function="parse"),
        Frame(file="<string>", line=2, function="<module>"),
    )
    assert found.is_in(Frame(file="<string>", line=2, function="other"))
    assert not found.is_in(Frame(file="<string>", line=3, function="<module>"))


def test_a_thread_that_python_does_not_know_has_its_number() -> None:
    found = parse_stacks(f"{HEAD % 1.5}\n{BODY.replace('00ff (', '00fe (')}", 7)

    assert found is not None
    assert found.threads[0].name == "thread 0xfe"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# end",
        f"{HEAD % 1.5}\n{BODY.removesuffix('# end' + chr(10))}",  # the kill came while it was written
        f"{HEAD % '1e999'}\n{BODY}",
        f"[]\n{BODY}",
        "{'used_bytes': 'x', 'cap_bytes': 1, 'seconds': 1, 'threads': {}}\n# end",
        "{'used_bytes': 1, 'cap_bytes': 1, 'seconds': 1, 'threads': 5}\n# end",
        "(" * 5000 + "\n# end",
    ],
)
def test_what_is_not_whole_is_left_out(text: str) -> None:
    assert parse_stacks(text, 7) is None


def test_the_newest_first_of_each_process(tmp_path: Path) -> None:
    for name, seconds in (("stacks-7-0", 1.5), ("stacks-7-1", 2.5), ("stacks-9-3", 0.5)):
        (tmp_path / f"{name}.txt").write_text(f"{HEAD % seconds}\n{BODY}")
    (tmp_path / "stacks-7-2.txt").write_bytes(b"\xff\x00")
    (tmp_path / "capture-7.bin").write_bytes(b"\x00")

    assert [(each.process, each.seconds) for each in read_stacks(tmp_path)] == [(7, 2.5), (7, 1.5), (9, 0.5)]


def test_the_state_of_a_process(tmp_path: Path) -> None:
    text = (
        "{'used_bytes': 110, 'cap_bytes': 134, 'collected': [{'collections': 143}, {'collections': 12}], "
        "'waiting': (350, 0, 2), 'objects': 3, 'types': [('a.B', 2), ('c', 1)], 'files': ['3 /data/rows']}"
    )
    (tmp_path / "state-7.txt").write_text(text)
    (tmp_path / "state-8.txt").write_text(text.replace("143", "'x'"))
    (found,) = read_states(tmp_path)

    assert (found.process, found.objects, found.collections) == (7, 3, (143, 12))
    assert found.types == (("a.B", 2), ("c", 1))
    assert found.files == ("3 /data/rows",)
    without = parse_state(text.replace("'objects': 3, 'types': [('a.B', 2), ('c', 1)], ", ""), 7)
    assert without is not None
    assert without.objects is None


def test_the_last_allocation(tmp_path: Path) -> None:
    (tmp_path / "last-7.txt").write_text("{'size_bytes': 5, 'thread': '', 'frames': [('grow', '/a.py', 6)]}")
    (tmp_path / "last-8.txt").write_text("{'size_bytes': 5, 'thread': '', 'frames': [('grow', 6)]}")
    (found,) = read_last(tmp_path)

    assert found.frames == (Frame(file="/a.py", line=6, function="grow"),)
    assert found.is_in(Frame(file="/a.py", line=6, function="grow"))


@given(st.text())
def test_nothing_that_a_workload_writes_is_an_error(text: str) -> None:
    parse_stacks(f"{text}\n# end", 1)
    parse_stacks(f"{HEAD % 1}\n{text}\n# end", 1)
    parse_state(text, 1)
    parse_last(text, 1)
