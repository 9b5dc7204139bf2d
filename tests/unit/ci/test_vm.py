from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ci.errors import SetupError
from ci.process import finish
from ci.system import System
from ci.vm import build as building
from ci.vm import commands, machine
from ci.vm.build import Parts, build, mirror, recipe
from ci.vm.initramfs import archive
from ci.vm.machine import Machine, Size

ROOT_ON_DEBIAN = System(platform="linux", distributions=("debian",), is_root=True, environ={})
PARTS = Parts(folder=Path("/nowhere"))


@contextmanager
def sleeper(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that has started, with these arguments."""
    program = "import time; print('started', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def silent(_: str) -> None:
    pass


class TestInitramfs:
    def test_layout_is_the_kernels(self) -> None:
        made = archive(folders=("dev",), programs={"init": b"#!"})

        header = made[:110]
        assert header.startswith(b"070701" + b"%08x" % 1 + b"%08x" % 0o040755)
        assert made[110:114] == b"dev\0"
        second = made[116:]  # 110 + 4, up to a multiple of four
        assert second.startswith(b"070701" + b"%08x" % 2 + b"%08x" % 0o100755)
        assert second[110:118] == b"init\0\0#!"
        assert len(made) % 4 == 0
        assert b"TRAILER!!!\0" in made

    @pytest.mark.allow_processes
    @pytest.mark.skipif(shutil.which("cpio") is None, reason="no cpio here to read it")
    def test_cpio_reads_it(self, tmp_path: Path) -> None:
        made = archive(folders=("bin",), programs={"init": b"one", "bin/two": b"2" * 5})

        subprocess.run(["cpio", "--extract", "--quiet"], input=made, cwd=tmp_path, check=True)

        assert (tmp_path / "init").read_bytes() == b"one"
        assert (tmp_path / "bin" / "two").read_bytes() == b"22222"
        assert os.access(tmp_path / "init", os.X_OK)


class TestBuilding:
    def test_what_was_built_is_taken_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(building, "TOOLS", {})
        (tmp_path / recipe()).mkdir()

        assert build(tmp_path, ROOT_ON_DEBIAN, say=silent).folder == tmp_path / recipe()

    def test_another_recipe_is_another_machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(building.GUEST, tmp_path / "guest")
        monkeypatch.setattr(building, "GUEST", tmp_path / "guest")
        before = recipe()
        with (tmp_path / "guest" / "init.sh").open("a") as script:
            script.write("# changed\n")

        assert recipe() != before

    def test_a_new_one_takes_the_place_of_the_old(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(building, "TOOLS", {})
        monkeypatch.setattr(building, "_build_into", lambda *_, **__: None)
        for other in ("0123456789abcdef", "running"):
            (tmp_path / other).mkdir()

        build(tmp_path, ROOT_ON_DEBIAN, say=silent)

        assert {path.name for path in tmp_path.iterdir()} == {recipe(), "running"}

    def test_nothing_unfinished_is_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(parts: Parts, root: Path, *, say: object) -> None:
            parts.kernel.write_bytes(b"half")
            raise SetupError("no mirror")

        monkeypatch.setattr(building, "TOOLS", {})
        monkeypatch.setattr(building, "_build_into", fail)

        with pytest.raises(SetupError, match="no mirror"):
            build(tmp_path / "cache", ROOT_ON_DEBIAN, say=silent)
        assert list((tmp_path / "cache").iterdir()) == []

    def test_without_root_it_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(building, "TOOLS", {})
        with pytest.raises(SetupError, match="needs root"):
            build(tmp_path, System(platform="linux", environ={}), say=silent)

    def test_missing_programs_are_named_with_their_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(building, "TOOLS", {"no-such-emulator": "emulator-package", sys.executable: "python3"})
        with pytest.raises(SetupError, match=r"apt-get install -y emulator-package$"):
            building.provide_tools(System(platform="linux", distributions=("fedora",), environ={}), say=silent)

    @pytest.mark.parametrize(
        ("targets", "expected"),
        [
            ("Debian main http://mirror.test/debian/\n", "http://mirror.test/debian/"),
            ("Other main http://x.test/\nDebian main http://m.test/debian-security/\nDebian main http://m.test/d/\n",
             "http://m.test/d/"),
        ],
    )  # fmt: skip
    def test_mirror_is_what_apt_uses(self, monkeypatch: pytest.MonkeyPatch, targets: str, expected: str) -> None:
        monkeypatch.setattr(
            building, "run_quietly", lambda command: subprocess.CompletedProcess(command, 0, stdout=targets)
        )
        assert mirror() == expected

    def test_no_debian_mirror_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            building,
            "run_quietly",
            lambda command: subprocess.CompletedProcess(command, 0, stdout="Ubuntu main http://u.test/ubuntu/\n"),
        )
        with pytest.raises(SetupError, match="no Debian mirror"):
            mirror()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestProcess:
    def test_a_number_that_was_given_again_is_not_ours(self, tmp_path: Path) -> None:
        (tmp_path / "qemu.pid").write_text(f"{os.getpid()}\n")

        vm = Machine(tmp_path)
        assert vm.process() is None
        assert vm.address() is None
        assert vm.stop() is False

    @pytest.mark.parametrize("content", ["", "not a number", "999999999"])
    def test_a_pidfile_that_means_nothing(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "qemu.pid").write_text(content)
        assert Machine(tmp_path).process() is None

    @pytest.mark.allow_processes
    def test_stop_ends_exactly_that_process(self, tmp_path: Path) -> None:
        pidfile = tmp_path / "qemu.pid"
        (tmp_path / "port").write_text("1234")
        vm = Machine(tmp_path)
        with sleeper() as other, sleeper(str(pidfile)) as ours:
            pidfile.write_text(str(other.pid))
            assert vm.stop() is False
            pidfile.write_text(str(ours.pid))
            assert vm.address() == "tcp://127.0.0.1:1234"
            assert vm.stop() is True
            assert ours.wait(timeout=10) == -signal.SIGTERM
            assert other.poll() is None
        assert vm.process() is None

    @pytest.mark.parametrize(("said", "starts"), [("Kernel panic", machine.STARTS), ("no disk", 1)])
    def test_a_start_that_fails_shows_the_console(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, starts: int
    ) -> None:
        started: list[list[str]] = []

        def die(command: list[str], *, remedy: str) -> None:
            started.append(command)
            console_of(command).write_text(f"{said}\n")

        monkeypatch.setattr(machine, "run_quietly", die)
        monkeypatch.setattr(machine, "_answers", lambda _: False)

        with pytest.raises(SetupError, match=said) as caught:
            Machine(tmp_path / "vm").start(PARTS, Size(), say=silent)
        assert caught.value.exit_code == machine.NO_DAEMON
        assert len(started) == starts

    def test_a_kernel_that_panics_is_started_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[list[str]] = []
        said: list[str] = []

        def panic_once(command: list[str], *, remedy: str) -> None:
            console_of(command).write_text("ready\n" if started else "Kernel panic\n")
            started.append(command)

        monkeypatch.setattr(machine, "run_quietly", panic_once)
        monkeypatch.setattr(machine, "_answers", lambda _: len(started) == 2)

        Machine(tmp_path / "vm").start(PARTS, Size(), say=said.append)
        assert len(started) == 2
        assert [line for line in said if "panicked" in line]


def console_of(command: list[str]) -> Path:
    return Path(command[command.index("-serial") + 1].removeprefix("file:"))


class TestCommands:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def test_nothing_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert commands.vm(["status"]) == 1
        assert commands.vm(["stop"]) == 0
        assert capsys.readouterr().out == "not running\nit was not running\n"

    def test_start_prints_what_a_shell_evaluates(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        asked: list[Size] = []

        def start(_: Machine, __: Parts, size: Size, *, say: object) -> str:
            asked.append(size)
            return "tcp://127.0.0.1:1"

        monkeypatch.setattr(commands, "build", lambda *_, **__: PARTS)
        monkeypatch.setattr(Machine, "start", start)

        assert commands.vm(["start", "--memory", "1024"]) == 0
        assert asked == [Size(memory_mib=1024, cpus=2)]
        assert capsys.readouterr().out == "export DOCKER_HOST=tcp://127.0.0.1:1\n"

    @pytest.mark.parametrize("ran_before", [False, True])
    def test_a_machine_that_ran_before_is_left_running(self, monkeypatch: pytest.MonkeyPatch, ran_before: bool) -> None:
        stopped: list[bool] = []
        monkeypatch.setattr(commands, "start", lambda *_, **__: "tcp://127.0.0.1:1")
        monkeypatch.setattr(Machine, "process", lambda _: 1 if ran_before else None)
        monkeypatch.setattr(Machine, "stop", lambda _: stopped.append(True))

        def use() -> None:
            with commands.running_machine(silent) as address:
                assert address == "tcp://127.0.0.1:1"
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            use()
        assert bool(stopped) is not ran_before


@pytest.mark.allow_processes
@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell here")
@pytest.mark.parametrize("script", sorted(building.GUEST.iterdir()), ids=lambda path: path.name)
def test_scripts_of_the_guest_parse(script: Path) -> None:
    assert finish(["sh", "-n", str(script)]).returncode == 0
