"""memray comes to a Python that runs already where the container allows it, and leaves; else it is said what lacks."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import build_image, image, scaled
from integration.promises import require
from integration.test_image_zoo import Zoo, zoo  # noqa: F401 - a fixture

from memcap.cli.profile import command
from memcap.engine.docker_labels import LABEL, OWNER_LABEL, owner
from memcap.errors import EngineError, PlanError, SelectionError
from memcap.images.archive import Tree
from memcap.images.host_base import parse_ldd
from memcap.instruments import attaching
from memcap.references import image_by_word

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

pytestmark = pytest.mark.docker
NO_PTRACE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO"}]}
GROWING = """\
import time
rows = [bytearray(32 << 20)]
def read_row():
    rows.append(bytearray(1 << 20))
while len(rows) < 600:
    read_row()
    time.sleep(0.05)
time.sleep(600)
"""
WAITING = """\
import signal
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pause()
rows = [bytearray(1 << 20) for _ in range(9)]
print("went on")
"""
LOOK = "import os; print(os.listdir('/tmp'), [n for n in os.listdir('/proc') if n.isdigit()])"
Start = Callable[..., "Container"]


@pytest.fixture
def start(docker_client: DockerClient) -> Iterator[Start]:
    """Return ``start(reference, code, **options)``, which starts a Python of that code."""
    started: list[Container] = []

    def run(reference: str, code: str, **options: object) -> Container:
        container: Container = docker_client.containers.run(
            reference,
            entrypoint=["python", "-c", code],
            detach=True,
            network_mode="none",
            labels={LABEL: "1", OWNER_LABEL: owner()},
            **options,  # type: ignore[call-overload]
        )
        started.append(container)
        return container

    yield run
    for container in started:
        container.remove(force=True, v=True)


def attach(name: str | None, *words: str) -> str:
    return CliRunner().invoke(command, ["--container", str(name), *words], catch_exceptions=False).stdout


def test_all_that_lacks_is_told_at_once(docker_client: DockerClient, start: Start, tmp_path: Path) -> None:
    py312 = build_image(docker_client, image("py312"), say=lambda _: None).reference
    container = start(
        py312, "import time; time.sleep(600)", read_only=True, security_opt=[f"seccomp={json.dumps(NO_PTRACE)}"]
    )

    with pytest.raises(PlanError) as raised:
        attach(container.name, "--output", str(tmp_path / "out"))

    told = raised.value.message
    assert "no permission to ptrace process 1 (Operation not permitted" in told
    assert "--cap-add SYS_PTRACE" in told
    assert "no debugger: install gdb" in told
    assert "no folder to put memray" in told
    assert "no memray" not in told
    assert "memcap profile --image" in raised.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_container_that_does_not_exist() -> None:
    with pytest.raises(SelectionError, match="there is no container no-such-container"):
        attach("no-such-container")


@pytest.mark.parametrize("on", ["py310", "py313"])
def test_what_is_allocated_while_attached_and_nothing_stays_behind(
    docker_client: DockerClient,
    zoo: Zoo,  # noqa: F811
    start: Start,
    tmp_path: Path,
    on: str,
) -> None:
    require("gdb", available=shutil.which("gdb") is not None)
    container = start(with_gdb(docker_client, zoo, on), GROWING, user="1234:1234", cap_add=["SYS_PTRACE"])
    output = attach(container.name, "--duration", f"{scaled(2):g}s", "--json", "--output", str(tmp_path))
    container.reload()
    left = str(container.exec_run(["python", "-c", LOOK])[1])

    found = json.loads(output)
    site = found["top_sites"][0]
    assert (site["function"], site["line"]) == ("read_row", 4)
    assert 10 << 20 < site["size_bytes"] < 100 << 20  # not what lived before
    assert (found["profiled"], found["ending"], found["attached_seconds"]) == (True, None, 2.0)
    assert [caveat["kind"] for caveat in found["caveats"]] == ["attached_late"]
    assert (tmp_path / "index.html").is_file()
    assert container.status == "running"
    assert "[] ['1', " in left, left
    assert left.count(",") == 1, left  # the process, and the one that looks
    assert container.logs() == b""


def test_a_program_that_only_waits_is_left_alone_and_goes_on(
    docker_client: DockerClient,
    zoo: Zoo,  # noqa: F811
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require("gdb", available=shutil.which("gdb") is not None)
    monkeypatch.setattr(attaching, "IDLE_SECONDS", 4.0)
    container = start(with_gdb(docker_client, zoo, "py312"), WAITING, user="1234:1234", cap_add=["SYS_PTRACE"])

    with pytest.raises(EngineError, match="allocated and freed nothing for 4 s"):
        attach(container.name, "--duration", "2s", "--output", str(tmp_path / "out"))
    assert "[] ['1', " in str(container.exec_run(["python", "-c", LOOK])[1])

    container.kill(signal="USR1")
    assert container.wait(timeout=30)["StatusCode"] == 0
    assert container.logs() == b"went on\n"


def with_gdb(client: DockerClient, keeper: Zoo, on: str) -> str:
    """Return the image ``on`` with this machine's gdb in it: it stands on this machine's C library, too."""
    ask = ["gdb", "-nx", "-batch", "-ex", "python import os; print(os.path.dirname(os.__file__))"]
    python = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    program = Path(str(shutil.which("gdb")))
    ldd = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    tree = Tree()
    tree.add_file("usr/bin/gdb", program.resolve(), executable=True)
    for path in parse_ldd(ldd.stdout).values():
        tree.add_file(path.as_posix().lstrip("/"), path.resolve(), executable=True)
    for path in (*Path("/usr/share/gdb").rglob("*"), *python.glob("*.py"), *python.glob("[a-z]*/*.py")):
        if path.is_file():
            tree.add_file(path.as_posix().lstrip("/"), path.resolve())
    for path in python.glob("lib-dynload/*.so"):
        tree.add_file(path.as_posix().lstrip("/"), path)
    archive = io.BytesIO()
    tree.write(archive)
    container = client.containers.create(build_image(client, image(on), say=lambda _: None).reference, ["x"])
    try:
        container.put_archive("/", archive.getvalue())
        repository, _, tag = keeper._tag().partition(":")
        container.commit(repository, tag, changes=["LABEL memcap=1 memcap.kind="])
    finally:
        container.remove(force=True)
    keeper.name = image_by_word(str(client.images.get(f"{repository}:{tag}").id)).name  # as its layers are called
    return f"{repository}:{tag}"
