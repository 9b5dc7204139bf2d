"""Lock files: one version for all Pythons where there is one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from memcap.config.requirements import check_requirements
from memcap.errors import BuildError
from memcap.images.locking import lock_dependencies, lock_lines
from memcap.model import Package


def test_a_version_of_some_pythons_has_a_marker(tmp_path: Path) -> None:
    lines = lock_lines({
        "3.10": {"anyio": "4.0", "tomli": "2.0", "numpy": "2.2"},
        "3.11": {"anyio": "4.0", "numpy": "2.4"},
        "3.12": {"anyio": "4.0", "numpy": "2.4"},
    })  # fmt: skip

    assert lines.splitlines() == [
        "anyio==4.0",
        'numpy==2.2 ; python_version == "3.10"',
        'numpy==2.4 ; python_version == "3.11" or python_version == "3.12"',
        'tomli==2.0 ; python_version == "3.10"',
    ]
    (tmp_path / "locked.txt").write_text(lines)
    assert check_requirements(tmp_path, Path("locked.txt")) == []


def make_wheel(folder: Path, name: str, version: str, *metadata: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        lines = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata)
        wheel.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")


@pytest.mark.allow_processes
class TestLock:
    def lock(self, tmp_path: Path, wanted: str) -> str:
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(wanted)
        package = Package(directory=tmp_path, project=tmp_path)
        return lock_dependencies(package, requirements, ("3.12", "3.10"), say=lambda _: None)

    def test_all_pythons_get_the_versions_of_the_oldest(self, tmp_path: Path, wheels: Path) -> None:
        for version in ("1.0", "2.0"):
            make_wheel(wheels, "demo", version, 'Requires-Dist: backport; python_version < "3.11"')
        make_wheel(wheels, "backport", "0.5")

        assert self.lock(tmp_path, "demo<2\n") == 'backport==0.5 ; python_version == "3.10"\ndemo==1.0\n'

    def test_a_need_that_nothing_meets_is_said(self, tmp_path: Path, wheels: Path) -> None:
        make_wheel(wheels, "demo", "1.0")

        with pytest.raises(BuildError, match=r"no wheel of demo>=2 for CPython 3\.10\.0"):
            self.lock(tmp_path, "demo>=2\n")

    def test_no_needs_no_lines(self, tmp_path: Path) -> None:
        package = Package(directory=tmp_path, project=tmp_path)

        assert lock_dependencies(package, None, ("3.12",), say=lambda _: None) == ""
