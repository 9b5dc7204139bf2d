"""``memcap compare`` on stored results, from files to exit code; measuring is in the integration tests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from compared import make_runs_of, two_images

from factories import make_cell, make_environment, make_oom, make_result
from memcap.cli.compare import command
from memcap.errors import ConfigError, FileFormatError, MemcapError, SelectionError, UsageError
from memcap.model import CampaignResult
from memcap.stats import values_needed
from memcap.store import save_result
from memcap.workflows.compare import FEWEST_RUNS

SAME, MORE = make_runs_of(), make_runs_of(workload=25)
IMAGES = ("--base", "py310", "--against", "py312")


@pytest.fixture(autouse=True)
def _outside_of_any_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _save(name: str, result: CampaignResult) -> str:
    save_result(result, Path(name), overwrite=True)
    return name


def _compare(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def _error(*arguments: str) -> MemcapError:
    result = _compare(*arguments)
    assert isinstance(result.exception, MemcapError), result.output
    return result.exception


def test_two_images_of_a_stored_result() -> None:
    path = _save("both.json", two_images(llm=(SAME, MORE), base=(SAME, SAME)))
    result = _compare(*IMAGES, "--result", path)
    assert result.exit_code == 0
    assert result.output.startswith("Neither py312 nor py310 needs less in most benchmarks: +2.5 MiB")
    assert "Of that, at the median: interpreter 0 B" in result.output, "phases outlive a file"


def test_a_result_of_an_older_memcap_has_no_phases() -> None:
    path = Path(_save("both.json", two_images(llm=(SAME, MORE))))
    document = json.loads(path.read_text())
    for cell in document["memcap"]["cells"]:
        for run in cell["runs"]:
            del run["phases"]
    path.write_text(json.dumps(document))
    result = _compare(*IMAGES, "--result", str(path))
    assert result.exit_code == 0
    assert result.output.startswith("py312 needs 5.0 MiB (20%) more than py310 in agents.llm")
    assert "Without the parts" in result.output


@pytest.mark.parametrize("word", ["agents.llm", "*.llm-*", "llm"])
def test_some_benchmarks_of_a_stored_result(word: str) -> None:
    path = _save("both.json", two_images(llm=(SAME, MORE), base=(SAME, SAME)))
    found = json.loads(_compare(word, *IMAGES, "--result", path, "--json").output)
    assert [each["name"] for each in found["benchmarks"]] == ["agents.llm"]


def test_a_word_that_names_nothing() -> None:
    path = _save("both.json", two_images(llm=(SAME, MORE)))
    assert "nothing that 'agents.lm' names" in str(_error("agents.lm", *IMAGES, "--result", path))


def test_more_is_an_answer_unless_it_shall_fail() -> None:
    path = _save("both.json", two_images(llm=(SAME, MORE)))
    assert _compare(*IMAGES, "--result", path).exit_code == 0
    failed = _compare(*IMAGES, "--result", path, "--fail-on-regression")
    assert (failed.exit_code, "(exit code 99)" in failed.output) == (99, True)
    other_way = ("--base", "py312", "--against", "py310")
    assert _compare(*other_way, "--result", path, "--fail-on-regression").exit_code == 0


def test_an_unexpected_ending_fails() -> None:
    path = _save("both.json", two_images(llm=(SAME, [make_oom()] * 7)))
    assert _compare(*IMAGES, "--result", path).exit_code == 97


def test_two_results_of_the_same_cells() -> None:
    a, b = (_save(name, make_result(make_cell(runs=runs))) for name, runs in (("a.json", SAME), ("b.json", MORE)))
    result = _compare(a, b)
    assert result.output.startswith("B needs 5.0 MiB (20%) more than A in agents.crew_backed")


def test_two_results_of_one_image_each_are_named_by_these() -> None:
    a = _save("a.json", make_result(make_cell("agents.x-py310-128m", SAME)))
    b = _save("b.json", make_result(make_cell("agents.x-py312-128m", MORE)))
    assert _compare(a, b).output.startswith("py312 needs 5.0 MiB (20%) more than py310 in agents.x")


def test_results_of_different_machines_are_told_and_not_judged() -> None:
    a = _save("a.json", make_result())
    b = _save("b.json", make_result(environment=make_environment(architecture="aarch64", cgroup_version=2)))
    result = _compare(a, b)
    assert result.output.startswith("A and B cannot be compared: cgroup version: 1 and 2")
    assert result.exit_code == 0


def test_two_forms_of_a_benchmark() -> None:
    cells = (make_cell("agents.x_before-py312-128m", MORE), make_cell("agents.x_after-py312-128m", SAME))
    path = _save("forms.json", make_result(*cells))
    result = _compare("--pairs", "before:after", "--result", path)
    assert result.exit_code == 0
    assert result.output.startswith("after needs 5.0 MiB (16%) less than before in agents.x")


def test_a_projects_tolerances_are_used(tmp_path: Path) -> None:
    loose = '[tolerances.unreclaimable_peak]\nrelative = "90%"\nabsolute = "1MiB"\n'
    (tmp_path / "limits.toml").write_text('[caps]\n128m = "128m"\n[profiles.quick]\n' + loose)
    path = _save("both.json", two_images(llm=(SAME, MORE)))
    assert "1 unchanged" in _compare(*IMAGES, "--result", path).output
    (tmp_path / "elsewhere").mkdir()
    assert isinstance(_error(*IMAGES, "--result", path, "--project", str(tmp_path / "elsewhere")), ConfigError)


@pytest.mark.parametrize("form", ["markdown", "json", "terminal"])
def test_forms(form: str) -> None:
    path = _save("both.json", two_images(llm=(SAME, MORE)))
    output = _compare(*IMAGES, "--result", path, "--format", form).output
    assert output.startswith(
        {"markdown": "**memcap compare: py312 needs", "json": "{\n", "terminal": "py312 needs"}[form]
    )


def test_a_page_and_markdown_beside_what_is_printed(tmp_path: Path) -> None:
    path, page = _save("both.json", two_images(llm=(SAME, MORE))), tmp_path / "page.html"
    result = _compare(*IMAGES, "--result", path, "--report", f"html={page}", "--report", "markdown=compared.md")
    assert result.exit_code == 0, result.output
    assert "<h1" in page.read_text(encoding="utf-8")
    assert Path("compared.md").read_text(encoding="utf-8").startswith("**memcap compare: py312 needs")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.json",),
        ("a.json", "b.json", "c.json"),
        ("--base", "py310"),
        ("--against", "py310"),
        ("--base", "py310", "--against", "py310"),
        ("a.json", "b.json", "--runs", "5"),
        ("a.json", "b.json", "--result", "c.json"),
        ("--pairs", "before:after"),
        ("--pairs", "before:after", "--result", "c.json", *IMAGES),
        ("--pairs", "before", "--result", "c.json"),
        ("--pairs", "before:before", "--result", "c.json"),
    ],
)
def test_what_cannot_be_meant(arguments: tuple[str, ...]) -> None:
    assert isinstance(_error(*arguments), UsageError)


def test_measuring_needs_a_project() -> None:
    assert isinstance(_error(*IMAGES), ConfigError)


def test_a_file_that_is_no_result() -> None:
    Path("a.json").write_text("{}")
    assert isinstance(_error("a.json", "a.json"), FileFormatError)


def test_an_image_that_the_result_lacks() -> None:
    path = _save("both.json", two_images(llm=(SAME, MORE)))
    assert isinstance(_error("--base", "py310", "--against", "py313", "--result", path), SelectionError)


def test_an_image_may_be_named_by_its_reference() -> None:
    both = two_images(llm=(SAME, MORE))
    named = [
        replace(cell, cell=replace(cell.cell, id="agents.llm-python_3_12_slim-128m", image="python_3_12_slim"))
        for cell in both.cells[1:]
    ]
    path = _save("both.json", replace(both, cells=(both.cells[0], *named)))
    result = _compare("--base", "py310", "--against", "python:3.12-slim", "--result", path)
    assert result.output.startswith("python_3_12_slim needs 5.0 MiB (20%) more than py310")


def test_the_fewest_runs_can_tell_a_change_among_many_figures() -> None:
    """One rejected of 17 compared figures must do: 1/3432 * 2 * 17 <= 1 %."""
    assert values_needed(FEWEST_RUNS, confidence=1 - 0.01 / 17) == FEWEST_RUNS
