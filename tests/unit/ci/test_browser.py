from __future__ import annotations

from typing import Any

import pytest
from ci.browser import NAMES, provide_browser
from ci.errors import SetupError
from ci.system import System
from integration.chromium import NAMES as LOOKED_FOR


def provide(
    *, promised: str, found: str = "", error: SetupError | None = None, **changes: Any
) -> tuple[list[str], list[str]]:
    """Return what was installed and what was said on a Debian machine with the program ``found``."""
    installed: list[str] = []
    said: list[str] = []

    def install(package: str) -> None:
        installed.append(package)
        if error:
            raise error

    facts: dict[str, Any] = {"platform": "linux", "distributions": ("debian",), "is_root": True, **changes}
    system = System(environ={"MEMCAP_REQUIRE": promised}, **facts)
    provide_browser(system, say=said.append, find=lambda name: name if name == found else None, install=install)
    return installed, said


def test_chromium_is_installed_where_it_is_promised() -> None:
    assert provide(promised="docker, chromium")[0] == ["chromium"]


@pytest.mark.parametrize("promised", ["", "docker"])
def test_a_user_gets_no_browser(promised: str) -> None:
    assert provide(promised=promised) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_a_browser_that_is_there_is_enough(name: str) -> None:
    assert provide(promised="chromium", found=name) == ([], [])


@pytest.mark.parametrize("changes", [{"is_root": False}, {"distributions": ("fedora",)}])
def test_elsewhere_it_is_asked_for(changes: dict[str, Any]) -> None:
    installed, said = provide(promised="chromium", **changes)
    assert installed == []
    assert "install Chromium" in said[0]


def test_a_failed_installation_stops_nothing() -> None:
    installed, said = provide(promised="chromium", error=SetupError("apt-get failed"))
    assert installed == ["chromium"]
    assert said[-1] == "browser: apt-get failed"


def test_the_tests_look_for_the_same_browsers() -> None:
    assert NAMES == LOOKED_FOR
