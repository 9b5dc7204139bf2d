"""Options of containers do what the same words do in `docker run`; `call` benchmarks run as commands there do."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from integration.measuring import SUITE, build_image, cell, image, launched, measure_once

from memcap.cli.container_options import container_options
from memcap.model import CallWorkload, Cell, ContainerPolicy, Ending, ImageSource, Suite
from memcap.workflows.container_options import ContainerOptions

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

TAG = "memcap-test/container"
LABEL = {"memcap-test": "container"}
WRAPPER = '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'
APP = "import sys\nprint('another program', sys.argv[1:])\n"
SHOP = "import os\n\n\ndef facts():\n    return [os.getcwd(), os.environ.get('WRAPPED'), os.getuid()]\n"
TELL = """
import json, os, resource, socket
def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        return error.strerror
def write(folder):
    try:
        with open(folder + "/trial", "w"):
            pass
        os.remove(folder + "/trial")
        return "written"
    except OSError as error:
        return error.strerror
def resolved(name):
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        return error.strerror
mounts = [line.split() for line in open("/proc/self/mounts")]
print(json.dumps({
    "env": {name: os.environ[name] for name in ("A", "B", "C") if name in os.environ},
    "cwd": os.getcwd(),
    "user": [os.getuid(), os.getgid()],
    "files": {path: read(path) for path in ("/data/file", "/one")},
    "written": {folder: write(folder) for folder in ("/tmp", "/data", "/scratch")},
    "tmpfs": {mount[1]: sorted(mount[3].split(",")) for mount in mounts if mount[1] == "/scratch"},
    "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
    "hosts": read("/etc/hosts").splitlines(),
    "localhost": resolved("localhost"),
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "interfaces": sorted(os.listdir("/sys/class/net")),
}))
"""


@pytest.fixture(scope="module")
def images(docker_client: DockerClient) -> Iterator[dict[str, str]]:
    """Yield images by what starts their program: a wrapper, another program, nothing."""
    facts = build_image(docker_client, image("py312"), say=lambda _: None)
    container = docker_client.containers.create(facts.id, labels=LABEL)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text, mode in (
            ("wrap.sh", WRAPPER, 0o755), ("srv/app.py", APP, 0o644), ("srv/shop.py", SHOP, 0o644)
        ):  # fmt: skip
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), mode
            tar.addfile(entry, io.BytesIO(text.encode()))
    starts = {"wrapped": '["/wrap.sh"]', "other": '["python3", "app.py"]', "plain": "[]"}
    try:
        container.put_archive("/", archive.getvalue())
        for name, entrypoint in starts.items():
            changes = ["WORKDIR /srv", "USER 1000", "ENV B=image", f"ENTRYPOINT {entrypoint}"]
            container.commit(TAG, name, changes=changes)
    finally:
        container.remove(force=True)
    yield {name: f"{TAG}:{name}" for name in starts}
    for name in starts:
        docker_client.images.remove(f"{TAG}:{name}")


def policy_of(*words: str) -> ContainerPolicy:
    """Return what the options of a command line ask for."""
    found: list[ContainerOptions] = []
    command = click.command()(container_options(lambda *, container_options: found.append(container_options)))
    result = CliRunner().invoke(command, words)
    assert result.exception is None, result.output
    return found[0].applied_to(ContainerPolicy())


def in_image(reference: str, policy: ContainerPolicy, one: Cell) -> Cell:
    source = ImageSource(name="container", reference=reference)
    return replace(one, image=source, benchmark=replace(one.benchmark, policy=policy))


def by_docker(reference: str, *words: str) -> Any:
    """Return what the program sees in a plain container."""
    if shutil.which("docker") is None:
        pytest.skip("compares with the docker command")
    network = () if "--network" in words else ("--network", "none")
    command = ["docker", "run", "--rm", "--label", "memcap-test=container", *network, *words, reference]
    ended = subprocess.run([*command, "python3", "-c", TELL], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-e", "A=1", "-e", "B", "--env-file", "prod.env"),
        ("-v", "{here}/data:/data"),
        ("-v", "{here}/data:/data:ro", "-v", "{here}/one:/one:ro"),
        ("--mount", "type=bind,src={here}/one,dst=/one,readonly"),
        ("--mount", "type=volume,dst=/data", "-v", "/scratch"),
        ("--tmpfs", "/scratch:size=1m,mode=1777"),
        ("--tmpfs", "/scratch"),
        ("--mount", "type=tmpfs,dst=/scratch,tmpfs-size=1m,tmpfs-mode=1770"),
        ("--read-only", "--tmpfs", "/tmp"),
        ("--user", "1234:50"),
        ("-w", "/tmp"),
        ("-w", "/not/there/yet"),
        ("--network", "host"),
        ("--add-host", "db:10.0.0.5", "--add-host", "www:10.0.0.5"),
        ("-v", "{here}/empty:/etc/hosts"),
        ("--shm-size", "1m"),
        ("--ulimit", "nofile=512:1024"),
    ],
    ids=" ".join,
)
def test_options_do_what_they_do_in_docker_run(
    docker_client: DockerClient,
    images: dict[str, str],
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B", "of here")
    (tmp_path / "data").mkdir(mode=0o777)
    (tmp_path / "data" / "file").write_text("in a folder", encoding="utf-8")
    (tmp_path / "one").write_text("alone", encoding="utf-8")
    (tmp_path / "empty").touch()
    (tmp_path / "prod.env").write_text("# comment\nA=file\nC=file\n", encoding="utf-8")
    tmp_path.chmod(0o755)
    given = tuple(word.format(here=tmp_path) for word in words)

    one = in_image(images["plain"], policy_of(*given), cell(("python3", "-c", TELL)))
    with launched(docker_client, one) as (engine, spec):
        raw = engine.execute(spec)
    assert raw.daemon_error is None
    assert json.loads(raw.output or raw.error_output) == by_docker(images["plain"], *given)
    assert (tmp_path / "empty").read_text() == ""


def copied_data(folder: Path) -> Path:
    """Return a folder with another one, a program and a link, which only the images' user may change."""
    data = folder / "data"
    (data / "inner").mkdir(parents=True)
    (data / "inner" / "run").write_text("#!/bin/sh\necho ran\n", encoding="utf-8")
    (data / "inner" / "run").chmod(0o755)
    (data / "link").symlink_to("inner/run")
    data.chmod(0o750)
    os.chown(data, 1000, 1000)
    return data


LOOK = """
import os, subprocess
print(subprocess.check_output("/data/link", text=True).strip(), sorted(os.listdir("/data")))
for path in ("/data", "/deep/er/one"):
    if os.path.exists(path):
        print(oct(os.stat(path).st_mode), os.stat(path).st_uid)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files to another user")
def test_a_daemon_elsewhere_gets_copies(docker_client: DockerClient, images: dict[str, str], tmp_path: Path) -> None:
    data = copied_data(tmp_path)
    (tmp_path / "one").write_text("alone", encoding="utf-8")
    policy = policy_of("-v", f"{data}:/data", "-v", f"{tmp_path}/one:/deep/er/one")
    one = in_image(images["plain"], policy, cell(("python3", "-c", f"{LOOK}open('/data/new', 'w')")))
    volumes = {volume.id for volume in docker_client.volumes.list()}
    with launched(docker_client, one, copies_mounts=True) as (engine, spec):
        raw = engine.execute(spec)
    assert raw.output == "ran ['inner', 'link']\n0o40750 1000\n0o100644 0\n", raw.error_output
    assert raw.error_output == ""
    assert not (data / "new").exists(), "it is a copy"
    assert {volume.id for volume in docker_client.volumes.list()} <= volumes | _of_others(docker_client)


def _of_others(client: DockerClient) -> set[str]:
    """Return the volumes of containers that are there, which are not this test's."""
    mounts = [mount for container in client.containers.list(all=True) for mount in container.attrs["Mounts"]]
    return {mount["Name"] for mount in mounts if mount["Type"] == "volume"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files to another user")
def test_a_read_only_container_gets_copies_of_folders(
    docker_client: DockerClient, images: dict[str, str], tmp_path: Path
) -> None:
    policy = policy_of("--read-only", "-v", f"{copied_data(tmp_path)}:/data")
    one = in_image(images["plain"], policy, cell(("python3", "-c", LOOK)))
    with launched(docker_client, one, copies_mounts=True) as (engine, spec):
        raw = engine.execute(spec)
    assert raw.output == "ran ['inner', 'link']\n0o40755 0\n", raw.error_output


@pytest.mark.parametrize(
    ("name", "words", "printed"),
    [("wrapped", (), "yes"), ("wrapped", ("--entrypoint", ""), "None"), ("plain", ("--entrypoint", "/wrap.sh"), "yes")],
)
def test_entrypoints(docker_client: DockerClient, images: dict[str, str], name: str, words: Any, printed: str) -> None:
    program = ("python3", "-c", "import os; print(os.environ.get('WRAPPED'))")
    with launched(docker_client, in_image(images[name], policy_of(*words), cell(program))) as (engine, spec):
        assert engine.execute(spec).output.strip() == printed


def suite_of(folder: Path) -> Suite:
    """Return a suite whose function imports the package in the image's WORKDIR."""
    code = "import shop\n\n\ndef facts():\n    print(shop.facts())\n"
    (folder / "workloads.py").write_text(code, encoding="utf-8")
    return Suite(name="truth", directory=folder, description="", benchmarks=())


def call() -> Cell:
    one = cell("facts")
    return replace(one, benchmark=replace(one.benchmark, workload=CallWorkload(call="workloads:facts")))


@pytest.mark.parametrize(
    ("name", "words", "facts"),
    [
        ("plain", (), ["/srv", None, 1000]),
        ("wrapped", (), ["/srv", "yes", 1000]),
        ("wrapped", ("--user", "4242", "--entrypoint", ""), ["/srv", None, 4242]),
        ("other", ("--entrypoint", ""), ["/srv", None, 1000]),
    ],
)
def test_a_function_finds_the_package_in_workdir(
    docker_client: DockerClient, images: dict[str, str], name: str, words: Any, facts: list[Any], tmp_path: Path
) -> None:
    one = in_image(images[name], policy_of(*words), call())
    with launched(docker_client, one, suite=suite_of(tmp_path)) as (engine, spec):
        raw = engine.execute(spec)
    assert raw.output.strip() == str(facts), raw.error_output


def test_an_entrypoint_that_runs_another_program_is_named(
    docker_client: DockerClient, images: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("integration.measuring.SUITE", replace(SUITE, directory=suite_of(tmp_path).directory))
    run = measure_once(docker_client, in_image(images["other"], ContainerPolicy(), call()))
    assert run.ending is Ending.LOAD_FAILED
    assert run.detail.startswith("the entrypoint ['python3', 'app.py'] did not start the Python")
    assert "another program" in run.output_tail


def test_a_tmpfs_counts_against_the_cap(docker_client: DockerClient, images: dict[str, str]) -> None:
    fill = "with open('/scratch/fill', 'wb') as file:\n    for _ in range(96):\n        file.write(bytes(2**20))"
    policy = policy_of("--tmpfs", "/scratch")
    run = measure_once(docker_client, in_image(images["plain"], policy, cell(("python3", "-c", fill), cap="64m")))
    assert run.ending is Ending.OOM_KILLED
