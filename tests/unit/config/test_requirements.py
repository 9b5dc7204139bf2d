"""Which lines of a requirements.txt are pinned."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.config.requirements import check_requirements


def lines_of_problems(folder: Path, text: str) -> list[int | None]:
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    return [problem.line for problem in check_requirements(folder, Path("requirements.txt"))]


@pytest.mark.parametrize(
    "line",
    [
        "six==1.17.0",
        "  zope.interface == 7.2  # why",
        "a==1",
        "torch==2.5.0+cpu",
        "old==1!2.0rc1",
        "uvicorn[standard,x]==0.32.0",
        "tomli==2.1.0 ; python_version < '3.11'",
        'backports==1.0; python_version < "3.9" and sys_platform == "linux"',
        "six==1.17.0 --hash=sha256:abc --hash=sha256:def",
        "six==1.17.0 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def",
        "",
        "   # only a comment",
    ],
)
def test_pinned_lines(tmp_path: Path, line: str) -> None:
    assert lines_of_problems(tmp_path, f"{line}\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "six>=1.17.0",
        "six==1.*",
        "six===1.17.0",
        "six==1.0,<2",
        "six~=1.17",
        "-r other.txt",
        "-e .",
        "--extra-index-url https://example.invalid",
        "six @ https://example.invalid/six.whl",
        "./six.whl",
        "six==1.0 # fine\nsix==",
    ],
)
def test_lines_that_are_not_pinned(tmp_path: Path, line: str) -> None:
    assert lines_of_problems(tmp_path, f"# lock\n{line}\n") == [2 + line.count("\n")]


def test_a_continued_line_is_shown_where_it_begins(tmp_path: Path) -> None:
    assert lines_of_problems(tmp_path, "a==1 \\\n  --hash=sha256:x\nb \\\n  --hash=sha256:y\nc==1\n") == [3]


@given(st.lists(st.sampled_from(["a==1", "b", "# c", "", "d==2 ; x"]), max_size=8))
def test_each_unpinned_line_is_one_problem(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    folder = tmp_path_factory.mktemp("suite")
    expected = [number for number, line in enumerate(lines, start=1) if line == "b"]
    assert lines_of_problems(folder, "\n".join(lines)) == expected
