"""Judge all recorded series, for the table of docs/leaks.md: ``PYTHONPATH=tests python -m leaks.table --write``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from leaks.recipes import ROOT, Recipe, load_recipes
from leaks.recorded import Made, load, recorded_names

from memcap.leaks import LeakClass, LeakVerdict, Rate

DOCUMENT: Final = ROOT / "docs" / "leaks.md"
BEGIN: Final = "<!-- made by: python -m leaks.table --write -->\n"
END: Final = "<!-- end of the table -->\n"
KIB: Final = 1024
MIB: Final = 1024 * KIB
TITLES: Final = {
    "shapes": "Programs that take memory by a formula",
    "standard": "The standard library",
    "libraries": "Packages from PyPI",
    "servers": "Servers under load",
    "suites": "Our own suites",
    "earlier": "Programs of `tests/leaks/programs.py`",
}


def table() -> str:
    """Return the table as Markdown, with a row for each recorded series, and what it says in all."""
    names = recorded_names()
    recipes = [recipe for recipe in load_recipes().values() if recipe.name in names]
    known = [recipe for recipe in recipes if recipe.is_known]
    right = sum(_kind(recipe) in recipe.classes for recipe in known)
    lines = [
        f"{len(recipes)} series; the truth of {len(known)} is known, and the verdict is right on {right} of them.",
        "",
        "| program | truth | verdict | true rate | rate found |",
        "|---|---|---|---|---|",
    ]
    for group, title in TITLES.items():
        rows = [_row(recipe) for recipe in recipes if recipe.group == group]
        lines += [f"| **{title}** ({len(rows)}) | | | | |", *rows] if rows else []
    return "\n".join((*lines, ""))


def _kind(recipe: Recipe) -> LeakClass:
    return load(recipe.name).verdict.kind


def _row(recipe: Recipe) -> str:
    recorded = load(recipe.name)
    verdict = recorded.verdict
    fault = " †" if recipe.fault is not None else ""
    cells = (
        f"`{recipe.name}`: {recipe.program}{_versions(recorded.made)}",
        recipe.truth,
        verdict.kind.label + fault,
        _true_rate(recipe),
        _found_rate(verdict, recipe),
    )
    return f"| {' | '.join(cells)} |"


def _versions(made: Made) -> str:
    """Return the version of the package that a series is about, and that of Python; nothing where none was noted."""
    python = made.python and ".".join(made.python.removeprefix("CPython ").split(".")[:2])
    found = [each for each in (*(each.partition("==")[2] for each in made.packages[:1]), python) if each]
    return f" ({', '.join(found)})" if found else ""


def _true_rate(recipe: Recipe) -> str:
    if recipe.rate is None:
        return ""
    return (
        f"{recipe.rate / MIB:.0f} MiB an hour" if recipe.by == "hour" else f"{recipe.rate / KIB:.2f} KiB a {recipe.by}"
    )


def _found_rate(verdict: LeakVerdict, recipe: Recipe) -> str:
    """Return the rate of a leak: by its work where that is counted, else by the hour."""
    found, by = rate_of(verdict)
    if not verdict.leak or found is None:
        return ""
    unit, name = (MIB, "MiB an hour") if by == "hour" else (KIB, f"KiB a {recipe.by}")
    digits = 0 if by == "hour" else 2
    low, high = (f"{each / unit:.{digits}f}" for each in (found.low, found.high))
    return f"{found.estimate / unit:.{digits}f} {name} ({low} to {high})"


def rate_of(verdict: LeakVerdict) -> tuple[Rate | None, str]:
    """Return the rate by which a recorded series was judged, and by what: ``work`` or ``hour``."""
    return (verdict.per_hour, "hour") if verdict.per_work is None else (verdict.per_work, "work")


def in_document(text: str) -> str:
    """Return the document ``text`` with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"{DOCUMENT}: the lines around the table are missing")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Print the table, or write it into the document."""
    parser = argparse.ArgumentParser(prog="python -m leaks.table", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write it into {Path('docs/leaks.md')}")
    if parser.parse_args().write:
        DOCUMENT.write_text(in_document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    else:
        print(table())


if __name__ == "__main__":
    main()
