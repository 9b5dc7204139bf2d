"""An image of a Debian package: what it is called, where it comes from, and what is said when it cannot be made."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from subprocess import CompletedProcess
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

from factories import make_environment
from memcap.errors import BuildError
from memcap.images import debian_package as subject
from memcap.images.debian_package import DebianPackage, debian_package, make_package_image, own_mirrors, package_version

if TYPE_CHECKING:
    from docker import DockerClient

REDIS = DebianPackage(image="debian/redis-server", name="redis-server", release="bookworm", architecture="amd64")
CLIENT = cast("DockerClient", None)
STATUS = """\
Package: redis
Status: install ok installed
Version: 5:7.0.15-1
Description: a data store
 Version: none of this line

Package: redis-server
Status: install ok installed
Architecture: amd64
Version: 5:7.0.15-1~deb12u5

Package: unpacked
"""
TARGETS = """\
https://mirror.example.org/debian/ bookworm main
https://mirror.example.org/debian/ bookworm contrib
https://mirror.example.org/debian/ bookworm-updates main
https://mirror.example.org/security/ bookworm-security main
https://mirror.example.org/debian/ bookworm-backports main
https://mirror.example.org/debian/ trixie main
https://shop.example.org/apt stable main
"""


def silent(_: str) -> None:
    """Hear what is done, and say nothing."""


def test_its_tag_names_package_release_and_architecture() -> None:
    changes: list[dict[str, Any]] = [{"name": "redis-tools"}, {"release": "trixie"}, {"architecture": "arm64"}]
    tags = [REDIS.tag, *(replace(REDIS, **change).tag for change in changes)]
    assert len(set(tags)) == 4
    assert all(tag.startswith("memcap/debian-redis-server:") for tag in tags)


@pytest.mark.parametrize(
    ("facts", "release"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, "trixie"),
        ({"ID": "debian"}, "bookworm"),
        ({"ID": "ubuntu", "VERSION_CODENAME": "noble"}, "bookworm"),
        (OSError(), "bookworm"),
    ],
)
def test_the_release_is_that_of_the_machine_if_it_is_debian(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, str] | OSError, release: str
) -> None:
    def os_release() -> dict[str, str]:
        if isinstance(facts, OSError):
            raise facts
        return facts

    monkeypatch.setattr("platform.freedesktop_os_release", os_release)
    monkeypatch.setattr(subject, "environment", lambda _: make_environment(architecture="aarch64"))
    assert debian_package(CLIENT, "redis-server", image="debian/redis-server") == replace(
        REDIS, release=release, architecture="arm64"
    )


def test_the_machines_own_mirrors_of_the_release_are_used() -> None:
    assert [line.partition("] ")[2] for line in own_mirrors(TARGETS, "bookworm")] == [
        "https://mirror.example.org/debian/ bookworm main",
        "https://mirror.example.org/debian/ bookworm-updates main",
        "https://mirror.example.org/security/ bookworm-security main",
    ]
    assert own_mirrors("", "bookworm") == ()


@pytest.mark.parametrize(
    ("name", "version"),
    [("redis", "5:7.0.15-1"), ("redis-server", "5:7.0.15-1~deb12u5"), ("unpacked", ""), ("edi", "")],
)
def test_the_version_is_what_dpkg_installed(name: str, version: str) -> None:
    assert package_version(STATUS, name) == version


class Mmdebstrap:
    """Stands in for the program: writes ``output`` and ``errors``, and exits with ``status``."""

    def __init__(self, *, output: bytes = b"", errors: str = "", status: int = 0) -> None:
        self.output, self.errors, self.status = output, errors, status
        self.command: list[str] = []

    def run(self, command: list[str], *, stdout: IO[bytes], **_: object) -> CompletedProcess[bytes]:
        self.command = command
        stdout.write(self.output)
        return CompletedProcess(command, self.status, stderr=self.errors.encode())


@pytest.fixture
def mmdebstrap(monkeypatch: pytest.MonkeyPatch) -> Mmdebstrap:
    """Return what stands in for mmdebstrap."""
    program = Mmdebstrap()
    monkeypatch.setattr("subprocess.run", program.run)
    monkeypatch.setattr(subject, "_mirrors", lambda _: ("deb here bookworm main",))
    return program


def test_without_mmdebstrap_it_says_what_to_install(mmdebstrap: Mmdebstrap, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("subprocess.run", missing)
    with pytest.raises(BuildError, match=r"redis-server is made with mmdebstrap, which cannot be started") as caught:
        make_package_image(CLIENT, REDIS, say=silent)
    assert "apt-get install mmdebstrap" in caught.value.remedy


def test_a_package_that_does_not_exist_shows_the_last_lines(mmdebstrap: Mmdebstrap) -> None:
    mmdebstrap.errors, mmdebstrap.status = "E: Unable to locate package redis-server\n", 25
    with pytest.raises(BuildError, match=r"\(bookworm, amd64\); the end of mmdebstrap's output:\n  \| E: Un") as caught:
        make_package_image(CLIENT, REDIS, say=silent)
    assert mmdebstrap.command[-4:] == ["--include=redis-server", "bookworm", "-", "deb here bookworm main"]
    assert "package's name" in caught.value.remedy


def test_what_mmdebstrap_made_is_imported_with_its_version(
    mmdebstrap: Mmdebstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in (("./etc/motd", b"hello"), ("./var/lib/dpkg/status", STATUS.encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    mmdebstrap.output = stream.getvalue()
    imported: list[tuple[bytes, str, dict[str, str], list[str]]] = []

    def import_archive(
        _: object, archive: IO[bytes], reference: str, *, labels: dict[str, str], changes: Sequence[str]
    ) -> None:
        imported.append((archive.read(), reference, labels, list(changes)))

    monkeypatch.setattr(subject, "import_archive", import_archive)
    make_package_image(CLIENT, REDIS, say=silent)
    ((archive, reference, labels, changes),) = imported
    assert archive == mmdebstrap.output
    assert reference == labels["memcap.self"] == REDIS.tag
    assert (labels["memcap.kind"], labels["memcap.image"]) == ("image", "debian/redis-server")
    assert labels["memcap.origin"] == "Debian bookworm, redis-server 5:7.0.15-1~deb12u5"
    assert changes == ["ENV LANG=C.UTF-8"]
