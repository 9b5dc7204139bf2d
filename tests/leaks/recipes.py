"""What is recorded, and what is known of it: ``recipes/*.toml``, each table a program.

A recipe is written before its program is recorded, so that nothing in it was fitted to a verdict.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from memcap.leaks import LeakClass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
FOLDER: Final = HERE / "recipes"
REQUIREMENTS: Final = HERE / "project" / "suites" / "recorded" / "requirements.txt"
USUAL: Final = "-C tests/leaks/project recorded.{name}-{image}-256m --duration {duration}"
SHOULD_SAY: Final = {"leak": ("linear_leak",), "no leak": ("flat",), "unknown": ()}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A program, how it is soaked, and its truth: ``leak``, ``no leak`` or ``unknown``; ``why`` says how that is known.

    ``soak`` are the words after ``memcap soak``; ``{root}`` is this repository. ``classes`` are what the verdict may
    be, where the truth is known. ``rate`` are the bytes that are kept ``by`` cycle, request or hour, None where that is
    not known; the interval of the verdict must hold it, within this share. ``fault`` says what the judge does wrong.
    """

    name: str
    group: str
    program: str
    soak: str
    truth: str
    why: str
    classes: frozenset[LeakClass]
    rate: float | None = None
    by: str = "cycle"
    within: float = 0.02
    packages: tuple[str, ...] = ()
    fault: str | None = None

    @property
    def is_known(self) -> bool:
        """Tell whether the truth is known by construction."""
        return self.truth != "unknown"

    def words(self) -> list[str]:
        """Return what comes after ``memcap soak`` on this machine."""
        return shlex.split(self.soak.format(root=ROOT))


@cache
def load_recipes() -> Mapping[str, Recipe]:
    """Return all recipes by their names."""
    found: dict[str, Recipe] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in found:
                raise ValueError(f"{path}: there is a recipe {name} in {found[name].group}.toml, too")
            found[name] = _recipe(name, path.stem, table)
    return found


def _recipe(name: str, group: str, table: dict[str, Any]) -> Recipe:
    image, duration = table.pop("image", "py312"), table.pop("duration", "150s")
    soak = table.pop("soak", USUAL.format(name=name, image=image, duration=duration))
    classes = table.pop("classes", SHOULD_SAY[table["truth"]])
    return Recipe(
        name=name,
        group=group,
        soak=soak,
        classes=frozenset(map(LeakClass, classes)),
        packages=tuple(table.pop("packages", ())),
        **table,
    )


def pinned(package: str) -> str:
    """Return ``package`` with the version that the recorded project has of it."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{package}=="))
