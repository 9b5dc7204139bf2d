"""Lock files: one version for all Pythons where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_wheels import make_wheel

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


@pytest.mark.allow_processes
class TestLock:
    def lock(self, tmp_path: Path, wanted: str) -> str:
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(wanted)
        package = Package(path=tmp_path, project=tmp_path)
        return lock_dependencies(package, requirements, ("3.12", "3.10"), say=lambda _: None)

    def test_all_pythons_get_the_versions_of_the_oldest(self, tmp_path: Path, wheels: Path) -> None:
        for version in ("1.0", "2.0"):
            make_wheel(wheels, "demo", version=version, requires='backport; python_version < "3.11"')
        make_wheel(wheels, "backport", version="0.5")

        assert self.lock(tmp_path, "demo<2\n") == 'backport==0.5 ; python_version == "3.10"\ndemo==1.0\n'

    def test_a_need_that_nothing_meets_is_said(self, tmp_path: Path, wheels: Path) -> None:
        make_wheel(wheels, "demo")

        with pytest.raises(BuildError, match=r"no wheel of demo>=2 for CPython 3\.10\.0"):
            self.lock(tmp_path, "demo>=2\n")

    def test_what_the_wheels_of_a_folder_need(self, tmp_path: Path, wheels: Path) -> None:
        dist = tmp_path / "dist"
        dist.mkdir()
        make_wheel(dist, "shop", "cp313-cp313-linux_x86_64", requires='demo; python_version < "3.11"')
        make_wheel(wheels, "demo")
        package = Package(path=dist, project=tmp_path)

        lines = lock_dependencies(package, None, ("3.12", "3.10"), say=lambda _: None)

        assert lines == 'demo==1.0 ; python_version == "3.10"\n'

    def test_no_needs_no_lines(self, tmp_path: Path) -> None:
        package = Package(path=tmp_path, project=tmp_path)

        assert lock_dependencies(package, None, ("3.12",), say=lambda _: None) == ""
