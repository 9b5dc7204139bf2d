"""memory_limit: tests in processes of their own, ended for real."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ending_early import ending_early

from memcap.pytest_plugin.isolation import Isolation

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.allow_processes

KILLED = """
import subprocess
import sys
import pytest
from memcap.testing import memory_limit

@memory_limit(max_mb=100)
def test_creeping():
    print("what it said before")
    data = []
    for _ in range(300):
        data.append(b"x" * 1_000_000)

@memory_limit(max_mb=100)
def test_spike():
    data = b"x" * 200_000_000

@memory_limit(max_mb=100)
def test_at_once():
    data = b"x" * 3_000_000_000

@memory_limit(max_mb=100)
def test_child():
    hungry = "data = b'x' * 150_000_000; import time; time.sleep(30)"
    subprocess.run([sys.executable, "-c", hungry], check=True)

@pytest.fixture
def large():
    return [b"x" * 1_000_000 for _ in range(300)]

@memory_limit(max_mb=100)
def test_fixture(large): pass

@pytest.mark.xfail(reason="known")
@memory_limit(max_mb=100)
def test_known():
    data = [b"x" * 1_000_000 for _ in range(300)]

def test_after(): pass
"""

WELL = """
import os
import sys
import pytest
from memcap.testing import memory_limit

pytestmark = pytest.mark.memory_limit(max_mb=150)

@pytest.fixture(scope="module")
def shared():
    return os.getpid()

class TestClass:
    @pytest.fixture
    def value(self): return 3
    @pytest.mark.parametrize("number", [1, 2], ids=["a/b::c", "[x]"])
    def test_parameters(self, number, value, shared, tmp_path):
        assert shared == os.getpid() != PARENT
        (tmp_path / "file").write_text("x")
        assert number + value in (4, 5)

def test_output():
    print("to stdout"); print("to stderr", file=sys.stderr)
    assert [1, 2] == [1, 3]

def test_skip(): pytest.skip("not here")

@pytest.mark.xfail
def test_expected(): assert False

def test_exit(): os._exit(3)

def test_capsys(capsys):
    print("seen")
    assert capsys.readouterr().out == "seen\\n"

def test_warns():
    import warnings
    warnings.warn("careful", UserWarning)

PARENT = int(os.environ["PARENT_PID"])
"""

ORPHANS = """
import os
import pathlib
import time
import pytest
from memcap.testing import memory_limit

def leave_behind(size, seconds):
    if os.fork():
        os.wait()
        return
    if os.fork():
        os._exit(0)
    os.setsid()
    pathlib.Path("orphan").write_text(str(os.getpid()))
    data = b"x" * size
    time.sleep(seconds)
    os._exit(0)

@memory_limit(max_mb=100)
def test_waits():
    leave_behind(300_000_000, 600)
    time.sleep(60)

@memory_limit(max_mb=100)
def test_returns():
    leave_behind(300_000_000, 600)
    time.sleep(0.05)

@memory_limit(max_mb=100)
def test_small():
    leave_behind(10_000_000, 0.5)
    assert not list(pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())

@pytest.mark.memory(max_mb=20)
def test_here():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
"""

TEARDOWN = """
import pytest
from memcap.testing import memory_limit

@pytest.fixture(scope="module", autouse=True)
def around():
    print("module up")
    yield
    print("module down")

def test_here(): pass

@memory_limit(max_mb=200)
def test_apart(): pass
"""


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that merely was not waited for does not."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def test_a_test_over_its_limit_is_one_failure(session: Session) -> None:
    result = session(KILLED, "-rfx")

    result.assert_outcomes(passed=1, failed=4, errors=1, xfailed=1)
    result.stdout.fnmatch_lines_random(
        [
            "memory_limit: the process of this test held 1??.* MB, over its limit of 100.0 MB, and was ended in call",
            "Current thread * (most recent call first):",
            '  File "*test_it.py", line * in test_creeping',
            "what it said before",
            "E * MemoryError",
            "memory_limit: the process of this test is held to 100 MB",
            "memory_limit: * and was ended in setup",
            "FAILED test_it.py::test_child - memory_limit: *",
            "FAILED test_it.py::test_spike - memory_limit: *",
        ]
    )
    result.stdout.no_fnmatch_line("*_pytest*")


def test_tests_within_their_limit_are_as_they_were(
    session: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("PARENT_PID", str(os.getpid()))
    pytester.makeini("[pytest]\naddopts = -v --maxfail=50 --junitxml=out.xml")
    result = session(WELL, "-k", "not nothing")

    result.assert_outcomes(passed=4, failed=2, skipped=1, xfailed=1, warnings=1)
    result.stdout.fnmatch_lines_random(
        [
            "E * assert [[]1, 2[]] == [[]1, 3[]]",
            "*Captured stdout call*",
            "to stdout",
            "*Captured stderr call*",
            "to stderr",
            "the process of this test ended in call with exit code 3 and no report",
            "*UserWarning: careful*",
        ]
    )
    text = (pytester.path / "out.xml").read_text(encoding="utf-8")
    assert 'tests="8"' in text
    assert '<property name="memcap_limit" value="150000000"' in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there are no subreapers")
def test_processes_that_left_their_parents_count(session: Session, pytester: pytest.Pytester) -> None:
    result = session(ORPHANS, "-W", "ignore", "-rf", "-k", "not small")

    result.assert_outcomes(failed=2, deselected=1, passed=1)
    result.stdout.fnmatch_lines_random(
        ["memory_limit: * over its limit of 100.0 MB, and was ended in call", "FAILED test_it.py::test_returns - *"]
    )
    assert not is_alive(int((pytester.path / "orphan").read_text()))
    session(ORPHANS, "-W", "ignore", "-k", "small").assert_outcomes(deselected=3, passed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_exit_code_0_proves_nothing(session: Session) -> None:
    result = session(ending_early("pytest.mark.memory_limit(max_mb=200)"), "-rA", "-W", "ignore")

    result.assert_outcomes(passed=2, failed=5, errors=1)  # one of the two was over before its teardown ended it
    result.stdout.fnmatch_lines_random(
        [
            "the process of this test ended in call with exit code 0 and no report",
            "the process of this test ended in teardown with exit code 0 and no report",
            "FAILED test_it.py::test_exit - *",
            "FAILED test_it.py::test_other_program - *",
            "FAILED test_it.py::test_sys_exit - SystemExit: 0",
            "FAILED test_it.py::test_end_of_session - *",
            "FAILED test_it.py::test_fork_that_comes_back - *",
            "ERROR test_it.py::test_torn_down - *",
            "PASSED test_it.py::test_child",
        ]
    )


def test_fixtures_of_other_tests_are_torn_down_in_order(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_next="def test_next(): pass")
    result = session(TEARDOWN, "-s", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=3)
    assert str(result.stdout).count("module down") == 2  # here and in the process of its own


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel ends children with their parents on Linux")
def test_a_test_does_not_outlive_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pathlib
        import time
        from memcap.testing import memory_limit
        @memory_limit(max_mb=200)
        def test_slow():
            pathlib.Path("pid.part").write_text(str(os.getpid()))
            pathlib.Path("pid.part").rename("pid")
            time.sleep(600)
        """
    )
    command = (sys.executable, "-m", "pytest", "-p", "memcap.pytest_plugin")
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL) as session:
        while not (pytester.path / "pid").exists():
            assert session.poll() is None
            time.sleep(0.05)
        child = int((pytester.path / "pid").read_text())
        session.kill()
    deadline = time.monotonic() + 30
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not is_alive(child)


def test_a_limit_below_what_the_imports_need_says_so(session: Session) -> None:
    result = session("from memcap.testing import memory_limit\n@memory_limit(max_mb=3)\ndef test_a(): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*was ended before the test began", "*needs more than the limit already*"])


def test_a_test_that_cannot_be_found_again_is_an_error(session: Session) -> None:
    result = session(
        """
        import os
        import pytest
        @pytest.mark.memory_limit(max_mb=200)
        @pytest.mark.parametrize("pid", [os.getpid()])
        def test_a(pid): pass
        """
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*was not found again: its id is another one each time*"])


def test_where_there_are_no_limits_tests_run_with_a_warning(pytester: pytest.Pytester) -> None:
    item = pytester.getitem("import pytest\n@pytest.mark.memory_limit(max_mb=5)\ndef test_func(): pass")
    item.config.option.memcap_runs = None
    isolation = Isolation(item.config, platform="win32")

    with pytest.warns(pytest.PytestWarning, match="memory_limit is skipped"):
        assert isolation.pytest_runtest_protocol(item, None) is None


def test_on_windows_memory_is_tracked_all_the_same(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import memcap.pytest_plugin.isolation as isolation
        isolation.Isolation.__init__.__kwdefaults__["platform"] = "win32"
        """
    )
    result = session(
        """
        import os
        import pytest
        from memcap.testing import memory_limit
        @memory_limit(max_mb=5)
        @pytest.mark.memory(max_mb=20)
        def test_a():
            data = b"x" * 50_000_000
        """
    )

    result.assert_outcomes(failed=1, warnings=1)
    result.stdout.fnmatch_lines(["memory rose by * MB, over the limit of 20 MB", "*memory_limit is skipped*"])
