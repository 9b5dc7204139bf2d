"""Why a program could not be started: what is wrong with it, where, and what to do."""

from __future__ import annotations

import pytest

from factories import make_report
from memcap.measuring.refused import why_refused
from memcap.model import ENTRYPOINT_OF_IMAGE, Ending, Origin, ProgramFault, remedy_of
from memcap.probe.report import parse_report


def _why(program: str, **changes: object) -> str:
    return why_refused(parse_report(make_report(**changes)), program)


@pytest.mark.parametrize(
    ("program", "problem", "needs", "number", "words"),
    [
        ("foo", "missing", "/usr/bin:/bin", 2, "program not found in the image: 'foo' is not in PATH (/usr/bin, /bin)"),
        ("./foo", "missing", None, 2, "program not found in the image: './foo' does not exist"),
        ("/etc", "directory", None, 13, "'/etc' is a directory, not a program"),
        ("a.py", "not_executable", None, 13, "'a.py' is not executable"),
        ("a.sh", "interpreter", "/bin/ksh", 2, "'a.sh' needs the interpreter '/bin/ksh', which is not in the image"),
        (
            "a.sh",
            "interpreter",
            "/etc",
            13,
            "'a.sh' needs the interpreter '/etc', which cannot be used (Permission denied)",
        ),
        ("a.sh", "line_ends", "/bin/sh", 2, "'a.sh' has Windows line ends"),
        ("app", "loader", "/lib64/ld.so", 2, "'app' needs the loader '/lib64/ld.so', which is not in the image"),
        ("app", "architecture", "aarch64", 8, "'app' is built for another architecture (aarch64)"),
        ("app", "architecture", None, 8, "'app' is built for another architecture"),
        ("data", "format", None, 8, "'data' is neither a binary nor a script"),
        ("data", "of a newer supervisor", None, 8, "data: Exec format error"),
        ("data", None, None, 2**40, f"data: error {2**40}"),
    ],
)
def test_what_is_wrong_is_said(program: str, problem: str | None, needs: str | None, number: int, words: str) -> None:
    assert _why(program, exec_errno=number, exec_problem=problem, exec_needs=needs) == words


def test_without_a_container_it_is_this_machine_that_lacks_it() -> None:
    why = _why("foo", exec_errno=2, exec_problem="missing", exec_needs="/bin", apart=None)
    assert why.startswith("program not found on this machine")


@pytest.mark.parametrize("refusal", ProgramFault)
def test_each_has_a_remedy_that_fits_where_the_user_is(refusal: ProgramFault) -> None:
    detail = _why("app", exec_errno=2, exec_problem=refusal.value, exec_needs="/x")
    assert refusal.remedy in remedy_of(Ending.LOAD_FAILED, f"{ENTRYPOINT_OF_IMAGE}: {detail}", Origin.COMMAND)
    assert remedy_of(Ending.LOAD_FAILED, detail, Origin.COMMAND) == refusal.remedy
    assert "suite.toml" in remedy_of(Ending.LOAD_FAILED, detail, Origin.SUITE)
