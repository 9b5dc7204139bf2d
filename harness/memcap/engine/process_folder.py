"""The folder of one run outside of a container: what is /memcap in a container, fresh for each run."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from compileall import compile_dir
from contextlib import contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from memcap.engine.base import ARTEFACTS_LIMIT_BYTES, too_many_artefacts
from memcap.errors import EngineError
from memcap.probe.programs import RUNNER, is_for_runs, supervisor_program

# Words of a command line and variables lead to what an image's layer would have there.
_PLACES: Final = re.compile(r"(?<![\w./-])/memcap/(?=(?:artefacts|out|probe|suite|tmp)\b)")
_ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024


def supervisor_path(machine: str) -> Path:
    """Return the compiled supervisor for this machine's architecture. Raises EngineError where there is none."""
    path = supervisor_program(machine)
    if path is None:
        raise EngineError(
            f"memcap has no supervisor for {machine}",
            remedy="It has one for x86_64 and aarch64; in a source tree, install memcap again to compile it.",
        )
    return path


class Stage:
    """The files of runner and suites, compiled once for all runs: what a run compiled would be among its figures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._suites: dict[str, Path] = {}
        self._probe = folder / "probe"
        self._probe.mkdir()
        for file in RUNNER:
            shutil.copy(file, self._probe)
        _compile(self._probe)

    def add(self, suite: str) -> None:
        """Copy the suite in this folder, once. Raises OSError."""
        if suite in self._suites:
            return
        copy = self._folder / str(len(self._suites))
        shutil.copytree(suite, copy, ignore=lambda _, names: {name for name in names if not is_for_runs(name)})
        _compile(copy)
        self._suites[suite] = copy

    @contextmanager
    def run_folder(self, suite: str) -> Iterator[RunFolder]:
        """Yield a new folder with the files of ``suite`` ("" for none); it is removed at the end, whatever is in it."""
        with tempfile.TemporaryDirectory(prefix="memcap-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for part in ("artefacts", "out", "tmp", "work"):
                (folder / part).mkdir()
            shutil.copytree(self._probe, folder / "probe")
            if suite:
                shutil.copytree(self._suites[suite], folder / "suite")
            yield RunFolder(folder)


def _compile(folder: Path) -> None:
    """Compile all modules of ``folder`` so that it does not matter how their files are copied."""
    compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


class RunFolder:
    """Where one run happens."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def led_here(self, text: str) -> str:
        """Return ``text`` with the places of a container, such as /memcap/suite, led to this folder."""
        return _PLACES.sub(lambda _: f"{self.path}/", text)

    def answers(self) -> dict[str, str]:
        """Return the files that the probe left, by name. Raises EngineError for one that cannot be the probe's."""
        found = {}
        for name in ("report.json", "workload.jsonl", "supervisor.jsonl"):
            path = self.path / "out" / name
            try:
                about = path.lstat()
            except OSError:
                continue
            if not stat.S_ISREG(about.st_mode) or about.st_size > _ANSWER_LIMIT_BYTES:
                raise EngineError(
                    f"the workload left something large or odd in place of memcap's {name}",
                    remedy="The folder /memcap/out is memcap's; let the workload write elsewhere.",
                )
            found[name] = path.read_text(encoding="utf-8", errors="replace")
        return found

    def give(self, source: Path) -> None:
        """Copy the files that a run is given as artefacts. Raises OSError."""
        for path in source.iterdir():
            if path.is_file():
                shutil.copyfile(path, self.path / "artefacts" / path.name)

    def bring(self, target: Path) -> None:
        """Move what the run left as artefacts to ``target``. Raises OSError, EngineError where it is too much."""
        left = ARTEFACTS_LIMIT_BYTES
        for path in sorted((self.path / "artefacts").iterdir()):
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                continue
            left -= about.st_size
            if left < 0:
                raise too_many_artefacts(ARTEFACTS_LIMIT_BYTES)
            shutil.move(path, target / path.name)
