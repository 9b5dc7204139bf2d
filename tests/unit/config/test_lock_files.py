"""Lock files of uv, Poetry and PEP 751."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from memcap.config.lock_files import is_lock_file, read_lock_file

UV = """\
version = 1
requires-python = ">=3.10"
[[package]]
name = "numpy"
version = "2.2.6"
source = { registry = "https://example.org/simple" }
resolution-markers = ["python_full_version < '3.11' and sys_platform == 'linux'", "python_full_version < '3.11'"]
[[package]]
name = "numpy"
version = "2.4.0"
resolution-markers = ["python_full_version >= '3.11'"]
[[package]]
name = "Typing_Extensions"
version = "4.12"
resolution-markers = ["python_full_version >= '3.11'"]
[[package]]
name = "shop"
source = { editable = "." }
"""
POETRY = """\
[[package]]
name = "numpy"
version = "1.26.4"
markers = "python_version < '3.11'"
[[package]]
name = "numpy"
version = "2.0.0"
markers = { main = "python_version >= '3.11'", dev = "python_version == '3.13'" }
[metadata]
lock-version = "2.1"
"""
PYLOCK = """\
lock-version = "1.0"
[[packages]]
name = "anyio"
version = "4.0"
marker = "'dev' in dependency_groups"
[[packages]]
name = "local"
directory = { path = "." }
"""


def lines(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "uv.lock").write_text(text)
    found, problems = read_lock_file(folder, Path("uv.lock"))
    assert problems == []
    return found


def test_uv(tmp_path: Path) -> None:
    below = 'python_full_version < "3.11"'

    assert lines(tmp_path, UV) == (
        f'numpy==2.2.6 ; ({below} and sys_platform == "linux") or ({below})',
        'numpy==2.4.0 ; (python_full_version >= "3.11")',
        "typing-extensions==4.12",
    )


def test_poetry(tmp_path: Path) -> None:
    assert lines(tmp_path, POETRY) == (
        'numpy==1.26.4 ; (python_version < "3.11")',
        'numpy==2.0.0 ; (python_version >= "3.11") or (python_version == "3.13")',
    )


def test_pep_751(tmp_path: Path) -> None:
    assert lines(tmp_path, PYLOCK) == ("anyio==4.0",)


@pytest.mark.parametrize("marker", ["", "markers = 'extra == \"gpu\"'", "markers = 'nonsense'", "markers = [1]"])
def test_versions_that_cannot_be_told_apart_contradict_each_other(tmp_path: Path, marker: str) -> None:
    entry = '[[package]]\nname = "torch"\nversion = "{}"\n' + marker + "\n"

    assert lines(tmp_path, entry.format("2.5") + entry.format("2.6")) == ("torch==2.5", "torch==2.6")


def test_all_that_is_no_version_is_said(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(
        '[[package]]\nname = "a"\nversion = "new"\n[[package]]\nname = "-r /etc/x"\nversion = "1"\n'
    )

    found, problems = read_lock_file(tmp_path, Path("uv.lock"))

    assert found == ()
    assert list(map(str, problems)) == [
        "uv.lock:1: package.0: expected a name and a version, got 'a' and 'new'",
        "uv.lock:4: package.1: expected a name and a version, got '-r /etc/x' and '1'",
    ]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("uv.lock", True), ("pylock.toml", True), ("pylock.ci.toml", True), ("pyproject.toml", False), ("a.lock", False)],
)
def test_lock_files_are_known_by_their_names(name: str, is_one: bool) -> None:
    assert is_lock_file(Path("sub") / name) is is_one


def toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.sampled_from(
        ["numpy", "1.0", " 1.0rc1\n", "1!2.0+cpu", "python_version < '3.11'", "python_version < 'a\n-r b'"]
    ),
)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5))
def test_every_line_pins_one_version(packages: list[tuple[str, str, str]]) -> None:
    entries = (
        f"[[package]]\nname = {toml(name)}\nversion = {toml(version)}\nmarkers = {toml(marker)}\n"
        for name, version, marker in packages
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "uv.lock").write_text("".join(entries), encoding="utf-8", newline="")
        found, problems = read_lock_file(Path(folder), Path("uv.lock"))

    assert len(found) + len(problems) <= len(packages)
    for line in found:
        assert len(line.splitlines()) == 1
        [specifier] = Requirement(line).specifier
        assert specifier.operator == "=="
