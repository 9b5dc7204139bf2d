"""The report: cells of memcap, read by memcap."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from memcap.cli import cli
from memcap.model import CaveatKind, Ending, Metric
from memcap.pytest_plugin.cell_names import cell_name
from memcap.pytest_plugin.figures import Figures, figures_of, keep
from memcap.store import load_result

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.allow_processes

TESTS = """
import pytest
from memcap.testing import memory_limit

@pytest.mark.memory(max_mb=200)
def test_fine():
    data = b"x" * 50_000_000

@pytest.mark.memory(max_mb=5)
def test_over():
    data = b"x" * 50_000_000

@memory_limit(max_mb=150)
def test_killed():
    data = [b"x" * 1_000_000 for _ in range(400)]

@memory_limit(max_mb=300)
@pytest.mark.parametrize("size", [1, 2])
def test_apart(size): pass

@pytest.mark.memory
def test_skipped(): pytest.skip("no")

def test_other(): pass
"""

LIMITS = """
[caps]
1g = "1GiB"
[profiles.quick]
[tolerances.rss_peak]
relative = "1%"
absolute = "512KiB"
"""


def test_a_session_becomes_a_result(session: Session, pytester: pytest.Pytester) -> None:
    told = session(TESTS, "--memcap-report", "out/report.json")
    result = load_result(pytester.path / "out" / "report.json")
    cells = {re.sub(r"_[0-9a-f]{8}(?=[.-])", "", cell.cell.id): cell for cell in result.cells}

    told.stdout.fnmatch_lines(["memcap: 5 tests in *report.json; *"])
    assert {name: cell.runs[0].ending for name, cell in cells.items()} == {
        "pytest.test_it_test_fine.shared-host-uncapped": Ending.COMPLETED,
        "pytest.test_it_test_over.shared-host-uncapped": Ending.FAILED,
        "pytest.test_it_test_killed-host-150mb": Ending.CAP_EXCEEDED,
        "pytest.test_it_test_apart_1-host-300mb": Ending.COMPLETED,
        "pytest.test_it_test_apart_2-host-300mb": Ending.COMPLETED,
    }
    fine = cells["pytest.test_it_test_fine.shared-host-uncapped"].runs[0]
    assert fine.extra["memory_rise"] == pytest.approx(50_000_000, rel=0.1)
    assert fine.rss_peak_bytes is None or fine.rss_peak_bytes == pytest.approx(fine.extra["memory_peak"], rel=0.05)
    assert [caveat.kind for caveat in fine.caveats] == [CaveatKind.NO_CONTAINER]
    assert "over its limit" in cells["pytest.test_it_test_killed-host-150mb"].runs[0].output_tail
    assert result.fingerprint("host").isolation == "process"


def test_every_test_can_be_run_several_times_in_processes_of_its_own(
    session: Session, pytester: pytest.Pytester
) -> None:
    told = session(TESTS, "--memcap-report", "report.json", "--memcap-runs", "2", "-k", "fine or over or other")
    result = load_result(pytester.path / "report.json")
    fine, over = result.cells

    told.assert_outcomes(passed=2, failed=1, deselected=4)
    assert len(fine.runs) == 2
    assert [run.ending for run in over.runs] == [Ending.FAILED] * 2
    assert all(run.extra["memory_rise"] > 45_000_000 for run in over.runs)
    assert all("over the limit of 5 MB" in run.output_tail for run in over.runs)
    assert fine.cell.variant == ""
    first, second = fine.values(Metric.RSS_PEAK)
    assert first == pytest.approx(second, rel=0.05)


def test_memcap_reports_and_judges_it(session: Session, pytester: pytest.Pytester) -> None:
    session(TESTS, "--memcap-report", "report.json", "-k", "fine or killed")
    (pytester.path / "limits.toml").write_text(LIMITS)
    report = CliRunner().invoke(cli, ["report", "--no-check", "report.json"])
    check = CliRunner().invoke(cli, ["check", "report.json"])

    assert report.exit_code == 0
    assert "cap_exceeded" in report.output
    assert re.search(r"killed_\S+ +≥ 1\d\d\.\d MiB +cap_exceeded", report.output)
    assert check.exit_code == 97
    assert "memory_limit: the process of this test held" in check.output


@pytest.mark.parametrize("metric", ["rss", "tracemalloc"])
def test_every_report_has_the_figures(session: Session, pytester: pytest.Pytester, metric: str) -> None:
    session(TESTS, "--memcap-report", "report.json", "--memcap-metric", metric, "-k", "fine or over or killed")
    (pytester.path / "limits.toml").write_text(LIMITS)
    told = {
        name: CliRunner().invoke(cli, ["report", "--no-check", "report.json", "--format", name]).output
        for name in ("markdown", "terminal")
    }
    rows = [line.split("|") for line in told["markdown"].splitlines() if line.startswith("| `pytest.")]
    cells = {row[1].split("_")[3]: [cell.strip() for cell in row] for row in rows}
    table = [line for line in told["terminal"].splitlines() if line.endswith(("  completed", "failed", "cap_exceeded"))]

    assert len(cells) == len(table) == 3
    assert "| cell | rss peak | memory peak | memory rise | ending |" in told["markdown"]
    assert cells["fine"][4].startswith("47.")
    assert cells["over"][4].startswith("≥ 47.")
    assert cells["killed"][3].startswith("≥ ")
    assert (cells["fine"][2] == "-") is (metric == "tracemalloc")
    assert all(" MiB  " in line for line in table)


def test_no_memory_test_no_file(session: Session, pytester: pytest.Pytester) -> None:
    told = session("def test_a(): pass", "--memcap-report", "report.json")

    told.stdout.fnmatch_lines(["memcap: no memory test ran, so *report.json was not written"])
    assert not (pytester.path / "report.json").exists()


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_are_those_of_cells_and_differ_where_ids_do(one: str, other: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_]*", cell_name(one))
    assert (cell_name(one) == cell_name(other)) is (one == other)


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("tests/unit/test_a.py::TestB::test_c[x-1]", "test_a_testb_test_c_x_1_1fb5bc73"),
        ("test_a.py::test_b", "test_a_test_b_87454bc7"),
        ("test_a.py::test_fetch[https://a.b/c]", "test_a_test_fetch_https_a_b_c_788c5127"),
        ("tests/test_a.py::test_read[/etc/hosts]", "test_a_test_read_etc_hosts_35bf2a9c"),
        ("test_a.py::test_b[a::b/c]", "test_a_test_b_a_b_c_221c2926"),
        ("docs/index.rst", "index_rst_8d068e87"),
        ("/", "test_8a5edab2"),
    ],
)
def test_names_can_be_read(nodeid: str, name: str) -> None:
    assert cell_name(nodeid) == name  # a promise: baselines are found by it


def test_figures_pass_through_properties() -> None:
    figures = Figures(metric="rss", is_alone=True, start=1, peak=3, limit=5, ended="cap_exceeded")
    properties: list[tuple[str, object]] = [("mine", 1), ("memcap_peak", 99)]
    keep(properties, figures)

    assert figures_of(properties) == figures
    assert properties[0] == ("mine", 1)
    assert figures_of([("mine", 1)]) is None
