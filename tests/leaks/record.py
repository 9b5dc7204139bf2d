"""Record the memory of programs by ``memcap soak``: ``PYTHONPATH=tests python -m leaks.record NAME...``. Needs Docker.

What is recorded, and how, is in ``recipes/``. A series has what the soak's own verdict was made of. The soaks run side
by side; each client leaves its soak alone until it has ended.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

from leaks.recipes import ROOT, Recipe, load_recipes, pinned
from leaks.recorded import Made, Recorded, as_text, from_text, recorded_names, save

from memcap.leaks import Collection, Garbage, LeakVerdict, Series
from memcap.workflows.soak_options import parse_duration

MEMCAP: Final = (sys.executable, "-m", "memcap")


def record(recipe: Recipe, *, at_most: float | None = None) -> tuple[Recorded, LeakVerdict]:
    """Soak the program of ``recipe`` and return its series as it is stored, and the verdict on it.

    ``at_most`` are seconds, for a try. Raises RuntimeError with what memcap said if there is no report, and if the
    rounding of the stored series makes its class another one.
    """
    words = recipe.words()
    place = words.index("--duration") + 1
    seconds = parse_duration(words[place])
    if at_most is not None and at_most < seconds:
        seconds, words[place] = at_most, f"{at_most}s"
    name = _memcap("soak", "--detach", *words).strip()
    time.sleep(seconds + 3)
    with tempfile.TemporaryDirectory() as folder:
        report = json.loads(_memcap("soak", "attach", name, "-o", folder, "--json"))
    found = Series(**{ours: report["series"][theirs] for ours, theirs in _NAMES.items()})
    garbage = report["garbage"] and _garbage(report["garbage"])
    stored = from_text(as_text(Recorded(made=_made(recipe, report), series=found, garbage=garbage)))
    verdict = stored.verdict
    if verdict.kind.value != report["verdict"]["class"]:
        raise RuntimeError(f"{verdict.kind.value} as stored, {report['verdict']['class']} as soaked")
    return stored, verdict


_NAMES: Final = {"seconds": "seconds", "values": "bytes", "work": "work"}


def _garbage(found: dict[str, Any]) -> Garbage:
    return Garbage(
        counts=list(zip(found["seconds"], found["objects"], strict=True)),
        collections=[Collection(**each) for each in found["collections"]],
        freed_objects=found["freed_objects"],
        freed_bytes=found["freed_bytes"],
    )


def _memcap(*words: str) -> str:
    done = subprocess.run([*MEMCAP, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    if not done.stdout:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


def _made(recipe: Recipe, report: dict[str, Any]) -> Made:
    machine = report["environment"]
    return Made(
        command=f"memcap soak {recipe.soak}",
        date=report["started"][:10],
        ending=report["ending"],
        memcap=machine["memcap_version"],
        python=_python_of(report["image"]),
        packages=tuple(map(pinned, recipe.packages)),
        cap_bytes=report["settings"]["cap_bytes"],
        kernel=machine["kernel"],
        cgroup_version=machine["cgroup_version"],
    )


def _python_of(image: str) -> str | None:
    """Return what the image says of its Python, such as CPython 3.12.1; None if it says nothing."""
    built = json.loads(_memcap("images", "list", "--json"))["built"]
    origins = [each["origin"] for each in built if each["image"] == image and "CPython" in each["origin"]]
    return "CPython" + origins[0].partition("CPython")[2] if origins else None


def main() -> int:
    """Record what is named, or all that was not recorded yet; return 1 if one could not be."""
    recipes = load_recipes()
    parser = argparse.ArgumentParser(prog="python -m leaks.record", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of recipes; without any, all that are not recorded")
    parser.add_argument("--at-once", type=int, default=6, metavar="N", help="soaks side by side (default: %(default)s)")
    parser.add_argument("--try", dest="tried", type=float, metavar="SECONDS", help="soak so long, and store nothing")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(recipes)):
        parser.error(f"there is no recipe {', '.join(unknown)} in {Path('tests/leaks/recipes')}")
    names: Sequence[str] = options.names or [name for name in recipes if name not in recorded_names()]
    failed = 0
    with ThreadPoolExecutor(options.at_once) as pool:
        jobs = {pool.submit(record, recipes[name], at_most=options.tried): name for name in names}
        for job in as_completed(jobs):
            name = jobs[job]
            try:
                recorded, verdict = job.result()
            except RuntimeError as error:
                print(f"{name}: {error}", flush=True)
                failed = 1
                continue
            if options.tried is None:
                save(name, recorded)
            print(f"{name}: {recorded.made.ending}, {verdict.kind.label}: {verdict.reason}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
