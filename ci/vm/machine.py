"""Start and stop the virtual machine: one for each user, a fresh disk every time."""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ci.errors import SetupError
from ci.process import run_quietly, tail
from ci.vm.build import Parts

START_LIMIT_SECONDS = 300.0  # 20 to 60 s were seen; two cores may have other work
STOP_LIMIT_SECONDS = 20.0
POLL_SECONDS = 0.5
# A kernel that changes its own code at the start can meet it half changed on the other CPU ("Oops: int3"): QEMU
# emulates each CPU in a thread (tcg,thread=multi), and those see each other's code late. Seen once.
STARTS = 3
NO_DAEMON = 20  # memcap.errors.DaemonUnavailable


@dataclass(frozen=True, kw_only=True)
class Size:
    """What the machine has, and where its Docker answers on this one. The default has less memory than some caps."""

    memory_mib: int = 2048
    cpus: int = 2
    port: int = 23750


class Machine:
    """The virtual machine whose state is kept in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._pidfile = folder / "qemu.pid"
        self._portfile = folder / "port"
        self.console = folder / "console.log"

    def process(self) -> int | None:
        """Return the id of our QEMU process; None where it does not run."""
        try:
            pid = int(self._pidfile.read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # Ids are given again: it is ours only if it was started with our file.
        return pid if os.fsencode(self._pidfile) in command else None

    def address(self) -> str | None:
        """Return the DOCKER_HOST of the running machine; None where it does not run."""
        if self.process() is None:
            return None
        return f"tcp://127.0.0.1:{self._portfile.read_text(encoding='ascii')}"

    def start(self, parts: Parts, size: Size, *, say: Callable[[str], None]) -> str:
        """Start it where it does not run, wait until Docker answers, return its DOCKER_HOST. Raises SetupError."""
        if (pid := self.process()) is not None:
            say(f"virtual machine: runs already (process {pid})")
            self._wait()
            return str(self.address())
        self._pidfile.parent.mkdir(parents=True, exist_ok=True)
        self._portfile.write_text(str(size.port), encoding="ascii")
        say(f"virtual machine: starting with {size.memory_mib} MiB and {size.cpus} CPUs, emulated: 20 to 90 s")
        for tries_left in reversed(range(STARTS)):
            run_quietly(self._command(parts, size), remedy="Is the port in use? Choose another: --port")
            try:
                self._wait()
                break
            except SetupError:
                if self.process() is not None or "Kernel panic" not in self._said() or not tries_left:
                    raise
                say("virtual machine: its kernel panicked at the start, as can happen when emulated; once more")
        return str(self.address())

    def stop(self) -> bool:
        """End our QEMU process and no other; return whether there was one. Raises SetupError if it stays."""
        pid = self.process()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_SECONDS
        while self.process() is not None:
            if time.monotonic() > deadline:
                raise SetupError(
                    f"QEMU (process {pid}) did not end within {STOP_LIMIT_SECONDS:.0f} s\n    kill -9 {pid}"
                )
            time.sleep(POLL_SECONDS / 5)
        return True

    def _command(self, parts: Parts, size: Size) -> list[str]:
        # TCG and this CPU model, because a stock kernel boots with them everywhere, inside other virtual machines too.
        return [
            "nice", "-n", "10", "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi",
            "-cpu", "Nehalem,-cx16", "-smp", str(size.cpus), "-m", str(size.memory_mib),
            "-nodefaults", "-display", "none", "-serial", f"file:{self.console}",
            "-pidfile", str(self._pidfile), "-daemonize",
            "-kernel", str(parts.kernel), "-initrd", str(parts.initramfs), "-append", "console=ttyS0 panic=-1 quiet",
            "-no-reboot",
            # Writes go to a temporary file that ends with the process: the disk stays as it was built.
            "-drive", f"file={parts.disk},format=raw,if=virtio,snapshot=on,cache=unsafe",
            "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{size.port}-:2375", "-device", "virtio-net-pci,netdev=net",
            "-device", "virtio-rng-pci",
        ]  # fmt: skip

    def _wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        port = int(self._portfile.read_text(encoding="ascii"))
        while not _answers(port):
            has_ended = self.process() is None
            if has_ended or time.monotonic() > deadline:
                what = "ended" if has_ended else f"did not answer within {START_LIMIT_SECONDS:.0f} s"
                raise SetupError(
                    f"the virtual machine was started but {what}; the end of {self.console}:\n{tail(self._said())}",
                    exit_code=NO_DAEMON,
                )
            time.sleep(POLL_SECONDS)

    def _said(self) -> str:
        return self.console.read_text(encoding="utf-8", errors="replace") if self.console.exists() else ""


def _answers(port: int) -> bool:
    # http.client, because it heeds no proxy settings. QEMU accepts connections before the guest does, and drops them.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
