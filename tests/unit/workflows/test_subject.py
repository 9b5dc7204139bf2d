"""CELL or IMAGE [-- CMD]: which of the two is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from projects import make_project

from factories import make_cell, make_image, make_result
from memcap.cli.progress import say
from memcap.errors import SelectionError, UsageError
from memcap.model import CommandWorkload, ImageSource
from memcap.store import result_path, save_result
from memcap.workflows import subject as subjects
from memcap.workflows.container_options import ContainerOptions
from memcap.workflows.subject import Subject
from memcap.workflows.subject_options import SubjectOptions

MIB = 1024 * 1024


def find_subject(words: tuple[str, ...], **options: Any) -> Subject:
    return subjects.find_subject(SubjectOptions(words=words, **options), tell=say)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path)


def test_a_cell_of_the_project(project: Path) -> None:
    found = find_subject(("agents.llm-py312-128m",))

    assert found.name == found.cell.id == "agents.llm-py312-128m"
    assert found.cell.image.directory == project / "images" / "py312"
    assert "agents" in found.suites


@pytest.mark.parametrize(("cap", "expected"), [("256m", 256 * MIB), ("300m", 300 * MIB)])
@pytest.mark.usefixtures("project")
def test_another_cap_takes_the_place_of_the_cells(cap: str, expected: int) -> None:
    assert find_subject(("agents.llm-py312-128m",), cap=cap).cell.cap.bytes == expected


def test_all_variables_of_a_cell_are_in_its_policy_and_those_asked_for_replace_them(project: Path) -> None:
    suite = project / "suites" / "agents" / "suite.toml"
    text = suite.read_text(encoding="utf-8")
    suite.write_text(
        text.replace("[benchmarks.llm]\n", '[benchmarks.llm]\nenv = { A = "1", B = "1" }\n'), encoding="utf-8"
    )
    options = ContainerOptions(env=("B=2",), public_env=("B",))
    subject = find_subject(("agents.llm-py312-128m",), container_options=options)

    assert subject.policy.env == {"PYTHONHASHSEED": "0", "A": "1", "B": "2"}
    assert (subject.cell.benchmark.env, subject.cell.benchmark.policy) == ({}, None)


@pytest.mark.usefixtures("project")
def test_a_time_limit_that_is_asked_for_goes_before_the_benchmarks_own() -> None:
    assert find_subject(("agents.llm-py312-128m",)).cell.benchmark.time_limit_seconds != 7
    assert find_subject(("agents.llm-py312-128m",), time_limit="7s").cell.benchmark.time_limit_seconds == 7


@pytest.mark.usefixtures("project")
def test_a_cell_that_does_not_exist_is_answered_with_the_nearest() -> None:
    with pytest.raises(SelectionError) as refused:
        find_subject(("agents.llms-py312-128m",))

    assert "agents.llm-py312-128m" in refused.value.remedy


@pytest.mark.usefixtures("project")
def test_an_image_of_the_project_with_a_command() -> None:
    found = find_subject(("py312", "python", "app.py"), cap="64m")

    assert found.name == "py312 -- python app.py"
    assert found.cell.benchmark.workload == CommandWorkload(argv=("python", "app.py"))
    assert found.cell.image.directory is not None


@pytest.mark.parametrize(
    ("words", "image", "argv"),
    [
        (("my/prod:1.4",), None, ()),
        (("my/prod:1.4", "pytest", "a.py::b"), None, ("pytest", "a.py::b")),
        (("pytest", "a.py::b"), "my/prod:1.4", ("pytest", "a.py::b")),
    ],
)
def test_any_image(words: tuple[str, ...], image: str | None, argv: tuple[str, ...]) -> None:
    found = find_subject(words, image=image)

    assert found.cell.image == ImageSource(name="my_prod", reference="my/prod:1.4")
    assert found.cell.benchmark.workload == CommandWorkload(argv=argv)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("cell_id", "image", "reference"),
    [
        ("agents.llm-my_prod-128m", "my/prod:1.4", "my/prod:1.4"),
        ("agents.llm-prod-128m", "prod=my/prod:1.4", "my/prod:1.4"),
        ("agents.llm-py312-128m", "py312=my/prod:1.4", "my/prod:1.4"),
    ],
)
def test_a_cell_whose_image_is_named_beside_it(cell_id: str, image: str, reference: str) -> None:
    found = find_subject((cell_id,), image=image)

    assert (found.cell.id, found.cell.image.reference) == (cell_id, reference)
    assert set(found.suites) == {"agents"}


def test_a_cell_of_an_image_that_only_results_know(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell_id = "agents.llm-my_prod-128m"
    results = {"20261120T043000-quick-aaaa": "my/prod:1.3", "20261121T043000-quick-aaaa": "my/prod:1.4"}
    for campaign, reference in results.items():
        images = {"my_prod": make_image("my_prod", reference=reference)}
        save_result(
            make_result(make_cell(cell_id), images=images, id=campaign),
            result_path(project / "results", campaign),
            overwrite=False,
        )

    assert find_subject((cell_id,)).cell.image == ImageSource(name="my_prod", reference="my/prod:1.4")
    assert "the image my_prod is my/prod:1.4, as in 20261121T043000-quick-aaaa.json" in capsys.readouterr().err
    with pytest.raises(SelectionError, match="no cell") as unknown:
        find_subject(("agents.llm-other-128m",))
    assert "--image NAME=REFERENCE" in unknown.value.remedy


@pytest.mark.usefixtures("project")
def test_with_an_image_a_word_like_a_cell_may_be_a_program() -> None:
    found = find_subject(("tool.run-x86-64",), image="my/prod:1.4")

    assert found.cell.benchmark.workload == CommandWorkload(argv=("tool.run-x86-64",))


@pytest.mark.usefixtures("project")
def test_a_cold_cell_is_named_by_its_id_alone() -> None:
    assert find_subject(("agents.llm.cold-py312-128m",)).cell.is_cold


@pytest.mark.usefixtures("project")
def test_an_image_that_limits_toml_names(project: Path) -> None:
    with (project / "limits.toml").open("a") as file:
        file.write('[images.prod]\nreference = "shop/prod:1.0"\n')
    (project / "suites/agents/suite.toml").write_text("this is broken, and nobody asks for it")

    assert find_subject(("prod", "python")).cell.image == ImageSource(name="prod", reference="shop/prod:1.0")
    assert find_subject(("prod=shop/prod:1.1", "python")).cell.image.reference == "shop/prod:1.1"


@pytest.mark.usefixtures("project")
def test_an_image_of_the_project_that_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_project(other)

    found = find_subject(("py312", "python"), root=other)

    assert found.cell.image.directory == other / "images" / "py312"


def test_outside_of_a_project_it_is_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert find_subject(("agents.llm-py312-128m",)).cell.image.reference == "agents.llm-py312-128m"
    assert "so agents.llm-py312-128m is taken for an image" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_a_name_longer_than_any_file_is_no_image() -> None:
    with pytest.raises(SelectionError, match="names no image: it has 300 characters"):
        find_subject(("x" * 300,))


def test_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing is named"):
        find_subject(())


@pytest.mark.parametrize("words", [("agents.llm-py312-128m",), ("py312", "python", "app.py")])
@pytest.mark.usefixtures("project")
def test_shared_memory_and_huge_pages_as_asked_for(words: tuple[str, ...]) -> None:
    plain = find_subject(words)
    assert (plain.policy.shm_size_bytes, plain.cell.benchmark.quiet.thp) == (None, True)

    asked = find_subject(words, container_options=ContainerOptions(shm_size="256m"), no_thp=True)
    assert (asked.policy.shm_size_bytes, asked.cell.benchmark.quiet.thp) == (256 * MIB, False)
    assert asked.cell.id == plain.cell.id


@pytest.mark.parametrize("words", [("some/image:1", ""), ("some/image:1", "", "x")])
def test_an_empty_word_is_no_program(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="is an empty word"):
        find_subject(words)


@pytest.mark.parametrize(
    ("program", "name"),
    [("/bin/hunter2", "command"), ("./run-hunter2.sh", "run_sh"), ("/usr/hunter2", "command"), ("env", "env")],
)
def test_a_secret_is_in_no_id(program: str, name: str) -> None:
    options = ContainerOptions(env=("TOKEN=hunter2", "WHERE=/usr/hunter2"))
    subject = find_subject(("some/image:1", program), container_options=options)
    assert subject.cell.id == f"measure.{name}-some_image-1g"
    assert "hunter2" not in subject.name


def test_a_public_value_stays_in_the_id() -> None:
    options = ContainerOptions(env=("TOOL=pytest",), public_env=("TOOL",))
    subject = find_subject(("some/image:1", "/bin/pytest"), container_options=options)
    assert subject.cell.id == "measure.pytest-some_image-1g"
