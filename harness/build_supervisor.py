"""Compile the supervisor for every supported architecture while the package is built.

The supervisor is freestanding C (no libc), so that any host, Windows and macOS included, can build the Linux
programs with the C compiler that the ``ziglang`` package carries, in well under a second.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("harness/memcap/probe/csrc")
TARGET = Path("harness/memcap/probe/bin")
ARCHITECTURES = ("x86_64", "aarch64")
FLAGS = (
    "-std=c11", "-Os", "-s", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-sanitize=all",
    "-Wall", "-Wextra", "-Werror",
)  # fmt: skip


class SupervisorBuildHook(BuildHookInterface[Any]):
    """Put ``supervisor-<architecture>`` beside the probe's Python files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        (root / TARGET).mkdir(parents=True, exist_ok=True)
        for architecture in ARCHITECTURES:
            compile_for(architecture, root=root)


def compile_for(architecture: str, *, root: Path) -> Path:
    """Compile the supervisor for one Linux architecture and return the program's path."""
    program = root / TARGET / f"supervisor-{architecture}"
    subprocess.run(
        [
            sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-none", *FLAGS,
            "-o", str(program), str(root / SOURCE / "supervisor.c"),
        ],
        check=True,
    )  # fmt: skip
    return program
