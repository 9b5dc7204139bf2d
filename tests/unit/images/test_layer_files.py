from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

import memcap
from memcap.errors import BuildError
from memcap.images.archive import Tree
from memcap.images.layer import SUPERVISOR_UID, add_suite_files
from memcap.model import CaveatKind


def files(directory: Path) -> dict[str, bytes]:
    """Return what of the suite would go into the container: path -> content."""
    tree, stream = Tree(), io.BytesIO()
    add_suite_files(tree, directory)
    tree.write(stream)
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar if info.isfile()}  # type: ignore[union-attr]


def test_a_workload_finds_its_code_and_data_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "work.py", "package/__init__.py", "data/ü and space\n.bin", "suite.toml", "requirements.txt", "README.md",
        ".secret", ".git/config", "__pycache__/work.pyc", "package/__pycache__/x.pyc",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)

    assert set(files(tmp_path)) == {
        "memcap/suite/work.py",
        "memcap/suite/package/__init__.py",
        "memcap/suite/data/ü and space\n.bin",
    }


def test_an_empty_suite_has_its_folder_all_the_same(tmp_path: Path) -> None:
    tree = Tree()
    add_suite_files(tree, tmp_path)

    assert "memcap/suite" in tree


def test_a_link_within_the_suite_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("real")
    (tmp_path / "link.py").symlink_to("real.py")

    assert files(tmp_path)["memcap/suite/link.py"] == b"real"


@pytest.mark.parametrize("target", ["../outside", "../folder", "gone", "/etc/hostname", "link"])
def test_no_link_leads_out(tmp_path: Path, target: str) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "folder").mkdir()
    (suite / "link").symlink_to(target)

    with pytest.raises(BuildError, match="link"):
        files(suite)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs")
def test_what_is_no_file_is_refused_instead_of_read_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BuildError, match="neither a file nor a folder"):
        files(tmp_path)


def test_the_supervisors_folder_is_of_the_user_that_it_becomes() -> None:
    source = (Path(memcap.__file__).parent / "probe" / "csrc" / "apart.h").read_text()
    assert f"OWN_ID = {SUPERVISOR_UID}," in source
    assert str(SUPERVISOR_UID) in CaveatKind.WITHIN_REACH.remedy
