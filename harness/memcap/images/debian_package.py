"""Make an image of a Debian package with mmdebstrap, for services where no registry can be reached."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from memcap.engine.docker_client import environment
from memcap.engine.docker_labels import image_labels
from memcap.errors import BuildError
from memcap.images.importing import import_archive
from memcap.images.registry import IMAGE_LABEL, ORIGIN_LABEL, image_tag
from memcap.images.wheels import last_lines

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

# Raise this when the way an image is made changes; images made in another way are not used then.
_VERSION: Final = "1"
# The smallest variant in which packages are configured: users, folders and links are what they are in Debian. With
# `extract` Redis would run, but PostgreSQL has neither a shell nor a user.
_VARIANT: Final = "essential"
_USUAL_RELEASE: Final = "bookworm"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_STATUS: Final = "./var/lib/dpkg/status"


@dataclass(frozen=True, kw_only=True)
class DebianPackage:
    """A package of a release of Debian, for an architecture in Debian's words; ``image`` is the name of its image."""

    image: str
    name: str
    release: str
    architecture: str

    @property
    def tag(self) -> str:
        """Return the tag of its image. It stays when Debian updates the package: remove the image to get a new one."""
        words = f"{_VERSION} {self.name} {self.release} {self.architecture}"
        return image_tag(self.image, hashlib.sha256(words.encode()).hexdigest())


def debian_package(client: DockerClient, name: str, *, image: str) -> DebianPackage:
    """Return the package for the daemon's machine, of this machine's Debian or else a usual one. Raises EngineError."""
    architecture = environment(client).architecture
    return DebianPackage(
        image=image,
        name=name,
        release=_own_release() or _USUAL_RELEASE,
        architecture=_ARCHITECTURES.get(architecture, architecture),
    )


def make_package_image(client: DockerClient, package: DebianPackage, *, say: Callable[[str], None]) -> Image:
    """Import an image with ``package``, what it needs and a shell. Raises BuildError or EngineError."""
    say(f"building {package.tag} of Debian's package {package.name}")
    with tempfile.TemporaryFile() as archive:
        _install(package, archive)
        origin = f"Debian {package.release}, {package.name} {_version(archive, package.name)}".rstrip()
        archive.seek(0)
        labels = {**image_labels(package.tag, kind="image"), IMAGE_LABEL: package.image, ORIGIN_LABEL: origin}
        return import_archive(client, archive, package.tag, labels=labels, changes=["ENV LANG=C.UTF-8"])


def own_mirrors(targets: str, release: str) -> tuple[str, ...]:
    """Return the sources of ``release`` in lines of `apt-get indextargets`: address, release, component."""
    wanted = {release, f"{release}-updates", f"{release}-security"}
    found = (line.split() for line in targets.splitlines())
    return tuple(
        f"deb [signed-by={_KEYRING}] {' '.join(words)}"
        for words in found
        if len(words) == 3 and words[1] in wanted and words[2] == "main"
    )


def package_version(status: str, name: str) -> str:
    """Return the version of the package ``name`` in dpkg's ``status``; empty if it is not installed."""
    match = re.search(rf"^Package: {re.escape(name)}\n(?:.+\n)*?Version: (.+)$", status, re.MULTILINE)
    return match[1] if match else ""


def _own_release() -> str | None:
    """Return the code name of this machine's Debian; None if it is something else."""
    try:
        facts = platform.freedesktop_os_release()
    except OSError:
        return None
    return facts.get("VERSION_CODENAME") if facts.get("ID") == "debian" else None


def _install(package: DebianPackage, archive: IO[bytes]) -> None:
    """Write a tar with ``package`` to ``archive``."""
    command = [
        "mmdebstrap", f"--variant={_VARIANT}", f"--architectures={package.architecture}", f"--include={package.name}",
        package.release, "-", *_mirrors(package.release),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=archive, stderr=subprocess.PIPE, check=False)
    except OSError as error:
        raise BuildError(
            f"an image of Debian's package {package.name} is made with mmdebstrap, which cannot be started: "
            f"{error.strerror}",
            remedy="Install it (on Debian and Ubuntu: `apt-get install mmdebstrap`), or give the service an `image` "
            "instead of `package`.",
        ) from error
    if done.returncode != 0:
        raise BuildError(
            f"could not make an image of Debian's package {package.name} ({package.release}, {package.architecture}); "
            f"the end of mmdebstrap's output:\n{last_lines(done.stderr.decode('utf-8', 'replace'))}",
            remedy="Check the package's name and the network; users other than root need uidmap and an entry in "
            "/etc/subuid. Or give the service an `image` instead of `package`.",
        )


def _mirrors(release: str) -> tuple[str, ...]:
    """Return where this machine gets packages of ``release`` from; nothing for mmdebstrap's own choice."""
    if _own_release() != release or not _KEYRING.is_file():
        return ()
    question = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    try:
        done = subprocess.run(question, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ()
    return own_mirrors(done.stdout, release)


def _version(archive: IO[bytes], name: str) -> str:
    """Return the version of ``name`` that is installed in ``archive``; empty if it is not known."""
    archive.seek(0)
    with tarfile.open(fileobj=archive, mode="r:") as tar:
        for entry in tar:
            if entry.name in (_STATUS, _STATUS.removeprefix("./")):
                file = tar.extractfile(entry)
                return package_version(file.read().decode("utf-8", "replace"), name) if file else ""
    return ""
