"""Programs that only tests need, or some users, installed where they are promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ci import apt
from ci.errors import SetupError
from ci.system import System, find_program

# As tests/integration/chromium.py looks for it.
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, kw_only=True)
class Need:
    """A program, by any of its names, and the package of Debian that has it.

    ``alone``: nothing but the program is taken from the package, which would start a daemon.
    """

    programs: tuple[str, ...]
    package: str
    alone: bool = False


NEEDS: Final[Mapping[str, tuple[Need, ...]]] = {
    "chromium": (Need(programs=BROWSERS, package="chromium"),),
    "ssh": (
        Need(programs=("sshd",), package="openssh-server"),
        Need(programs=("ssh",), package="openssh-client"),
        Need(programs=("docker",), package="docker-cli"),  # docker.io has it, but only recommends it since Debian 13
    ),
    "mmdebstrap": (Need(programs=("mmdebstrap",), package="mmdebstrap"),),
    "promtool": (Need(programs=("promtool",), package="prometheus", alone=True),),
}


def provide_promised(
    system: System,
    *,
    say: Callable[[str], None],
    find: Callable[[str], str | None] = find_program,
    install: Callable[..., None] = apt.install,
    install_program: Callable[[str, str], None] = apt.install_program,
) -> None:
    """Install what MEMCAP_REQUIRE promises and is missing, as root on Debian-like systems.

    That something could not be installed is only told: the tests that need it fail then, and the others still run.
    """
    promised = {word.strip() for word in system.environ.get("MEMCAP_REQUIRE", "").split(",")}
    for name, needs in NEEDS.items():
        missing = tuple(need for need in needs if not any(map(find, need.programs)))
        if name not in promised or not missing:
            continue
        packages = " ".join(need.package for need in missing)
        if not (system.is_debian_like and system.is_root):
            say(f"{name}: MEMCAP_REQUIRE promises it, and something is missing; install what Debian has in {packages}")
            continue
        say(f"{name}: installing {packages} with apt-get")
        whole = tuple(need.package for need in missing if not need.alone)
        try:
            if whole:
                install(*whole)
            for need in missing:
                if need.alone:
                    install_program(need.package, need.programs[0])
        except SetupError as error:
            say(f"{name}: {error}")
