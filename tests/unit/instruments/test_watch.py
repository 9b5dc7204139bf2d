"""What watches for new heights, on files like the kernel's; what it writes is read as the host does."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from memcap.images.instrumented import INSIDE
from memcap.probe.programs import LOOKS
from memcap.repro.stacks import read_stacks, read_states

MIB = 1024 * 1024
STAT = "cache 5\ntotal_inactive_file {}\ntotal_active_file 0\n"

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="it runs in containers of Linux")


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return it from a folder as it is in an image, beside what looks at objects."""
    for file in (INSIDE / "memcap_watch.py", *LOOKS):
        shutil.copy(file, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "memcap_watch", raising=False)
    return __import__("memcap_watch")


@pytest.fixture
def heights(tmp_path: Path, watch: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return ``see(used…)``: look at so many MiB of 100 in use, one after the other, 10 of them page cache."""

    def see(*used: int) -> Path:
        folder = tmp_path / "artefacts"
        folder.mkdir()
        usage, stat = tmp_path / "usage", tmp_path / "stat"
        stat.write_text(STAT.format(10 * MIB))
        left = list(used)

        def next_look(_: float) -> None:
            if left:
                usage.write_text(str(left.pop(0) * MIB))
            else:
                usage.unlink()  # which ends it

        monkeypatch.setattr(watch.time, "sleep", next_look)
        watch.watch(str(folder), str(usage), str(stat), b"total_", 100 * MIB)
        return folder

    return see


def used(folder: Path) -> list[int]:
    return [each.used_bytes // MIB for each in read_stacks(folder)]


def test_new_heights_from_half_of_the_cap_on(heights: Any) -> None:
    assert used(heights(20, 55, 62, 61, 62, 80)) == [70, 52]  # less the page cache


def test_the_last_eight_are_kept(heights: Any) -> None:
    assert used(heights(*range(62, 92, 2))) == [80, 78, 76, 74, 72, 70, 68, 66]


def test_all_threads_are_there_and_the_state_once_near_the_cap(heights: Any) -> None:
    end = threading.Event()
    other = threading.Thread(target=end.wait, name="another")
    other.start()
    try:
        folder = heights(92, 94)
    finally:
        end.set()
        other.join()

    names = {thread.name for thread in read_stacks(folder)[0].threads}
    assert "another" in names
    (state,) = read_states(folder)
    assert (state.process, state.used_bytes) == (os.getpid(), 82 * MIB)
    assert state.objects is not None
    assert state.objects > 100
    assert len(state.types) == 12
    assert any(file.split(" ", 1)[0] == "0" for file in state.files)


def test_who_holds_what_grew_since_half_of_the_cap(heights: Any, monkeypatch: pytest.MonkeyPatch, watch: Any) -> None:
    kept = list(range(8))
    notes = watch.first_look

    def look() -> Any:
        found = notes()
        kept.extend(range(5000))
        return found

    monkeypatch.setattr(watch, "first_look", look)
    (state,) = read_states(heights(65, 94))
    assert [each.more for each in state.holders if each.steps[-1] == "list"][:1] == [5000]


def test_where_there_is_no_room_objects_are_not_counted(heights: Any) -> None:
    (state,) = read_states(heights(109))

    assert state.objects is None


def test_without_a_cap_nothing_is_watched(tmp_path: Path, watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "max").write_text("max\n")
    monkeypatch.setattr(watch, "PLACES", ((str(tmp_path / "x"), str(tmp_path / "max"), "", b""),))
    before = threading.active_count()
    watch.start(str(tmp_path), follow=False)

    assert threading.active_count() == before
