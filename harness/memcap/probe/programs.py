"""The probe's own files, and which of a suite's files go with them where its workloads run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
_LOOKS = (
    "memcap_runner.py",
    "memcap_soak.py",
    "memcap_explain.py",
    "memcap_grown.py",
    "memcap_edges.py",
    "memcap_holders.py",
    "memcap_weight.py",
)
RUNNER: Final = tuple(FOLDER / name for name in ("runner.py", *_LOOKS))
LOOKS: Final = tuple(FOLDER / name for name in _LOOKS)  # into other programs
LOAD_CLIENT: Final = tuple(
    FOLDER / "memcap_load" / f"{name}.py" for name in ("__init__", "__main__", "client", "connection", "leading")
)
_NOT_FOR_RUNS: Final = frozenset({"suite.toml", "requirements.txt", "__pycache__"})


def supervisor_program(architecture: str) -> Path | None:
    """Return the compiled supervisor for ``architecture``; None where there is none."""
    path = FOLDER / "bin" / f"supervisor-{architecture}"
    return path if path.is_file() else None


def is_for_runs(name: str) -> bool:
    """Tell whether a workload may read the file or folder ``name`` of its suite.

    It may not read configuration, README, caches and hidden files.
    """
    return not (name.startswith(".") or name in _NOT_FOR_RUNS or name.upper().startswith("README"))
