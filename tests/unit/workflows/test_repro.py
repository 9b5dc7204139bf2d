"""What `memcap repro` leaves in its folder, and how it ends."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from reproduced import make_escalated, make_found, make_growing, make_spared

from factories import make_measurement, make_plan_cell
from memcap.cli import cli
from memcap.errors import UsageError
from memcap.model import CallWorkload, CommandWorkload, Ending
from memcap.repro.reproduction import Attempt
from memcap.workflows.container_options import ContainerOptions
from memcap.workflows.recording import RECORD
from memcap.workflows.repro import again, exit_code, write_all
from memcap.workflows.subject import Subject
from memcap.workflows.subject_options import SubjectOptions

MIB = 1024 * 1024


@pytest.mark.parametrize(("ending", "code"), [(Ending.COMPLETED, 97), (Ending.FAILED, 96), (Ending.LOAD_FAILED, 96)])
def test_a_kill_that_did_not_come(ending: Ending, code: int) -> None:
    attempt = Attempt(cap_bytes=MIB, measurement=make_measurement(31, ending=ending))

    assert exit_code(make_found(attempts=(attempt,), flight=None)) == code


def test_one_kill_is_enough() -> None:
    assert exit_code(make_found(attempts=(make_growing(), make_spared()))) == 0


def test_every_file_is_there_and_told(tmp_path: Path) -> None:
    (tmp_path / RECORD).mkdir()
    for name in ("7-flamegraph.html", "capture-7.bin", "stacks-7-0.txt", "of `somebody`"):
        (tmp_path / RECORD / name).write_text("x")
    files = write_all(make_found(attempts=(make_growing(),)), tmp_path, top=3)

    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert there == set(files)
    assert files["record/7-flamegraph.html"] == "memray's flamegraph of the highest water mark"
    assert files["record/of `somebody`"] == "the recorder's own"
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert all(what in text for what in files.values())
    assert json.loads((tmp_path / "repro.json").read_text(encoding="utf-8"))["artefacts"] == files


def test_without_a_record_there_is_none_of_its_files(tmp_path: Path) -> None:
    (tmp_path / RECORD).mkdir()
    found = replace(make_found(attempts=(make_spared(),)), flight=None, not_recorded="no Python")
    files = write_all(found, tmp_path, top=3)

    assert set(files) == {"README.md", "repro.json", "index.html"}


def test_the_page_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("jinja2", "vl_convert"):
        monkeypatch.setitem(sys.modules, package, None)
    files = write_all(make_found(attempts=(make_growing(),)), tmp_path, top=3)

    assert {path.name for path in tmp_path.iterdir()} == set(files)
    assert "index.html" in files


@pytest.mark.parametrize(
    ("asked", "native", "line"),
    [
        (
            SubjectOptions(
                words=("py312", "app", "-n", "{requests}"),
                no_thp=True,
                container_options=ContainerOptions(env=("A=a b", "B=c d", "C"), public_env=("A",), network="host"),
            ),
            False,
            "memcap repro --env 'A=a b' --env B --env C --public-env A --network host --no-thp py312 -- app -n 40",
        ),
        (
            SubjectOptions(
                words=("app", "{requests}m"),
                image="my/prod:1.4",
                time_limit="5min",
                root=Path("here"),
                container_options=ContainerOptions(shm_size="1g"),
            ),
            True,
            "memcap repro --native --image my/prod:1.4 --time-limit 5min --project here --shm-size 1g -- app 40m",
        ),
        (
            SubjectOptions(
                words=("py312", "app", "{requests}"),
                container_options=ContainerOptions(
                    user="app", disk="1g", cpus="0.5", ulimit=("nofile=64:128", "stack=-1")
                ),
            ),
            False,
            "memcap repro --user app --cpus 0.5 --ulimit nofile=64:128 --ulimit stack=-1 --disk 1g py312 -- app 40",
        ),
    ],
)
def test_a_command_again_with_the_load_that_was_found(asked: SubjectOptions, native: bool, line: str) -> None:
    argv = asked.words if asked.image else asked.words[1:]
    subject = Subject(name="", cell=make_plan_cell(workload=CommandWorkload(argv=argv)))

    assert again(make_escalated(20, 110), asked, subject, native=native) == line


def test_a_cell_again_with_the_load_or_the_cap_that_was_found() -> None:
    asked = SubjectOptions(words=("agents.crew-py312-128m",))
    cell = make_plan_cell(workload=CallWorkload(call="workloads:crew", parameters={"requests": 1}))
    subject = Subject(name=cell.id, cell=cell)
    found = make_escalated(20, 110)

    assert again(found, asked, subject, native=False) == "memcap repro --escalate requests=40 agents.crew-py312-128m"
    lower = make_found(cap_bytes=20 * MIB)
    assert again(lower, asked, subject, native=False) == "memcap repro --cap 20971520b agents.crew-py312-128m"


def test_what_needed_no_search_is_not_told_again() -> None:
    asked, subject = SubjectOptions(words=("py312",)), Subject(name="", cell=make_plan_cell())

    assert again(make_found(), asked, subject, native=False) == ""
    assert again(make_escalated(20, killed=False), asked, subject, native=False) == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--lower", "--escalate", "n"], "--lower does not go with --escalate"),
        (["--escalate", "n"], "no word of the command has {n}"),
        (["--escalate", ""], "'' is not NAME or NAME=FIRST"),
    ],
)
def test_loads_that_cannot_be_are_refused_before_anything_is_done(options: list[str], told: str) -> None:
    answer = CliRunner().invoke(cli, ["repro", *options, "python:3.12", "--", "true"])

    assert isinstance(answer.exception, UsageError)
    assert told in answer.exception.message


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    answer = CliRunner().invoke(cli, ["repro", "--output", str(tmp_path), "python:3.12", "--", "true"])

    assert answer.exception is not None
    assert f"{tmp_path} has something in it" in str(answer.exception)
