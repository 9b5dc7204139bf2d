"""Build the virtual machine's kernel, initramfs and disk, and keep them by the hash of what they are made from."""

from __future__ import annotations

import hashlib
import lzma
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ci import apt
from ci.errors import SetupError
from ci.process import run_quietly
from ci.system import System, path_with_sbin
from ci.vm.initramfs import archive

GUEST = Path(__file__).parent / "guest"
SUITE = "trixie"
PACKAGES = ("docker.io", "containerd", "runc", "iproute2", "iptables", "kmod", "busybox-static")
DISK_BYTES = 4 * 1024**3  # sparse: what is not written takes no room
# Program that must be there → the package that has it.
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mkfs.ext4": "e2fsprogs"}
# What this machine's apt was told about its mirror holds for the same mirror's other suites.
_APT_OPTIONS = ("Acquire::Check-", "Acquire::http", "Acquire::Retries", "Acquire::ForceIP")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What QEMU is started with; ``folder`` holds all three, and its name is the hash of what they are made from."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def initramfs(self) -> Path:
        return self.folder / "initramfs"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.img"


def recipe() -> str:
    """Return a hash of everything in this package that decides what is built; mirrors change without it."""
    digest = hashlib.sha256()
    for path in sorted([Path(__file__), Path(__file__).with_name("initramfs.py"), *GUEST.iterdir()]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def build(cache: Path, system: System, *, say: Callable[[str], None]) -> Parts:
    """Return the parts, from ``cache`` where they are there. Raises SetupError."""
    parts = Parts(folder=cache / recipe())
    provide_tools(system, say=say)
    if parts.folder.is_dir():
        return parts
    if not system.is_root:
        raise SetupError("making the virtual machine's disk needs root: it holds the files of a Debian")
    cache.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that a build that breaks off leaves nothing that looks finished.
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as folder:
        unfinished = Path(folder) / "parts"
        unfinished.mkdir()
        _build_into(Parts(folder=unfinished), Path(folder) / "root", say=say)
        try:
            unfinished.rename(parts.folder)
        except OSError:  # another build was quicker
            if not parts.folder.is_dir():
                raise
    for former in cache.glob("?" * len(parts.folder.name)):
        if former != parts.folder:  # half a GB each; a machine that runs keeps its open files
            shutil.rmtree(former, ignore_errors=True)
    return parts


def provide_tools(system: System, *, say: Callable[[str], None]) -> None:
    """Install what is missing of TOOLS with apt-get as root; raise SetupError with what to do elsewhere."""
    missing = [package for program, package in TOOLS.items() if shutil.which(program, path=path_with_sbin()) is None]
    if not missing:
        return
    if not (system.is_debian_like and system.is_root):
        raise SetupError(
            f"the virtual machine needs {', '.join(missing)}\n    sudo apt-get install -y {' '.join(missing)}"
        )
    say(f"virtual machine: installing {', '.join(missing)} with apt-get")
    apt.install(*missing)


def mirror() -> str:
    """Return the address of the Debian mirror that this machine's own apt is configured with. Raises SetupError."""
    found = run_quietly(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    ).stdout
    for line in found.splitlines():
        origin, component, uri = line.split(maxsplit=2)
        if (origin, component) == ("Debian", "main") and not uri.rstrip("/").endswith("-security"):
            return uri
    raise SetupError(
        f"apt knows no Debian mirror here, and the virtual machine is a Debian {SUITE}\n"
        "    Build it on Debian, or in a container of it; the cache may be copied from there."
    )


def _build_into(parts: Parts, root: Path, *, say: Callable[[str], None]) -> None:
    say(f"virtual machine: making a Debian {SUITE} with Docker (a minute)")
    _make_root(root)
    (kernel,) = root.glob("boot/vmlinuz-*")
    shutil.copyfile(kernel, parts.kernel)
    (module,) = root.glob("usr/lib/modules/*/kernel/drivers/block/virtio_blk.ko.xz")
    parts.initramfs.write_bytes(
        archive(
            folders=("bin", "dev", "root"),
            programs={
                "init": (GUEST / "initramfs.sh").read_bytes(),
                "bin/busybox": (root / "usr/bin/busybox").read_bytes(),
                "virtio_blk.ko": lzma.decompress(module.read_bytes()),
            },
        )
    )
    shutil.copyfile(GUEST / "init.sh", root / "sbin/init")
    (root / "sbin/init").chmod(0o755)
    say("virtual machine: making its disk")
    with parts.disk.open("wb") as disk:
        disk.truncate(DISK_BYTES)
    _run(["mkfs.ext4", "-q", "-d", str(root), str(parts.disk)])


def _make_root(root: Path) -> None:
    known = run_quietly(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"]).stdout.splitlines()
    options = [f"--aptopt={line.rstrip(';')}" for line in known if line.startswith(_APT_OPTIONS) and ' "";' not in line]
    _run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}", *options,
         f"--customize-hook=sh -e {GUEST / 'kernel.sh'} \"$1\"", SUITE, str(root), mirror()]
    )  # fmt: skip


def _run(command: list[str]) -> None:
    run_quietly(["nice", "-n", "10", *command], environ={"PATH": path_with_sbin(), "DEBIAN_FRONTEND": "noninteractive"})
