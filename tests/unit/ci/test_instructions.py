from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ci.instructions import INSTRUCTIONS, JOIN_GROUP, START, how_to_install, what_to_do
from ci.system import System, parse_os_release

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "installing-docker.md"
USER = System(platform="linux", distributions=("ubuntu", "debian"), environ={})


@pytest.mark.parametrize("text", [*INSTRUCTIONS.values(), START, JOIN_GROUP])
def test_every_instruction_is_in_the_document_word_for_word(text: str) -> None:
    assert f"\n{text}\n```" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("os_release", "command"),
    [
        ("ID=debian", "apt-get install"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'", "apt-get install"),
        ("ID=fedora", "moby-engine"),
        ("ID=rocky\nID_LIKE='rhel centos fedora'", "docker-ce"),
        ("ID=rhel\nID_LIKE=fedora", "docker-ce"),
        ("ID=manjaro\nID_LIKE=arch", "pacman"),
        ("ID=opensuse-leap\nID_LIKE='suse opensuse'", "zypper"),
        ("ID=alpine", "apk add"),
        ("ID=nixos", "https://docs.docker.com/engine/install/"),
        ("", "https://docs.docker.com/engine/install/"),
    ],
)
def test_each_distribution_gets_its_own_commands(os_release: str, command: str) -> None:
    assert command in how_to_install(replace(USER, distributions=parse_os_release(os_release)))


@pytest.mark.parametrize(("platform", "command"), [("darwin", "colima start"), ("win32", "winget install")])
def test_desktop_systems_get_theirs(platform: str, command: str) -> None:
    assert command in what_to_do(System(platform=platform, environ={}), forbidden=False)


def test_a_chosen_daemon_is_named_and_nothing_is_installed() -> None:
    advice = what_to_do(replace(USER, environ={"DOCKER_HOST": "tcp://box:2375"}), forbidden=False)

    assert "DOCKER_HOST=tcp://box:2375" in advice
    assert "apt-get" not in advice


def test_a_refused_user_is_told_to_join_the_group() -> None:
    assert JOIN_GROUP.splitlines()[0] in what_to_do(replace(USER, has_dockerd=True), forbidden=True)


def test_an_installed_daemon_is_to_be_started_not_installed() -> None:
    advice = what_to_do(replace(USER, has_dockerd=True), forbidden=False)

    assert START in advice
    assert "apt-get" not in advice
