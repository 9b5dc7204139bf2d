"""The folder of a run: what is in it, where its places lead, and what is read from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from memcap.engine.process_folder import RunFolder, Stage, supervisor_path
from memcap.errors import EngineError


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("/memcap/suite/app.py", "HERE/suite/app.py"),
        ("/memcap/suite:/memcap/deps", "HERE/suite:/memcap/deps"),
        ("--journal=/memcap/out/workload.jsonl", "--journal=HERE/out/workload.jsonl"),
        ("open('/memcap/tmp/x'); open('/memcap/suite')", "open('HERE/tmp/x'); open('HERE/suite')"),
        ("/srv/memcap/suite/app.py", "/srv/memcap/suite/app.py"),
        ("/memcap/suites", "/memcap/suites"),
        ("/memcap/bin/supervisor", "/memcap/bin/supervisor"),
    ],
)
def test_places_of_a_container_lead_to_the_folder(text: str, led: str) -> None:
    assert RunFolder(Path("HERE")).led_here(text) == led


def test_a_run_has_a_fresh_copy_of_its_suite_compiled_and_without_what_is_not_for_it(tmp_path: Path) -> None:
    suite, stage_folder = tmp_path / "suite", tmp_path / "stage"
    (suite / "data").mkdir(parents=True)
    stage_folder.mkdir()
    for name in ("app.py", "suite.toml", "requirements.txt", "README.md", ".secret", "data/rows.csv"):
        (suite / name).write_text("x = 1\n")
    stage = Stage(stage_folder)
    stage.add(str(suite))
    with stage.run_folder(str(suite)) as first:
        copy = first.path / "suite"
        assert sorted(path.name for path in copy.iterdir()) == ["__pycache__", "app.py", "data"]
        assert [path.suffix for path in (copy / "__pycache__").iterdir()] == [".pyc"]
        (copy / "app.py").write_text("changed by a run\n")
    assert not first.path.exists()
    with stage.run_folder(str(suite)) as second:
        assert (second.path / "suite" / "app.py").read_text() == "x = 1\n"
        assert (second.path / "probe" / "runner.py").is_file()
        assert list((second.path / "probe" / "__pycache__").glob("memcap_runner.*.pyc"))


def test_without_a_suite_there_is_none(tmp_path: Path) -> None:
    with Stage(tmp_path).run_folder("") as folder:
        assert sorted(path.name for path in folder.path.iterdir()) == ["artefacts", "out", "probe", "tmp", "work"]


def test_what_the_probe_left_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_bytes(b"{}\xff")
    (tmp_path / "out" / "mine.txt").write_text("a workload's")
    assert RunFolder(tmp_path).answers() == {"report.json": "{}\ufffd"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_in_place_of_the_report_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").symlink_to(os.devnull)
    with pytest.raises(EngineError, match="odd"):
        RunFolder(tmp_path).answers()


def test_there_is_no_supervisor_for_a_strange_machine() -> None:
    with pytest.raises(EngineError, match="no supervisor for riscv64"):
        supervisor_path("riscv64")


def test_artefacts_go_in_and_come_back_without_links(tmp_path: Path) -> None:
    given, target, stage = (tmp_path / name for name in ("given", "target", "stage"))
    for folder in (given, target, stage):
        folder.mkdir()
    (given / "capture.bin").write_bytes(b"1")
    with Stage(stage).run_folder("") as run:
        run.give(given)
        (run.path / "artefacts" / "sites.json").write_bytes(b"{}")
        (run.path / "artefacts" / "link").symlink_to("/etc/passwd")
        run.bring(target)

    assert sorted(path.name for path in target.iterdir()) == ["capture.bin", "sites.json"]
