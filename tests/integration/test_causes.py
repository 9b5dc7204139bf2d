"""Who was killed, and what a program ran out of by its own word: with real containers, and programs that deceive."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, measure_once
from integration.promises import require
from integration.test_image_zoo import Zoo

from memcap.images.archive import Tree
from memcap.images.host_base import parse_ldd
from memcap.model import Ending, Measurement, Origin, remedy_of

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
HUNGRY = "b = bytearray(1 << 30)"
CHILD = (
    f"import os, signal, subprocess, sys, time\nended = subprocess.run([sys.executable, '-c', {HUNGRY!r}]).returncode\n"
)


@pytest.fixture
def zoo(docker_client: DockerClient) -> Iterator[Zoo]:
    keeper = Zoo(docker_client)
    yield keeper
    keeper.close()


def python(client: DockerClient, code: str, cap: str = "64m") -> Measurement:
    return measure_once(client, cell(("python", "-c", code), cap=cap))


def remedy(run: Measurement) -> str:
    return remedy_of(run.ending, run.detail, Origin.COMMAND)


def with_libraries(tree: Tree, *programs: Path) -> Tree:
    """Add programs of this machine, where they are here, with what they are linked with."""
    for program in programs:
        tree.add_file(program.as_posix().lstrip("/"), program.resolve(), executable=True)
    ldd = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False)
    for path in set(parse_ldd(ldd.stdout).values()):
        tree.add_file(path.as_posix().lstrip("/"), path.resolve(), executable=True)
    return tree


def test_a_child_is_killed_and_later_the_main_process_kills_itself(docker_client: DockerClient) -> None:
    run = python(docker_client, CHILD + "time.sleep(0.2)\nos.kill(os.getpid(), signal.SIGKILL)")

    assert (run.ending, run.signal, run.oom.kills) == (Ending.OOM_CHILD_NOTICED, signal.SIGKILL, 1)
    assert "not the kernel's" in run.detail


def test_a_child_is_killed_and_later_the_main_process_too(docker_client: DockerClient) -> None:
    run = python(docker_client, CHILD + f"time.sleep(0.2)\n{HUNGRY}")

    assert (run.ending, run.signal, run.oom.kills) == (Ending.OOM_KILLED, signal.SIGKILL, 2)


def test_the_main_process_kills_itself_without_any_kill_at_the_cap(docker_client: DockerClient) -> None:
    run = python(docker_client, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")

    assert (run.ending, run.signal, run.oom.kills) == (Ending.CRASHED, signal.SIGKILL, 0)


def test_two_processes_end_by_sigkill_and_the_kernel_killed_one(docker_client: DockerClient) -> None:
    """Counter and signals fit two stories then, and the detail says so."""
    code = (
        "import os, time\nread, write = os.pipe()\n"
        "if os.fork() == 0:\n    if os.fork() == 0:\n        os.write(write, b'%d' % os.getpid())\n"
        "        time.sleep(600)\n    os._exit(0)\n"  # the grandchild is the supervisor's now
        f"os.wait()\nos.kill(int(os.read(read, 9)), 9)\ntime.sleep(0.3)\n{HUNGRY}"
    )
    run = python(docker_client, code)

    assert (run.ending, run.oom.kills) == (Ending.OOM_KILLED, 1)
    assert "2 processes ended by SIGKILL" in run.detail


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("raise OSError(28, 'inotify watch limit reached')", Ending.FAILED),
        ("raise OSError(28, 'No space left on device')", Ending.STORAGE_FULL),
        ("import sys; sys.exit('MemoryError budget exceeded: quota of 3')", Ending.FAILED),
        ("class MemoryErrors(Exception): pass\nraise MemoryErrors('x')", Ending.FAILED),
        ("raise ValueError('MemoryError')", Ending.FAILED),
        ("try: raise MemoryError\nexcept MemoryError as error: raise ValueError('x') from error", Ending.MEMORY_ERROR),
        ("try: raise MemoryError\nexcept MemoryError: print('handled')\nraise ValueError('x')", Ending.FAILED),
        ("raise ExceptionGroup('many', [MemoryError(), ValueError('x')])", Ending.MEMORY_ERROR),
        ("raise OSError(12, 'Cannot allocate memory')", Ending.MEMORY_ERROR),
        ("import mmap; mmap.mmap(-1, 1 << 46)", Ending.MEMORY_ERROR),
        ("import os; os.write(2, b'malloc(): invalid size (unsorted)\\n'); os.abort()", Ending.CRASHED),
        ("import os; os.write(2, b'memory allocation of 9 bytes failed\\n'); os.abort()", Ending.MEMORY_ERROR),
    ],
)
def test_words_that_name_the_cause_and_words_that_only_begin_alike(
    docker_client: DockerClient, code: str, ending: Ending
) -> None:
    run = python(docker_client, code)

    assert (run.ending, run.oom.kills) == (ending, 0), run.output_tail
    assert ending is not Ending.MEMORY_ERROR or "aise the cap" not in remedy(run)


FULL_IN_CHILD = """
import mmap, os
child = os.fork()
if child == 0:
    with open('/dev/shm/filler', 'wb+') as file:
        file.truncate(100 << 20)
        memory = mmap.mmap(file.fileno(), 100 << 20)
        for page in range(0, 100 << 20, mmap.PAGESIZE):
            memory[page] = 1
    os._exit(0)
status = os.waitpid(child, 0)[1]
"""


@pytest.mark.parametrize(
    ("raised", "ending"),
    [
        ("raise RuntimeError(f'worker died: {-status}')", Ending.STORAGE_FULL),
        ("raise RuntimeError(f'DataLoader worker (pid {child}) is killed by signal: Bus error.')", Ending.STORAGE_FULL),
        ("os._exit(128 + status)", Ending.STORAGE_FULL),
        ("raise ValueError('no such luck')", Ending.FAILED),
    ],
)
def test_a_child_dies_of_a_full_dev_shm(docker_client: DockerClient, raised: str, ending: Ending) -> None:
    run = python(docker_client, FULL_IN_CHILD + raised, cap="256m")

    assert (run.ending, run.oom.kills) == (ending, 0), run.output_tail
    assert "/dev/shm was full (64.0 MiB)" in run.detail
    assert "--shm-size" in remedy(run)


def test_a_child_dies_of_sigbus_and_dev_shm_is_not_full(docker_client: DockerClient) -> None:
    code = "import os\nopen('/dev/shm/x', 'wb').write(b'x' * (1 << 20))\nraise RuntimeError('worker died: -7')"
    run = python(docker_client, code)

    assert (run.ending, run.detail) == (Ending.FAILED, "exit code 1")


@pytest.mark.parametrize("script", ["%s; exit $?", "true; %s; exit $?"])
def test_the_program_under_a_shell_is_killed(docker_client: DockerClient, script: str) -> None:
    app = f"python -c '{HUNGRY}; print(b[0])'"
    run = measure_once(docker_client, cell(("sh", "-c", script % app), cap="64m"))

    assert (run.ending, run.exit_code, run.oom.kills) == (Ending.OOM_KILLED, 137, 1)
    assert run.detail.startswith("the program under `sh` was killed")


@pytest.mark.parametrize(
    "code",
    [
        f"{CHILD}sys.exit(1)",  # of a shell's only child, which handled it
        f"{CHILD}time.sleep(0.1)\nsys.exit(137)",  # with a worker that was larger than itself
    ],
)
def test_a_parent_that_handles_a_killed_worker_is_not_the_victim(docker_client: DockerClient, code: str) -> None:
    slow = code.replace(
        "b = bytearray(1 << 30)", "import time; a = bytearray(40 << 20); time.sleep(0.2); b = bytearray(1 << 30)"
    )
    for argv in (("python", "-c", slow), ("sh", "-c", 'python -c "$0"; exit $?', slow)):
        run = measure_once(docker_client, cell(argv, cap="64m"))
        assert (run.ending, run.oom.kills) == (Ending.OOM_CHILD_NOTICED, 1), run.detail


@pytest.mark.parametrize("name", ["tini", "dumb-init"])
def test_the_program_under_an_init_is_killed(docker_client: DockerClient, zoo: Zoo, tmp_path: Path, name: str) -> None:
    found = shutil.which(name) or _like_an_init(tmp_path / name)
    require(name, available=found is not None)
    tree = with_libraries(Tree(), Path(str(found)))
    source, program = tmp_path / "hungry.c", tmp_path / "hungry"
    source.write_text(
        "#include <stdlib.h>\n#include <unistd.h>\nint main() { for (int n = 0;; n++) { if (n == 32) usleep(100000); "
        "volatile char *p = malloc(1 << 20); for (int i = 0; i < 1 << 20; i += 4096) p[i] = 1; } }\n"
    )
    require("gcc", available=shutil.which("gcc") is not None)
    subprocess.run(["gcc", "-static", "-o", program, source], check=True)
    tree.add_file("hungry", program, executable=True)
    argv = (str(found), "--", "/hungry")
    run = zoo.measure(zoo.imported(tree), argv, cap="64m")

    assert (run.ending, run.exit_code, run.oom.kills) == (Ending.OOM_KILLED, 137, 1), run.output_tail
    assert run.detail.startswith(f"the program under `{name}` was killed")
    assert "anonymous" in run.detail


def _like_an_init(program: Path) -> str | None:
    """Compile what starts its one child, waits for it and ends as it does, as such an init would."""
    if shutil.which("gcc") is None:
        return None
    source = program.with_suffix(".c")
    source.write_text(
        "#include <sys/wait.h>\n#include <unistd.h>\nint main(int n, char **w) { int s; if (!fork()) "
        "{ execv(w[2], w + 2); _exit(127); } wait(&s); return WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s); }\n"
    )
    subprocess.run(["gcc", "-static", "-o", program, source], check=True)
    return str(program)


def test_kernel_memory_fills_the_cap(docker_client: DockerClient) -> None:
    """Reading a mapping that was never written needs page tables alone."""
    code = (
        "import mmap, time\nsize = 32 << 30\n"
        "memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)\n"
        "for number, place in enumerate(range(0, size, 2 << 20)):\n"
        "    memory[place]\n    if number % 32 == 0: time.sleep(0.001)"
    )
    run = python(docker_client, code, cap="24m")

    assert run.ending is Ending.OOM_KILLED
    assert "of kernel memory" in run.detail.partition("at the cap: ")[2].split(", ")[0], run.detail
    assert "mappings" in remedy(run)


def test_tmpfs_fills_the_cap(docker_client: DockerClient) -> None:
    code = (
        "import time\nfile = open('/dev/shm/x', 'wb')\nwhile True:\n    file.write(b'x' * (1 << 20)); time.sleep(0.005)"
    )
    run = python(docker_client, code, cap="48m")

    assert run.ending is Ending.OOM_KILLED
    assert "tmpfs" in run.detail.partition("at the cap: ")[2].split(", ")[0], run.detail
    assert "tmpfs" in remedy(run)


def test_the_heap_limit_of_node(zoo: Zoo) -> None:
    node = shutil.which("node")
    require("node", available=node is not None)
    tree = with_libraries(Tree(), Path(str(node)))
    tree.add_folder("tmp", mode=0o1777)
    code = "const k = []; for (;;) k.push(new Array(1e4).fill(1.5))"
    run = zoo.measure(zoo.imported(tree), (str(node), "--max-old-space-size=32", "-e", code), cap="512m")

    assert (run.ending, run.signal, run.oom.kills) == (Ending.MEMORY_ERROR, signal.SIGABRT, 0), run.output_tail
    assert "JavaScript heap out of memory" in run.detail
    assert "--max-old-space-size" in remedy(run)


def test_the_heap_limit_of_java(zoo: Zoo, tmp_path: Path) -> None:
    require("java", available=shutil.which("javac") is not None)
    home = Path(str(shutil.which("javac"))).resolve().parents[1]
    (tmp_path / "Hungry.java").write_text(
        "import java.util.*; public class Hungry { public static void main(String[] words) {"
        " List<byte[]> kept = new ArrayList<>(); while (true) kept.add(new byte[1 << 20]); } }"
    )
    subprocess.run(["javac", "Hungry.java"], cwd=tmp_path, check=True)
    libraries = [path for path in (home / "lib").rglob("*.so") if path.is_file()]
    tree = with_libraries(Tree(), home / "bin" / "java", *libraries)
    for file in ("lib/modules", "lib/jvm.cfg"):
        tree.add_file(f"{home.as_posix().lstrip('/')}/{file}", (home / file).resolve())
    for setting in (home / "conf").rglob("*"):
        if setting.is_file():
            tree.add_file(setting.as_posix().lstrip("/"), setting.resolve())
    tree.add_folder("tmp", mode=0o1777)
    tree.add_file("app/Hungry.class", tmp_path / "Hungry.class")
    argv = (str(home / "bin" / "java"), "-Xmx32m", "-XX:+UseSerialGC", "-cp", "/app", "Hungry")
    run = zoo.measure(zoo.imported(tree), argv, cap="512m")

    assert (run.ending, run.exit_code, run.oom.kills) == (Ending.MEMORY_ERROR, 1, 0), run.output_tail
    assert "java.lang.OutOfMemoryError: Java heap space" in run.detail
    assert "-Xmx" in remedy(run)
