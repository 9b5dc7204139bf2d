"""Keep truths in the user's cache folder: they depend on the program, its image and the machine, and not on memcap."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_path
from truth.programs.model import Program
from truth.programs.plainly import Truth

from memcap.model import Environment

# Raise this when the way truths are found changes.
_METHOD = 1


@dataclass(frozen=True, kw_only=True)
class KeptTruths:
    """Truths found before on such a machine, a file each; ``fresh``: as if there were none."""

    folder: Path
    machine: Environment
    fresh: bool = False

    def find(self, program: Program, reference: str) -> Truth | None:
        """Return what was found for the program in the image ``reference``, whose name changes with its contents."""
        if self.fresh:
            return None
        try:
            return Truth(**json.loads(self._file(program, reference).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, truth: Truth, program: Program, reference: str) -> None:
        """Remember a truth."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file(program, reference).write_text(json.dumps(asdict(truth), indent=1) + "\n", encoding="utf-8")

    def _file(self, program: Program, reference: str) -> Path:
        machine = self.machine
        parts = (
            _METHOD, program.patchy, program.argv, sorted(program.env.items()), reference,
            machine.engine_version, machine.cgroup_version, machine.kernel, machine.cpus,
        )  # fmt: skip
        return self.folder / f"{program.name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}.json"


def kept_truths(machine: Environment, *, fresh: bool) -> KeptTruths:
    """Return those of this user."""
    return KeptTruths(folder=user_cache_path("memcap") / "truth-programs" / "truths", machine=machine, fresh=fresh)
