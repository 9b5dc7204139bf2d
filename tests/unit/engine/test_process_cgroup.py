"""Where a run's cgroup can be made, read from made-up trees: v1, v2 with and without delegation, inside containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memcap.engine.process_cgroup import CgroupPlace, places, remove_leftovers, run_cgroup
from memcap.errors import EngineError

SESSION = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n"
V1 = "9:name=systemd:/\n5:cpu,pids:/group\n4:memory:/group/inner\n0::/\n"


def make_tree(root: Path, controllers: dict[str, str]) -> None:
    """Make a v2 tree: folders, and the controllers that their children have."""
    (root / "cgroup.controllers").write_text("cpu memory pids\n")
    for name, text in controllers.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(text)


@pytest.fixture
def read_only_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to turn controllers on, as the kernel does where a cgroup has processes."""

    def refuse(self: Path, text: str, **_: object) -> int:
        raise OSError(16, "Device or resource busy", str(self))

    monkeypatch.setattr(Path, "write_text", refuse)


def test_on_v1_it_is_below_the_cgroup_that_memcap_is_in(tmp_path: Path) -> None:
    (tmp_path / "memory/group/inner").mkdir(parents=True)
    (tmp_path / "pids/group").mkdir(parents=True)
    assert list(places(V1, root=tmp_path)) == [
        CgroupPlace(version=1, memory=tmp_path / "memory/group/inner", pids=tmp_path / "pids/group")
    ]


def test_on_v1_a_container_sees_its_own_as_the_mount(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    assert list(places("4:memory:/docker/1234\n", root=tmp_path)) == [
        CgroupPlace(version=1, memory=tmp_path / "memory", pids=None)
    ]


def test_without_a_memory_controller_there_is_no_place(tmp_path: Path) -> None:
    assert list(places("9:name=systemd:/\n", root=tmp_path)) == []


def test_on_v2_it_climbs_to_where_children_have_the_controller(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    service = "user.slice/user-1000.slice/user@1000.service"
    app = f"{service}/app.slice"
    make_tree(tmp_path, {f"{app}/run-1.scope": "", app: "memory pids\n", service: "memory\n", ".": "cpu"})
    request.getfixturevalue("read_only_controls")
    assert list(places(SESSION, root=tmp_path)) == [
        CgroupPlace(version=2, memory=tmp_path / app, pids=tmp_path / app),
        CgroupPlace(version=2, memory=tmp_path / service, pids=None),
    ]


def test_on_v2_the_controllers_are_asked_for(tmp_path: Path) -> None:
    make_tree(tmp_path, {".": ""})
    assert list(places("0::/\n", root=tmp_path)) == [], "a plain file does not answer as the kernel does"
    assert (tmp_path / "cgroup.subtree_control").read_text().split() == ["+memory", "+pids"]


def test_nothing_above_the_tree_is_tried(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    outside = tmp_path / "cgroup.subtree_control"
    outside.write_text("memory")
    root = tmp_path / "tree"
    root.mkdir()
    make_tree(root, {".": "memory"})
    request.getfixturevalue("read_only_controls")
    assert [place.memory for place in places("0::/gone\n", root=root)] == [root]


def test_a_cgroup_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    place = CgroupPlace(version=1, memory=tmp_path, pids=tmp_path / "no such folder")
    with pytest.raises(FileNotFoundError), run_cgroup(place, cap_bytes=1, pids=1):
        pytest.fail("it was made")
    assert list(tmp_path.iterdir()) == []


def test_limits_are_written_and_a_folder_that_stays_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memcap.engine.process_cgroup._REMOVAL_SECONDS", 0)
    place = CgroupPlace(version=2, memory=tmp_path, pids=tmp_path)
    making = run_cgroup(place, cap_bytes=4096, pids=5)
    (option,) = making.__enter__()
    (folder,) = tmp_path.glob(f"memcap-{os.getpid()}-*")
    assert option == f"cgroup={folder}"
    assert (folder / "memory.max").read_text() == "4096"
    assert (folder / "pids.max").read_text() == "5"
    # In a plain folder the limits are files, for which rmdir fails as it does for a cgroup in use.
    with pytest.raises(EngineError, match="cannot be removed"):
        making.__exit__(None, None, None)


def test_leftovers_of_the_dead_are_removed_and_others_kept(tmp_path: Path) -> None:
    dead, living, foreign = (tmp_path / name for name in ("memcap-4194999-1", f"memcap-{os.getpid()}-1", "memcap-x"))
    for folder in (dead, living, foreign):
        folder.mkdir()
    remove_leftovers(CgroupPlace(version=2, memory=tmp_path, pids=None))
    assert sorted(tmp_path.iterdir()) == sorted((living, foreign))
