"""`memcap images`: what is shown of the images of a project, built or not, and which of them a command means."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from memcap.cli.images import command
from memcap.images.inventory import Built
from memcap.model import ImageFacts, ImageSource

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


WITH_SERVICE = {
    "limits.toml": '[caps]\n1g = "1GiB"\n[profiles.quick]\n',
    "images/py312/Dockerfile": "FROM scratch\n",
    "suites/web/suite.toml": '[services.cache]\npackage = "redis-server"\ncommand = ["redis-server"]\n'
    '[benchmarks.web]\nkind = "server"\ncommand = ["serve"]\nready = "tcp://localhost:80"\n'
    'load = "GET / rate=1 for 2s"\nservices = ["cache"]\n',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with one image, and a service that is a Debian package."""
    for name, text in WITH_SERVICE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_image_of_a_package_is_listed_before_it_is_built(built: list[Built], project: Path) -> None:
    def listed() -> str:
        done = CliRunner().invoke(command, ["list", "-C", str(project)], env={"COLUMNS": "300"})
        return next(line for line in done.stdout.splitlines() if "debian/redis-server" in line)

    assert "`memcap images build debian/redis-server` builds it" in listed()
    reference, origin = "memcap/debian-redis-server:0123456789ab", "Debian bookworm, redis-server 5:7.0.15-1"
    built.append(
        Built(
            kind="image",
            image="debian/redis-server",
            suite="",
            reference=reference,
            id="sha256:1",
            origin=origin,
            size_bytes=1,
            created=1.0,
        )
    )
    assert reference in listed()
    assert origin in listed()


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("build",), ["py312"]),
        (("build", "debian/redis-server"), ["debian/redis-server"]),
        (("save", "images.tar"), ["py312", "debian/redis-server"]),
    ],
)
def test_which_images_a_command_means(
    project: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], names: list[str]
) -> None:
    meant: list[str] = []

    def hear(_: object, sources: list[ImageSource], *__: object, **___: object) -> list[ImageFacts]:
        meant.extend(source.name for source in sources)
        return []

    monkeypatch.setattr("memcap.images.build.build_images", hear)
    monkeypatch.setattr("memcap.images.keep.save_images", hear)
    done = CliRunner().invoke(command, [*words, "-C", str(project)], catch_exceptions=False)
    assert done.exit_code == 0
    assert meant == names
