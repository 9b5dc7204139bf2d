"""`memcap images list`: what is shown of the images of a project, built or not."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from memcap.cli.images import command
from memcap.images.inventory import Built

LIMITS = '[caps]\n1g = "1GiB"\n\n[profiles.quick]\n\n[images.prod]\ndockerfile = "gone/Dockerfile"\n'


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Built]:
    """Return what is on the daemon."""
    there: list[Built] = []
    monkeypatch.setattr("memcap.engine.docker_client.connect", Mock())
    monkeypatch.setattr("memcap.images.inventory.find_built", lambda _: there)
    return there


@pytest.mark.usefixtures("built")
def test_a_missing_dockerfile_is_said(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(LIMITS)
    (tmp_path / "images/py312").mkdir(parents=True)
    (tmp_path / "images/py312/Dockerfile").write_text("FROM scratch\n")
    done = CliRunner().invoke(command, ["list", "--project", str(tmp_path)], env={"COLUMNS": "300"})
    assert done.exit_code == 0
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert "`memcap images build` builds it" in lines["py312"]
    assert f"there is no file {tmp_path.resolve()}/gone/Dockerfile" in lines["prod"]
