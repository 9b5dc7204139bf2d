"""The options that limit a workload."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from memcap.cli import cli
from memcap.cli.limit_options import LimitOptions, limit_options
from memcap.cli.subject import Asked
from memcap.errors import SizeError, UsageError
from memcap.model import ContainerPolicy, RunLimits, Ulimit

MIB = 1024 * 1024
WORDS = (
    "--user", "app:staff", "--disk", "64m", "--file-size", "1MiB", "--cpus", "0.5", "--cpu-time", "90s", "--core", "1m",
    "--ulimit", "nofile=64:128", "--ulimit", "stack=-1",
)  # fmt: skip


def given(*words: str) -> LimitOptions:
    """Return what a command is called with."""
    found: list[Any] = []
    command = click.command()(limit_options(lambda *, limits: found.append(limits)))
    result = CliRunner().invoke(command, words)
    if result.exception is not None:
        raise result.exception
    return found[0]  # type: ignore[no-any-return]


def test_nothing_asked_for_changes_nothing() -> None:
    policy = ContainerPolicy(user="app", limits=RunLimits(disk_bytes=MIB, ulimits={"stack": Ulimit(soft=1, hard=2)}))
    assert given() == LimitOptions()
    assert given().applied_to(policy) == policy
    assert given().retyped() == ()


def test_each_option_sets_its_limit() -> None:
    policy = given(*WORDS).applied_to(ContainerPolicy(limits=RunLimits(ulimits={"nproc": Ulimit(soft=5, hard=5)})))
    assert policy.user == "app:staff"
    assert policy.limits == RunLimits(
        disk_bytes=64 * MIB,
        file_size_bytes=MIB,
        cpus=0.5,
        cpu_time_seconds=90,
        core_bytes=MIB,
        ulimits={
            "nproc": Ulimit(soft=5, hard=5),
            "nofile": Ulimit(soft=64, hard=128),
            "stack": Ulimit(soft=-1, hard=-1),
        },
    )


def test_options_are_retyped_as_they_were_written() -> None:
    assert given(*given(*WORDS).retyped()) == given(*WORDS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--disk", "64"), "--disk: size '64' has no unit"),
        (("--cpu-time", "64"), "--cpu-time: duration '64' has no unit"),
        (("--cpus", "many"), "--cpus: 'many' is not a number of CPUs"),
        (("--ulimit", "nofile"), "--ulimit: '' is not a limit for nofile"),
        (("--ulimit", "fsize=1"), "--ulimit: the ulimit 'fsize' has a setting of its own"),
    ],
)
def test_an_error_names_the_option(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(SizeError) as refused:
        given(*words)
    assert refused.value.message == message


def test_a_user_has_a_name() -> None:
    with pytest.raises(UsageError, match="--user names no user"):
        given("--user", " ").applied_to(ContainerPolicy())


def test_a_subject_has_them() -> None:
    subject = Asked(words=("my/prod:1.4", "true"), limits=LimitOptions(user="app", cpu_time="2s")).find()
    assert (subject.policy.user, subject.policy.limits.cpu_time_seconds) == ("app", 2)


@pytest.mark.parametrize("command", ["measure", "fit", "repro", "profile"])
def test_commands_have_them(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    for option in ("--user", "--disk", "--file-size", "--cpus", "--cpu-time", "--core", "--ulimit"):
        assert option in result.output
