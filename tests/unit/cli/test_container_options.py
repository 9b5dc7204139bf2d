"""The options of containers."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from memcap.cli import cli
from memcap.cli.container_options import container_options
from memcap.errors import SizeError, UsageError
from memcap.model import ContainerPolicy, Mount, MountKind, RunLimits, Secret, Ulimit, values_of
from memcap.workflows.container_options import ContainerOptions
from memcap.workflows.request import stored_command
from memcap.workflows.subject import find_subject
from memcap.workflows.subject_options import SubjectOptions

MIB = 1024 * 1024
WORDS = (
    "-e", "A=1", "--env", "B=x=y", "--public-env", "A", "-v", "/data:/data:ro", "--mount", "type=tmpfs,dst=/scratch",
    "--tmpfs", "/cache:size=1m", "--entrypoint", "", "-w", "/srv", "--network", "host", "--add-host", "db:10.0.0.5",
    "--shm-size", "1m", "--read-only",
    "--user", "app:staff", "--disk", "64m", "--file-size", "1MiB", "--cpus", "0.5", "--cpu-time", "90s", "--core", "1m",
    "--ulimit", "nofile=64:128", "--ulimit", "stack=-1",
)  # fmt: skip


def given(*words: str) -> ContainerOptions:
    """Return what a command is called with."""
    found: list[Any] = []
    command = click.command()(container_options(lambda *, container_options: found.append(container_options)))
    result = CliRunner().invoke(command, words)
    if result.exception is not None:
        raise result.exception
    return found[0]  # type: ignore[no-any-return]


def test_nothing_asked_for_changes_nothing() -> None:
    policy = ContainerPolicy(user="app", limits=RunLimits(disk_bytes=MIB, ulimits={"stack": Ulimit(soft=1, hard=2)}))
    assert given() == ContainerOptions()
    assert given().applied_to(policy) == policy
    assert given().retyped() == ()


def test_each_option_sets_its_limit() -> None:
    policy = given(*WORDS).applied_to(ContainerPolicy(limits=RunLimits(ulimits={"nproc": Ulimit(soft=5, hard=5)})))
    assert policy.user == "app:staff"
    assert (policy.entrypoint, policy.working_directory, policy.network) == ((), "/srv", "host")
    assert (policy.add_hosts, policy.shm_size_bytes, policy.read_only) == (("db:10.0.0.5",), MIB, True)
    assert policy.mounts == (
        Mount(kind=MountKind.BIND, source="/data", target="/data", read_only=True),
        Mount(kind=MountKind.TMPFS, target="/scratch"),
        Mount(kind=MountKind.TMPFS, target="/cache", options="size=1m"),
    )
    assert policy.env["A"] == "1"
    assert policy.secrets == ("x=y",)
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


def test_options_are_retyped_as_they_were_written_but_for_values_of_variables() -> None:
    assert given(*given(*WORDS).retyped()) == replace(given(*WORDS), env=("A=1", "B"))


def test_variables_come_from_files_then_options_then_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OF_HERE", "hidden")
    Path("prod.env").write_text("A=file\nB=file\n# a comment\n", encoding="utf-8")
    policy = given("--env-file", "prod.env", "-e", "B=mine", "-e", "OF_HERE").applied_to(ContainerPolicy(env={"A": ""}))
    assert values_of(policy.env) == {"A": "file", "B": "mine", "OF_HERE": "hidden"}
    assert set(policy.secrets) == {"file", "mine", "hidden"}


def test_a_relative_path_is_from_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (mount,) = given("-v", "./data:/data").applied_to(ContainerPolicy()).mounts
    assert mount.source == str(tmp_path.resolve() / "data")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-e", "NOT_SET", "-e", "NOR_THIS"), "not set here: NOT_SET, NOR_THIS"),
        (("-e", "=hidden"), "a variable has no name"),
    ],
)
def test_a_variable_that_is_not_there(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        given(*words).applied_to(ContainerPolicy())
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--disk", "64"), "--disk: size '64' has no unit"),
        (("--cpu-time", "64"), "--cpu-time: duration '64' has no unit"),
        (("--cpus", "many"), "--cpus: 'many' is not a number of CPUs"),
        (("--network", "my/image:1"), "--network: 'my/image:1' is not the name of a network"),
        (("--volume", "data"), "--volume: 'data' names no place in the container to mount at"),
        (("--workdir", "srv"), "--workdir: 'srv' is not an absolute path in the container"),
        (("--ulimit", "nofile"), "--ulimit: '' is not a limit for nofile"),
        (("--user", " "), "--user: ' ' is not a user"),
        (("--ulimit", "fsize=1"), "--ulimit: the ulimit 'fsize' has a setting of its own"),
    ],
)
def test_an_error_names_the_option(words: tuple[str, ...], message: str) -> None:
    with pytest.raises((SizeError, UsageError)) as refused:
        given(*words)
    assert refused.value.message == message


def test_a_subject_has_them() -> None:
    subject = find_subject(
        SubjectOptions(words=("my/prod:1.4", "true"), container_options=ContainerOptions(user="app", cpu_time="2s"))
    )
    assert (subject.policy.user, subject.policy.limits.cpu_time_seconds) == ("app", 2)


@pytest.mark.parametrize("command", ["measure", "fit", "repro", "profile"])
def test_commands_have_them(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    for each in fields(ContainerOptions):
        assert f"--{each.name.replace('_', '-')}" in result.output


@pytest.mark.parametrize(
    ("argv", "stored"),
    [
        ("measure -e A=hunter2xyz img", "measure -e A img"),
        ("measure --env A=1 --env=B=2 -eC=3 img", "measure --env A --env=B -eC img"),
        ("measure -e LEVEL=debug -e A img", "measure -e LEVEL=debug -e A img"),
        ("fit img -- app -e A=1", "fit img -- app -e A=1"),
        ("fit -e A=hunter2xyz img -- app --token=hunter2xyz", "fit -e A img -- app --token=***"),
        ("fit -e A=first2xyz -e A=hunter2xyz img -- app first2xyz", "fit -e A -e A img -- app ***"),
    ],
)
def test_the_command_line_is_stored_without_values(argv: str, stored: str) -> None:
    policy = ContainerPolicy(env={"A": Secret(value="hunter2xyz", digest="hmac:1")}, public_env=("LEVEL",))
    assert stored_command(argv.split(), (policy,)) == ("memcap", *stored.split())


@pytest.mark.parametrize("words", [("--load", "{}"), ("--load={}",)])
def test_the_command_line_is_stored_without_secret_headers(words: tuple[str, ...]) -> None:
    load = "GET / header='Authorization: Bearer {}' header='Accept: text/html' rate=1 for 1s"
    given, stored = ([word.format(load.format(value)) for word in words] for value in ("hunter2xyz", "***"))
    stored = [word.replace("Bearer ***", "***") for word in stored]
    assert stored_command(["measure", *given, "img"], ()) == ("memcap", "measure", *stored, "img")
