"""The line to blame is known beforehand: in the main process and in children, in C, after a kill, in other images."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import ROOT, _settings, cell
from integration.promises import require
from integration.test_image_zoo import Zoo

from memcap.engine.docker import DockerEngine
from memcap.errors import BuildError
from memcap.images.archive import Tree
from memcap.images.host_base import parse_ldd
from memcap.images.instrumented import build_instrumented
from memcap.images.prepare import prepare_layers
from memcap.instruments.launching import Instrument, Recorder
from memcap.instruments.profiling import Named, take_profile
from memcap.instruments.records import Noted, read_noted
from memcap.instruments.session import Session
from memcap.model import (
    CaveatKind,
    Cell,
    Ending,
    Frame,
    ImageSource,
    Layer,
    Measurement,
    Plan,
    ProfileTool,
    Site,
    Suite,
)

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
AGENTS = Suite(  # for its numpy
    name="agents",
    directory=ROOT / "suites" / "agents",
    description="",
    benchmarks=(),
    requirements=ROOT / "suites" / "agents" / "requirements.txt",
)

FAMILY = """\
import multiprocessing, subprocess, sys
def parent():
    return bytearray(64 << 20)
def forked():
    kept = bytearray(48 << 20)
if __name__ == "__main__":
    kept = parent()
    child = multiprocessing.get_context("fork").Process(target=forked)
    child.start()
    child.join()
    subprocess.run([sys.executable, "-c", "def started(): return bytearray(32 << 20)\\nkept = started()"], check=True)
"""
GROWING = """\
import time
rows = []
def read_row():
    rows.append(bytearray(1 << 20))
while True:
    read_row()
    time.sleep(0.005)
"""
IN_C = """\
import hashlib
def derive():
    return hashlib.scrypt(b"x", salt=b"y", n=2**16, r=8, p=1, maxmem=2**27)
derive()
"""


@pytest.fixture
def session(docker_client: DockerClient) -> Iterator[Callable[[Cell, ProfileTool], tuple[Session, Layer]]]:
    """Return ``open(cell, tool)``: a session, and the layer with the tool."""
    settings = _settings()
    with DockerEngine(docker_client, campaign=settings.id) as engine:

        def start(one: Cell, tool: ProfileTool) -> tuple[Session, Layer]:
            plan = Plan(profile="profile", cells=(one,), runs=1, warmups=0)
            ((_, layer),) = prepare_layers(docker_client, plan, {"agents": AGENTS}, say=lambda _: None).items()
            with_tool = build_instrumented(docker_client, layer, tool, say=lambda _: None)
            return Session(engine, one, layer, settings), with_tool

        yield start


Record = Callable[[Cell, Instrument], tuple[Measurement, Noted]]


@pytest.fixture
def record(session: Callable[[Cell, ProfileTool], tuple[Session, Layer]], tmp_path: Path) -> Record:
    """Return ``record(cell, instrument)``: one run with the instrument, and what it noted."""

    def run(one: Cell, instrument: Instrument) -> tuple[Measurement, Noted]:
        opened, layer = session(one, instrument.tool)
        measurement = opened.recorded(instrument, layer, artefacts=tmp_path, raised_bytes=8 * MIB)
        opened.render(layer, artefacts=tmp_path, with_reports=False)
        return measurement, read_noted(tmp_path)

    return run


def blamed(sites: Iterable[Site]) -> dict[str, int]:
    """Return how many MiB the functions of the program allocated, if it is more than a few arenas for objects."""
    sizes: Counter[str] = Counter()
    for site in sites:
        if site.own_frame:
            sizes[site.own_frame.function] += site.size_bytes
    return {name: round(size / MIB) for name, size in sizes.items() if size >= 8 * MIB}


@pytest.mark.parametrize("on", ["py310", "py313"])
def test_the_main_process_and_both_kinds_of_children(on: str, record: Record) -> None:
    run, noted = record(cell(("python", "-c", FAMILY), on=on, cap="256m"), Instrument(follows_fork=True))

    assert run.ending is Ending.COMPLETED, (run.detail, run.output_tail)
    assert blamed(noted.sites) == {"parent": 64, "forked": 48, "started": 32}
    assert noted.sites[0].frame == Frame(file="<string>", line=3, function="parent")
    assert [process.main for process in noted.processes] == [True, False, False]
    assert noted.caveats == ()


def test_what_it_took_and_who_was_not_followed_are_told(
    session: Callable[[Cell, ProfileTool], tuple[Session, Layer]], tmp_path: Path
) -> None:
    one = cell(("python", "-c", FAMILY), cap="256m")
    opened, layer = session(one, ProfileTool.MEMRAY)
    found = take_profile(
        opened,
        Recorder(instrument=Instrument(), layer=layer),
        named=Named(id="i", started="", subject=one.id, cap_bytes=one.cap.bytes),
        artefacts=tmp_path,
    )

    assert blamed(found.sites) == {"parent": 64}
    assert found.source(found.lines()[0].frame) == "return bytearray(64 << 20)"
    assert [caveat.kind for caveat in found.caveats] == [CaveatKind.CHILDREN_NOT_FOLLOWED]
    assert 0 < found.raised_bytes < 32 * MIB
    assert found.cost.footprint_bytes is not None
    (pid,) = (process.pid for process in found.processes)
    names = ("flamegraph.html", "table.html", "temporal.html", "leaks.html", "leaks.json", "stats.json")
    reports = {f"{pid}-{name}" for name in names}
    assert {path.name for path in tmp_path.iterdir()} == {*reports, f"capture-{pid}.bin"}
    assert 'src="http' not in (tmp_path / f"{pid}-flamegraph.html").read_text(), "no network is needed"


@pytest.mark.parametrize("tool", ProfileTool)
def test_a_kill_leaves_what_lived(tool: ProfileTool, record: Record) -> None:
    run, noted = record(cell(("python", "-c", GROWING), cap="96m"), Instrument(tool=tool))

    assert run.ending is Ending.OOM_KILLED
    assert blamed(noted.sites)["read_row"] >= 70
    assert noted.sites[0].frame == Frame(file="<string>", line=4, function="read_row")


def test_compiled_code(record: Record) -> None:
    run, noted = record(cell(("python", "-c", IN_C), on="py311"), Instrument(native=True))

    assert run.ending is Ending.COMPLETED, run.output_tail
    (site, *_) = noted.sites
    assert round(site.size_bytes / MIB) == 64
    assert site.frame == Frame(file="<string>", line=3, function="derive")
    assert any(frame.native and "scrypt" in frame.function.lower() for frame in site.stack), site.stack


def test_numpy(record: Record) -> None:
    code = "import numpy\ndef matrix():\n    return numpy.ones((48, 1024, 128))\nkept = matrix()"
    one = cell(("python", "-c", code))
    run, noted = record(replace(one, benchmark=replace(one.benchmark, suite="agents")), Instrument(native=True))

    assert run.ending is Ending.COMPLETED, run.output_tail
    (site, *_) = noted.sites
    assert (round(site.size_bytes / MIB), site.count) == (48, 1)
    assert site.own_frame == Frame(file="<string>", line=3, function="matrix")
    assert site.frame is not None
    assert site.frame.file.startswith("/memcap/deps/numpy/")
    assert any(frame.native and "PyArray" in frame.function for frame in site.stack), site.stack


def test_debians_own_python_with_its_own_sitecustomize(docker_client: DockerClient, record: Record) -> None:
    python = Path("/usr/bin/python3").resolve()
    library = Path("/usr/lib") / python.name
    require("debian-python", available=(library / "os.py").exists() and sys.platform == "linux")
    tree = Tree()
    tree.add_folder("tmp", mode=0o1777)
    tree.add_file(f"usr/bin/{python.name}", python, executable=True)
    tree.add_link("usr/bin/python3", python.name)
    for file in library.rglob("*"):
        if file.is_file() and not {"test", "tests", "__pycache__"} & set(file.parts):
            tree.add_file(file.as_posix().lstrip("/"), file)
    tree.add_file(f"usr/lib/{python.name}/sitecustomize.py", b"import builtins\nbuiltins.is_debian = True\n")
    add_libraries(tree, python, *library.glob("lib-dynload/*.so"))
    zoo = Zoo(docker_client)
    try:
        reference = zoo.imported(tree, "ENV PATH=/usr/bin PYTHONPATH=/opt/own", "USER 4242")
        code = "import sys\nassert is_debian and sys.path[1] == '/opt/own', sys.path\nkept = bytearray(40 << 20)"
        image = ImageSource(name=zoo.name, reference=reference)
        run, noted = record(replace(cell(("python3", "-c", code)), image=image), Instrument())
    finally:
        zoo.close()

    assert run.ending is Ending.COMPLETED, run.output_tail
    assert blamed(noted.sites) == {"<module>": 40}


def add_libraries(tree: Tree, *programs: Path) -> None:
    """Add what the programs are linked with, and what every Debian has beside it."""
    import subprocess

    ldd = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False)
    libraries = set(parse_ldd(ldd.stdout).values())
    (folder,) = {path.parent for path in libraries if path.name == "libc.so.6"}
    libraries |= {folder / name for name in ("libdl.so.2", "libpthread.so.0", "librt.so.1", "libm.so.6")}
    libraries |= {Path("/usr") / folder.relative_to("/") / name for name in ("libstdc++.so.6", "libgcc_s.so.1")}
    for path in libraries:
        tree.add_file(path.as_posix().lstrip("/"), path.resolve(), executable=True)


def test_an_image_without_python_is_refused(docker_client: DockerClient) -> None:
    zoo, tree = Zoo(docker_client), Tree()
    tree.add_file("etc/motd", b"nothing runs here\n")
    try:
        one = zoo.cell(zoo.imported(tree, 'CMD ["/nothing"]'), ())
        plan = Plan(profile="profile", cells=(one,), runs=1, warmups=0)
        ((_, layer),) = prepare_layers(docker_client, plan, {}, say=lambda _: None).items()
        with pytest.raises(BuildError, match="has no Python"):
            build_instrumented(docker_client, layer, ProfileTool.MEMRAY, say=lambda _: None)
    finally:
        zoo.close()


@pytest.mark.usefixtures("docker_client")
def test_the_command_writes_a_folder_and_no_baseline_comes_of_it(tmp_path: Path) -> None:
    from memcap.cli.profile import command
    from memcap.errors import FileFormatError
    from memcap.store import load_profile, load_result

    folder = tmp_path / "out"
    words = [
        "py312",
        "--cap",
        "128m",
        "--json",
        "--output",
        str(folder),
        "--",
        "python",
        "-c",
        "x = bytearray(48 << 20)",
    ]
    done = CliRunner().invoke(command, words, catch_exceptions=False)

    answer = json.loads(done.stdout)
    assert (answer["profiled"], answer["ending"]) == (True, "completed")
    assert answer["top_sites"][0]["text"] == "x = bytearray(48 << 20)"
    assert answer["top_sites"][0]["size_bytes"] == pytest.approx(48 * MIB, rel=0.001)
    assert {path.name for path in folder.iterdir()} == {
        "index.html",
        "memory.svg",
        "profile.json",
        "record",
        "speedscope.json",
        "tree.txt",
    }
    assert "x = bytearray(48 &lt;&lt; 20)" in (folder / "index.html").read_text()
    assert load_profile(folder).sites[0].size_bytes == answer["top_sites"][0]["size_bytes"]
    with pytest.raises(FileFormatError, match="neither judged nor accepted"):
        load_result(folder / "profile.json")
