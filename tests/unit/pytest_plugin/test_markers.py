"""Markers and the fixture, in sessions of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.allow_processes

WARM_UPS = """
import functools
import pytest

@functools.lru_cache
def table(): return b"x" * 30_000_000

calls = []

@pytest.fixture
def made(tmp_path):
    return [tmp_path]

@pytest.mark.memory(growth_mb=5)
def test_cold():
    assert len(table())
    table.cache_clear()
    assert len(table())

@pytest.mark.memory(growth_mb=5, warmups=2)
def test_warm(made):
    made.append(1)
    calls.append(made)
    print("called")
    assert len(table.__wrapped__()) and len(kept())

@functools.lru_cache
def kept(): return b"y" * 30_000_000

def test_same_fixtures():
    assert len(calls) == 3
    assert len({id(made) for made in calls}) == 1

@pytest.mark.memory(growth_mb=5, warmups=1)
def test_leak(): leaked.append(b"x" * 30_000_000)

leaked = []

@pytest.mark.memory(warmups=1)
def test_not_twice(tmp_path): (tmp_path / "folder").mkdir()

@pytest.mark.memory(warmups=3)
def test_failing(): assert 1 == 2

@pytest.mark.memory(warmups=1)
def test_skipped(): pytest.skip("not here")
"""

DEFAULT = """
import pytest
from memcap.testing import memory_limit

def spike(megabytes):
    data = b"x" * (megabytes * 1_000_000)

def test_within(): spike(20)
def test_over(): spike(80)

@pytest.mark.memory(max_mb=120)
def test_own_limit(): spike(80)

@pytest.mark.memory(max_mb=None)
def test_no_limit(): spike(80)

@pytest.mark.memory(growth_mb=10)
def test_other_limit(): spike(80)

@memory_limit(max_mb=200)
def test_apart(): spike(80)

def test_tracker(memory_tracker): spike(80)
"""

CATEGORIES = """
import pytest

@pytest.mark.memory
def test_short(): pass

@pytest.mark.memory
@pytest.mark.memory_intensive
def test_long(): pass

def test_other(): pass
"""

LIMITS = """
import pytest

def spike(megabytes):
    data = b"x" * (megabytes * 1_000_000)

@pytest.mark.memory(max_mb=40)
class TestClass:
    def test_within(self): spike(20)
    def test_over(self): spike(80)
    @pytest.mark.memory(max_mb=120)
    def test_nearer_marker_wins(self): spike(80)

kept = []

@pytest.mark.memory(growth_mb=10)
def test_kept(): kept.append(b"x" * 30_000_000)

@pytest.mark.memory(growth_mb=10)
@pytest.mark.parametrize("again", range(3))
def test_given_back(again): spike(30)

@pytest.mark.memory(max_mb=40)
@pytest.mark.parametrize("megabytes", [10, 90])
def test_parameters(megabytes): spike(megabytes)

@pytest.mark.xfail(strict=True, reason="known")
@pytest.mark.memory(max_mb=40)
def test_known(): spike(80)

@pytest.mark.memory(max_mb=1)
def test_own_failure_comes_first():
    spike(30)
    assert 1 == 2

@pytest.mark.memory(max_mb=20)
@pytest.mark.memory_intensive
def test_skipped(): pytest.skip("not today")
"""

TRACKER = """
import unittest
import pytest

def test_bounded(memory_tracker):
    data = b"x" * 50_000_000
    del data
    memory_tracker.checkpoint("used")
    memory_tracker.assert_bounded(max_mb=10)

def test_fine(memory_tracker):
    for epoch in range(3):
        memory_tracker.checkpoint(f"epoch {epoch}")
    memory_tracker.assert_stable(tolerance_mb=5)
    memory_tracker.assert_bounded(max_mb=20)
    assert abs(memory_tracker.get_delta_mb()) < 20

@pytest.mark.memory(metric="tracemalloc", growth_mb=1)
def test_traced(memory_tracker):
    assert memory_tracker.metric == "tracemalloc"
    kept.append([str(number) * 10 for number in range(20_000)])

class TestUnittest(unittest.TestCase):
    @pytest.mark.memory(max_mb=20)
    def test_marker(self):
        data = b"x" * 50_000_000

kept = []
"""


def test_categories_select_as_usual(session: Session) -> None:
    result = session(CATEGORIES, "-m", "memory and not memory_intensive", "-v")

    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["*test_short PASSED*"])


def test_the_markers_are_listed(session: Session) -> None:
    session("", "--markers").stdout.fnmatch_lines(
        ["@pytest.mark.memory(*", "@pytest.mark.memory_intensive(*", "@pytest.mark.memory_limit(max_mb)*"]
    )


def test_limits_of_markers_are_enforced(session: Session) -> None:
    result = session(LIMITS, "-rfs")

    result.assert_outcomes(passed=6, failed=4, xfailed=1, skipped=1)
    result.stdout.fnmatch_lines_random(
        [
            "memory rose by * MB, over the limit of 40 MB",
            "memory grew by * MB that is still held, over the limit of 10 MB",
            "metric: rss (resident memory of the process that runs the test, and of its children; *",
            "start * MB",
            "end of test * MB *",
            "To see what grew: pytest 'test_it.py::test_kept' --memcap-metric tracemalloc",
            "FAILED test_it.py::TestClass::test_over - *",
            "FAILED test_it.py::test_kept - *",
            "FAILED test_it.py::test_parameters[[]90[]] - *",
            "FAILED test_it.py::test_own_failure_comes_first - assert 1 == 2",
            "*Captured memory call*",
        ]
    )


def test_the_fixture_tracks_and_asserts(session: Session) -> None:
    result = session(TRACKER)

    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "E*AssertionError: memory rose by * MB, over the limit of 10 MB",
            "E*used * MB *",
            "what grew since the start and is still held:",
            "*kept.append([[]str(number) * 10 for number in range(20_000)[]])",
            "*test_it.py::TestUnittest::test_marker*",
        ]
    )
    result.stdout.no_fnmatch_line("*tracker.py*")  # the traceback ends in the test


def test_a_test_can_be_called_before_it_is_measured(session: Session) -> None:
    result = session(WARM_UPS, "-rf")

    result.assert_outcomes(passed=2, failed=4, skipped=1)
    result.stdout.fnmatch_lines_random(
        [
            "FAILED test_it.py::test_cold - *",
            "FAILED test_it.py::test_leak - *",
            "FAILED test_it.py::test_not_twice - FileExistsError*",
            "the test was called once before it was measured (warmups=1), with the same fixtures",
            "FAILED test_it.py::test_failing - assert 1 == 2",
            "this was call 1 of 3 to warm up (warmups=3)",
        ]
    )
    result.stdout.no_fnmatch_line("called")


def test_a_default_limit_holds_for_all_tests(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmemcap_max_mb = 40")
    result = session(DEFAULT, "-rf")

    result.assert_outcomes(passed=4, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "memory rose by * MB, over the limit of 40 MB (memcap_max_mb)",
            "FAILED test_it.py::test_over - *",
            "FAILED test_it.py::test_other_limit - *",
            "FAILED test_it.py::test_tracker - *",
        ]
    )
    session(DEFAULT, "-o", "memcap_max_mb=100").assert_outcomes(passed=7)


def test_with_a_default_limit_only_memory_tests_run_apart(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmemcap_max_mb = 40")
    source = """
        import pytest
        def test_b(): seen.append(1)
        def test_c(): assert seen
        @pytest.mark.memory
        def test_d(): assert not seen
        seen = []
        """
    session(source, "--memcap-runs", "1").assert_outcomes(passed=3)


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 9 reads native TOML")
@pytest.mark.parametrize(("value", "passed"), [("40", 0), ("40.5", 0), ("100", 1)])
def test_a_default_limit_can_be_a_number_of_toml(
    session: Session, pytester: pytest.Pytester, value: str, passed: int
) -> None:
    (pytester.path / "pytest.toml").write_text(f"[pytest]\nmemcap_max_mb = {value}\n")

    session("def test_a(): b'x' * 80_000_000").assert_outcomes(passed=passed, failed=1 - passed)


@pytest.mark.parametrize("value", ["much", "200MB", "-1", "0", "inf", "nan"])
def test_a_default_limit_that_is_none_is_refused(session: Session, pytester: pytest.Pytester, value: str) -> None:
    pytester.makeini(f"[pytest]\nmemcap_max_mb = {value}")
    result = session("def test_a(): pass")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: memcap_max_mb = {value}: this is no number of MB above 0, such as 200"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def test_a(memory_tracker): pass", "*warmups come too late for memory_tracker*"),
        (
            "import unittest\nclass TestIt(unittest.TestCase):\n    def test_a(self): pass",
            "*unittest cannot be called*",
        ),
    ],
)
def test_what_cannot_be_called_twice_is_refused(session: Session, source: str, message: str) -> None:
    result = session(f"import pytest\npytestmark = pytest.mark.memory(warmups=1)\n{source}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_the_metric_can_be_chosen_for_all(session: Session, pytester: pytest.Pytester) -> None:
    source = "def test_it(memory_tracker): assert memory_tracker.metric == {!r}"
    assert session(source.format("tracemalloc"), "--memcap-metric", "tracemalloc").ret == 0

    pytester.makeini("[pytest]\nmemcap_metric = tracemalloc")
    assert session(source.format("tracemalloc")).ret == 0
    assert session(source.format("rss"), "--memcap-metric", "rss").ret == 0


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("memory(50)", "its arguments have names, such as max_mb=50"),
        ("memory(mb=50)", "it has no mb; it has max_mb, growth_mb, metric, warmups"),
        ("memory(max_mb='50')", "max_mb='50' is no number of MB"),
        ("memory_intensive(max_mb=-1)", "max_mb=-1 is no number of MB"),
        ("memory(metric='pss')", "there is no metric 'pss'; use one of rss, tracemalloc, cgroup"),
        ("memory(warmups=1.5)", "warmups=1.5 is no number of calls"),
        ("memory(warmups=-1)", "warmups=-1 is no number of calls"),
        ("memory_limit", "it has one argument, max_mb"),
        ("memory_limit(max_mb=0)", "max_mb must be above 0"),
    ],
)
def test_markers_that_mean_nothing_are_refused(pytester: pytest.Pytester, marker: str, message: str) -> None:
    from memcap.pytest_plugin.settings import check_markers

    item = pytester.getitem(f"import pytest\n@pytest.mark.{marker}\ndef test_func(): pass")
    with pytest.raises(pytest.UsageError) as caught:
        check_markers([item])

    assert message in str(caught.value)


def test_a_session_with_a_wrong_marker_runs_nothing(session: Session) -> None:
    result = session("import pytest\n@pytest.mark.memory(50)\ndef test_a(): pass\ndef test_b(): pass")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: test_it.py::test_a: marker memory: its arguments have names*"])


def test_a_metric_that_cannot_be_measured_is_a_failure(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import memcap.testing.meters
        from memcap.errors import MemcapError

        def own_cgroup():
            raise MemcapError("the metric cgroup cannot be measured: as a test", remedy="Measure rss.")

        memcap.testing.meters.own_cgroup = own_cgroup
        """
    )
    result = session("import pytest\n@pytest.mark.memory(metric='cgroup')\ndef test_a(): pass")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the metric cgroup cannot be measured: as a test", "*Measure rss."])


def test_a_session_without_memory_tests_loads_next_to_nothing(session: Session) -> None:
    result = session(
        """
        import sys
        def test_it():
            ours = [name for name in sys.modules if name.startswith("memcap")]
            assert set(ours) <= {"memcap", "memcap.pytest_plugin", "memcap.pytest_plugin.settings"}
            assert "psutil" not in sys.modules
        """
    )

    result.assert_outcomes(passed=1)
