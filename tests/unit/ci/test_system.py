from __future__ import annotations

import pytest
from ci.system import System, parse_os_release

UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n'
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n# ID=commented\n\nnonsense\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (UBUNTU, ("ubuntu", "debian")),
        (ROCKY, ("rocky", "rhel", "centos", "fedora")),
        ("ID=debian\n", ("debian",)),
        ("ID='Alpine'\n", ("alpine",)),
        ("", ()),
    ],
)
def test_os_release_names_the_distribution_and_its_relatives(text: str, expected: tuple[str, ...]) -> None:
    assert parse_os_release(text) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"DOCKER_HOST": ""}, None),
        ({"DOCKER_HOST": "tcp://box:2375"}, "DOCKER_HOST=tcp://box:2375"),
        ({"DOCKER_CONTEXT": "box"}, "DOCKER_CONTEXT=box"),
        ({"DOCKER_HOST": "ssh://box", "DOCKER_CONTEXT": "other"}, "DOCKER_HOST=ssh://box"),
    ],
)
def test_the_users_choice_of_a_daemon_is_seen(environ: dict[str, str], expected: str | None) -> None:
    assert System(platform="linux", environ=environ).chosen_daemon == expected
