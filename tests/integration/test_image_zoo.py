"""Images of all kinds: each is measured, or refused clearly with the way out. Real containers, no registry."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT, build_image, cell, image, launched, measure_cells, measure_once
from integration.promises import require

from memcap.errors import EngineError, PlanError
from memcap.images.archive import Tree
from memcap.images.host_base import parse_ldd
from memcap.images.importing import imported_id
from memcap.images.inventory import find_built, remove_built
from memcap.measuring import measure
from memcap.model import Cell, Ending, ImageSource, Measurement

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024

# Touches as many MiB as it is told, and holds them long enough to be sampled.
ALLOCATE = """
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
    long size = (count > 1 ? atol(words[1]) : 16) << 20;
    volatile char *memory = malloc(size);
    if (!memory) return 9;
    for (long i = 0; i < size; i += 4096) memory[i] = 1;
    usleep(200000);
    return 0;
}
"""


class Zoo:
    """Makes images under one unique name, and removes them with all that was built on them."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.name = f"zoo_{uuid.uuid4().hex[:12]}"
        self._tags: list[str] = []

    def imported(self, tree: Tree, *changes: str) -> str:
        """Return the reference of an image of nothing but ``tree``."""
        stream = io.BytesIO()
        tree.write(stream)
        answer = self.client.api.import_image_from_data(stream.getvalue(), changes=["LABEL memcap=1", *changes])
        tag = self._tag()
        repository, _, name = tag.partition(":")
        self.client.api.tag(imported_id(answer), repository, name)
        return tag

    def built(self, *lines: str) -> str:
        """Return the reference of an image built on the project's py312."""
        base = build_image(self.client, image("py312"), say=lambda _: None)
        content = "\n".join([f"FROM {base.reference}", "LABEL memcap=1 memcap.kind=", *lines])
        tag = self._tag()
        self.client.images.build(fileobj=io.BytesIO(content.encode()), tag=tag, rm=True, forcerm=True)
        return tag

    def loaded(self, tree: Tree, *, architecture: str, command: list[str]) -> str:
        """Return the reference of an image that says it is for ``architecture``."""
        tag, layer = self._tag(), io.BytesIO()
        tree.write(layer)
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": command, "Labels": {"memcap": "1"}},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]},
        }
        whole, archive = Tree(), io.BytesIO()
        whole.add_file("config.json", json.dumps(config).encode())
        whole.add_file("layer.tar", layer.getvalue())
        manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
        whole.add_file("manifest.json", json.dumps(manifest).encode())
        whole.write(archive)
        self.client.images.load(archive.getvalue())
        return tag

    def cell(self, reference: str, call: str | tuple[str, ...], **details: object) -> Cell:
        """Return a cell of a workload in the image ``reference``."""
        return replace(cell(call, **details), image=ImageSource(name=self.name, reference=reference))  # type: ignore[arg-type]

    def measure(self, reference: str, call: str | tuple[str, ...], **details: object) -> Measurement:
        """Measure a workload once in the image ``reference``."""
        return measure_once(self.client, self.cell(reference, call, **details))

    def close(self) -> None:
        """Remove layers first: they stand on the images."""
        for built in find_built(self.client):
            if built.image == self.name:
                remove_built(self.client, built)
        for tag in self._tags:
            self.client.api.remove_image(tag, force=True)

    def _tag(self) -> str:
        self._tags.append(f"memcap/test-zoo:{uuid.uuid4().hex[:12]}")
        return self._tags[-1]


@pytest.fixture
def zoo(docker_client: DockerClient) -> Iterator[Zoo]:
    keeper = Zoo(docker_client)
    yield keeper
    keeper.close()


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., Path]:
    """Return ``compile(compiler, *options)``: the program of ALLOCATE, or a skip where there is no such compiler."""

    def compile_it(compiler: str, *options: str) -> Path:
        require(compiler, available=shutil.which(compiler) is not None)
        source, program = tmp_path / "allocate.c", tmp_path / "allocate"
        source.write_text(ALLOCATE)
        subprocess.run([compiler, "-O1", *options, "-o", program, source], check=True, capture_output=True)
        return program

    return compile_it


def assert_allocated(run: Measurement, mib: int) -> None:
    assert run.ending is Ending.COMPLETED, (run.detail, run.output_tail)
    low, high = run.unreclaimable_peak_low_bytes, run.unreclaimable_peak_high_bytes
    assert low is not None
    assert high is not None
    assert low < (mib + 4) * MIB
    assert mib * MIB <= high, "on a slow machine there is an interval"


def test_one_static_program_and_nothing_else(zoo: Zoo, compiled: Callable[..., Path]) -> None:
    tree = Tree()
    tree.add_file("allocate", compiled("gcc", "-static"), executable=True)
    reference = zoo.imported(tree, 'CMD ["/allocate", "32"]')

    assert_allocated(zoo.measure(reference, ("/allocate", "24")), 24)
    assert_allocated(zoo.measure(reference, ()), 32)
    with pytest.raises(PlanError, match="has no Python") as refused:
        zoo.measure(reference, "nothing")
    assert "make the benchmark a `command`" in refused.value.remedy


def test_a_program_of_musl(zoo: Zoo, compiled: Callable[..., Path]) -> None:
    tree, loader = Tree(), "/lib/ld-musl-x86_64.so.1"
    tree.add_file("allocate", compiled("musl-gcc"), executable=True)
    tree.add_file(loader.lstrip("/"), Path(loader).resolve(), executable=True)
    run = zoo.measure(zoo.imported(tree), ("/allocate", "24"))

    assert_allocated(run, 24)


def test_a_missing_loader_is_said(zoo: Zoo, compiled: Callable[..., Path]) -> None:
    tree = Tree()
    tree.add_file("allocate", compiled("musl-gcc"), executable=True)
    run = zoo.measure(zoo.imported(tree), ("/allocate", "24"))

    assert run.ending is Ending.LOAD_FAILED
    assert run.detail.startswith("'/allocate' needs the loader '/lib/ld-musl-")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("script", b"#! /bin/ksh -e\n:\n", "'/script' needs the interpreter '/bin/ksh', which is not in the image"),
        ("script", b"#!/bin/sh\r\n:\r\n", "'/script' has Windows line ends"),
        ("script", b"#!/a/folder\n", "'/script' needs the interpreter '/a/folder', which cannot be used"),
        ("data", b"just words\n", "'/data' is neither a binary nor a script"),
        ("arm", b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\x28\0" + bytes(100), "is built for another architecture (arm)"),
        ("a/folder", None, "'/a/folder' is a directory, not a program"),
    ],
)
def test_why_a_program_cannot_be_started_is_said(zoo: Zoo, name: str, content: bytes | None, words: str) -> None:
    tree = Tree()
    tree.add_folder("a/folder")
    if content is not None:
        tree.add_file(name, content, executable=True)
    run = zoo.measure(zoo.imported(tree), (f"/{name}",))

    assert run.ending is Ending.LOAD_FAILED
    assert words in run.detail


def test_everything_that_a_dockerfile_may_say(docker_client: DockerClient, zoo: Zoo) -> None:
    """An entrypoint of its own, a user by name, a folder, a volume, a health check, a stop signal, triggers."""
    volumes = volume_names(docker_client)
    reference = zoo.built(
        'RUN ["python", "-c", "import os; os.mkdir(\'/srv\'); os.mkdir(\'/data\')"]',
        "ENV FLAVOUR=sweet",
        "WORKDIR /srv",
        "VOLUME /data",
        "HEALTHCHECK --interval=1s CMD python -c 'raise SystemExit(1)'",
        "STOPSIGNAL SIGUSR1",
        "ONBUILD RUN no-such-program",
        "USER nobody",
        'ENTRYPOINT ["python", "-c", "import sys; exec(sys.argv[1])"]',
        'CMD ["raise SystemExit(7)"]',
    )
    code = (
        "import os; seen = (os.getuid(), os.getcwd(), os.environ['FLAVOUR'], os.path.ismount('/data'))\n"
        "assert seen == (65534, '/srv', 'sweet', True), seen"
    )
    asked, own, called = (
        zoo.cell(reference, (code,)),  # the entrypoint stays before a command, as with `docker run`
        zoo.cell(reference, ()),
        zoo.cell(reference, "allocate", mib=24),  # it gets Python as its arguments, as any command
    )
    measured = {key: result.runs[0] for key, result in measure_cells(docker_client, asked, own, called).items()}

    assert measured[asked.id].ending is Ending.COMPLETED, measured[asked.id].output_tail
    assert (measured[own.id].ending, measured[own.id].exit_code) == (Ending.FAILED, 7)
    assert measured[called.id].ending is Ending.LOAD_FAILED, "this entrypoint starts no other program"
    assert "did not start the Python that it was given as arguments" in measured[called.id].detail
    assert volume_names(docker_client) <= volumes, "anonymous volumes go with their container"


def volume_names(client: DockerClient) -> set[str]:
    return {str(volume.name) for volume in client.volumes.list()}


def test_python3_only_without_a_shell_passwd_or_tmp(zoo: Zoo) -> None:
    code = (
        "import os, shutil; [os.remove(p) for p in ('/usr/local/bin/python', '/usr/bin/sh', '/etc/passwd')];"
        "[shutil.rmtree(p) for p in ('/tmp', '/var/tmp')]"
    )
    reference = zoo.built(f"RUN {json.dumps(['python3', '-c', code])}", "USER 4242")

    assert_allocated(zoo.measure(reference, "allocate", mib=24), 24 + 5)
    alone = zoo.measure(reference, ("python3", "-c", "import os, sys; sys.exit(os.getuid() - 4242)"))
    assert alone.ending is Ending.COMPLETED, alone.output_tail


def test_a_virtual_environment_first_on_the_path(zoo: Zoo) -> None:
    reference = zoo.built(
        'RUN ["python", "-m", "venv", "--without-pip", "/opt/app"]', "ENV PATH=/opt/app/bin:/usr/local/bin"
    )
    facts = build_image(zoo.client, ImageSource(name=zoo.name, reference=reference), say=lambda _: None)
    assert facts.python is not None
    assert facts.python.executable == "/opt/app/bin/python"

    assert zoo.measure(reference, "nothing").ending is Ending.COMPLETED
    code = "import sys; assert sys.prefix == '/opt/app', sys.prefix"
    assert zoo.measure(reference, ("python", "-c", code)).ending is Ending.COMPLETED


def test_a_root_that_cannot_be_written(docker_client: DockerClient) -> None:
    volumes = volume_names(docker_client)
    code = (
        "import errno\n"
        "for place in ('/memcap/suite/x', '/usr/x', '/x'):\n"
        "    try:\n"
        "        open(place, 'w')\n"
        "    except OSError as error:\n"
        "        assert error.errno == errno.EROFS, error\n"
        "    else:\n"
        "        raise SystemExit(place + ' was written')\n"
    )
    with launched(docker_client, cell(("python", "-c", code), on="py312")) as (engine, spec):
        locked = replace(spec, policy=replace(spec.policy, read_only=True))
        run = measure(engine.execute(replace(locked, user="4242")), locked, cpus=2)

    assert run.ending is Ending.COMPLETED, run.output_tail
    assert run.unreclaimable_peak_bytes is not None, "there is a report all the same"
    assert volume_names(docker_client) <= volumes


def test_a_user_that_the_image_does_not_know_is_refused(zoo: Zoo) -> None:
    with pytest.raises(EngineError, match="stranger"):
        zoo.measure(zoo.built("USER stranger"), "nothing")


def test_an_image_without_any_command_is_refused(zoo: Zoo) -> None:
    tree = Tree()
    tree.add_file("etc/motd", b"nothing runs here\n")
    with pytest.raises(PlanError, match="no command of its own") as refused:
        zoo.measure(zoo.imported(tree), ())
    assert "memcap measure IMAGE -- COMMAND" in refused.value.remedy


@pytest.mark.parametrize("call", [("/program",), "nothing"])
def test_another_architecture_is_refused_before_the_first_run(zoo: Zoo, call: str | tuple[str, ...]) -> None:
    tree, program = Tree(), ROOT / "harness" / "memcap" / "probe" / "bin" / "supervisor-aarch64"
    if zoo.client.version()["Arch"] != "amd64":
        pytest.skip("the foreign image here is one for arm64")
    tree.add_file("program" if isinstance(call, tuple) else "usr/bin/python", program, executable=True)
    reference = zoo.loaded(tree, architecture="arm64", command=["/program"])

    with pytest.raises(PlanError, match="is made for aarch64") as refused:
        zoo.measure(reference, call)
    assert "--platform" in refused.value.remedy


def test_pypy(zoo: Zoo) -> None:
    found = shutil.which("pypy3")
    require("pypy", available=found is not None)
    program = Path(str(found)).resolve()
    library = Path(f"/usr/lib/{program.name}")
    tree = Tree()
    tree.add_folder("tmp", mode=0o1777)
    tree.add_file(f"usr/bin/{program.name}", program, executable=True)
    for name in ("python3", "pypy3"):
        tree.add_link(f"usr/bin/{name}", program.name)
    for file in library.rglob("*"):
        if file.is_file() and not {"test", "tests", "__pycache__"} & set(file.parts):
            tree.add_file(file.as_posix().lstrip("/"), file)
    ldd = subprocess.run(["ldd", program, *library.glob("*.so")], capture_output=True, text=True, check=False)
    for path in parse_ldd(ldd.stdout).values():
        tree.add_file(path.as_posix().lstrip("/"), path.resolve(), executable=True)
    reference = zoo.imported(tree, "ENV PATH=/usr/bin")

    run = zoo.measure(reference, "allocate", mib=24)

    assert run.ending is Ending.COMPLETED, run.output_tail
    assert run.unreclaimable_peak_bytes is not None
    assert run.unreclaimable_peak_bytes > 24 * MIB
    assert run.python is not None
    assert run.python.implementation == "pypy"
    assert run.python.gc is None
    assert zoo.measure(reference, "cycles", kept=100, cycle_count=3).extra == {"entries": 3, "cycles": 3}
