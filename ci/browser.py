"""A browser for the tests of the HTML report, where it is promised: no user of memcap needs one."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from ci import apt
from ci.errors import SetupError
from ci.system import System

PROMISE = "chromium"
# As tests/integration/chromium.py looks for it.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def provide_browser(
    system: System,
    *,
    say: Callable[[str], None],
    find: Callable[[str], str | None] = shutil.which,
    install: Callable[[str], None] = apt.install,
) -> None:
    """Install Chromium as root on Debian-like systems if MEMCAP_REQUIRE promises it and there is none.

    That it could not be installed is only told: the tests that need it fail then, and the others still run.
    """
    promised = {word.strip() for word in system.environ.get("MEMCAP_REQUIRE", "").split(",")}
    if PROMISE not in promised or any(map(find, NAMES)):
        return
    if not (system.is_debian_like and system.is_root):
        say("browser: MEMCAP_REQUIRE promises chromium, and there is none; install Chromium or Chrome")
        return
    say("browser: installing chromium with apt-get")
    try:
        install("chromium")
    except SetupError as error:
        say(f"browser: {error}")
