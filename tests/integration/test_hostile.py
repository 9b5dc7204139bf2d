"""Workloads that attack their supervisor: what is reported of them is the truth all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.attacks import ATTACKS, Attack, execute_attack

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
AS_OTHERS = (
    "write_report",
    "forged_output",
    "memory_of_supervisor",
    "signals_to_supervisor",
    "trace_supervisor",
    "cpu_limit_of_supervisor",
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_truth_is_reported(docker_client: DockerClient, attack: Attack) -> None:
    execute_attack(docker_client, attack, user="")


@pytest.mark.parametrize("user", ["1000", "63636", "63637:0"])
@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.name in AS_OTHERS], ids=lambda attack: attack.name)
def test_no_other_user_can_do_more(docker_client: DockerClient, attack: Attack, user: str) -> None:
    execute_attack(docker_client, attack, user=user)
