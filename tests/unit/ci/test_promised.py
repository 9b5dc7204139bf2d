from __future__ import annotations

from typing import Any

import pytest
from ci.errors import SetupError
from ci.promised import BROWSERS, provide_promised
from ci.system import System
from integration.chromium import NAMES as LOOKED_FOR


def provide(
    *, promised: str, found: tuple[str, ...] = (), error: SetupError | None = None, **changes: Any
) -> tuple[list[str], list[str]]:
    """Return what was installed and what was said on a Debian machine with the programs ``found``."""
    installed: list[str] = []
    said: list[str] = []

    def install(*packages: str) -> None:
        installed.extend(packages)
        if error:
            raise error

    def install_program(package: str, program: str) -> None:
        installed.append(f"{program} of {package}")
        if error:
            raise error

    facts: dict[str, Any] = {"platform": "linux", "distributions": ("debian",), "is_root": True, **changes}
    system = System(environ={"MEMCAP_REQUIRE": promised}, **facts)
    provide_promised(
        system,
        say=said.append,
        find=lambda name: name if name in found else None,
        install=install,
        install_program=install_program,
    )
    return installed, said


def test_what_is_promised_is_installed() -> None:
    assert provide(promised="docker, chromium", found=("docker",))[0] == ["chromium"]
    assert provide(promised="ssh", found=("docker",))[0] == ["openssh-server", "openssh-client"]
    assert provide(promised="ssh", found=("ssh", "sshd"))[0] == ["docker-cli"]
    assert provide(promised="mmdebstrap")[0] == ["mmdebstrap"]
    assert provide(promised="promtool")[0] == ["promtool of prometheus"]
    assert provide(promised="promtool", found=("promtool",))[0] == []


@pytest.mark.parametrize("promised", ["", "docker"])
def test_a_user_gets_nothing(promised: str) -> None:
    assert provide(promised=promised) == ([], [])


@pytest.mark.parametrize("name", BROWSERS)
def test_a_browser_that_is_there_is_enough(name: str) -> None:
    assert provide(promised="chromium", found=(name,)) == ([], [])


@pytest.mark.parametrize("changes", [{"is_root": False}, {"distributions": ("fedora",)}])
def test_elsewhere_it_is_asked_for(changes: dict[str, Any]) -> None:
    installed, said = provide(promised="chromium,ssh", found=("ssh", "docker"), **changes)
    assert installed == []
    assert said == [
        "chromium: MEMCAP_REQUIRE promises it, and something is missing; install what Debian has in chromium",
        "ssh: MEMCAP_REQUIRE promises it, and something is missing; install what Debian has in openssh-server",
    ]


def test_a_failed_installation_stops_nothing() -> None:
    installed, said = provide(promised="chromium,ssh", found=("docker",), error=SetupError("apt-get failed"))
    assert installed == ["chromium", "openssh-server", "openssh-client"]
    assert said[1::2] == ["chromium: apt-get failed", "ssh: apt-get failed"]


def test_the_tests_look_for_the_same_browsers() -> None:
    assert BROWSERS == LOOKED_FOR
