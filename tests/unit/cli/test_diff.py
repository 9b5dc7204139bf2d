"""``memcap diff`` on stored profiles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from profiles import MIB, frame, make_profile, site
from projects import make_project

from memcap.cli.diff import command
from memcap.errors import FileFormatError, UsageError
from memcap.model import Frame, ProfileTool
from memcap.profile_diff import diff_profiles
from memcap.store import save_profile
from memcap.workflows.diff import places_of_lines


@pytest.fixture
def profiles(tmp_path: Path) -> tuple[Path, Path]:
    """Return two stored profiles: the second allocates 16 MiB more in a line of the suite agents."""
    line = frame(2, file="/memcap/suite/work.py")
    paths = tmp_path / "old" / "profile.json", tmp_path / "new.json"
    for path, size in zip(paths, (4, 20), strict=True):
        text = f"data = bytes({size} << 20)"
        profile = make_profile(site(size * MIB, line), texts={line: text}, subject="agents.llm-py312-128m")
        path.parent.mkdir(exist_ok=True)
        save_profile(profile, path)
    return paths[0].parent, paths[1]


def diff(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_a_folder_and_a_file_are_compared(profiles: tuple[Path, Path]) -> None:
    found = diff(*profiles)

    assert found.exit_code == 0, found.output
    assert "memray counted 16.0 MiB more after (20.0 MiB) than before (4.0 MiB)" in found.output
    assert json.loads(diff(*profiles, "--json").output)["delta_bytes"] == 16 * MIB


def test_all_forms_are_written_at_once(profiles: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for _ in range(2):  # they are replaced
        assert diff(*profiles, "--output", folder).exit_code == 0

    assert {path.name for path in folder.iterdir()} == {
        "diff.txt", "diff.md", "diff.html", "diff.json", "diff.sarif"
    }  # fmt: skip
    assert (folder / "diff.txt").read_text() == diff(*profiles).output


def test_a_page_beside_what_is_printed(profiles: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = diff(*profiles, "--report", f"html={page}", "--json")

    assert json.loads(found.stdout)["delta_bytes"] == 16 * MIB
    assert '<svg class="chart wide"' in page.read_text(encoding="utf-8")


def test_annotations_are_at_the_lines_of_the_suite(profiles: tuple[Path, Path], tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    work = root / "suites" / "agents" / "work.py"
    work.write_text("def load():\n    data = bytes(20 << 20)\n")

    assert "file=suites/agents/work.py,line=2," in diff(*profiles, "--format", "github", "--project", root).output
    sarif = json.loads(diff(*profiles, "--format", "sarif", "--project", root).output)
    (location,) = sarif["runs"][0]["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "suites/agents/work.py"

    work.write_text("# another version\ndef load():\n")
    assert "file=" not in diff(*profiles, "--format", "github", "--project", root).output


def test_files_of_an_image_are_found_by_the_end_of_their_path(tmp_path: Path) -> None:
    text = "data = bytes(8 << 20)"
    lines = [
        frame(1, file="/app/src/shop/cart.py"),
        frame(1, file="/app/other.py"),
        frame(1, file="/app/../cart.py"),
        frame(9, file="/srv/src/shop/cart.py"),
        Frame(file="<string>", line=1, function="f"),
    ]
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "cart.py").write_text(f"{text}\n")
    (tmp_path / "cart.py").write_text(f"{text}\n")
    after = make_profile(*(site(MIB, line) for line in lines), texts=dict.fromkeys(lines, text))
    found = places_of_lines(diff_profiles(make_profile(), after), suites={}, top=tmp_path)

    assert {line.file: place.file for line, place in found.items()} == {"/app/src/shop/cart.py": "src/shop/cart.py"}


def test_what_cannot_be_compared_is_refused(profiles: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "traces.json"
    save_profile(make_profile(tool=ProfileTool.TRACEMALLOC), other)
    assert isinstance(diff(profiles[0], other).exception, UsageError)

    other.write_text("{}")
    assert isinstance(diff(profiles[0], other).exception, FileFormatError)
