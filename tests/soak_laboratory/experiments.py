"""Soaks of real programs, by the command line as anyone would use it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

from truth.table import Table

PROGRAMS: Final = Path(__file__).resolve().parent.parent / "leaks" / "programs.py"
EXPECTED: Final = {"leak_bytes": "linear_leak", "bounded_deque": "bounded_cache"}
MOST_SECONDS: Final = 180.0  # for a soak of 2 minutes in all
LAST_SECONDS: Final = 30.0  # of the soak with kills, in which there need be none
SLACK: Final = 1.0  # seconds: a look may be so late on a busy machine
MEMCAP: Final = (sys.executable, "-m", "memcap", "soak")


@dataclass(frozen=True, kw_only=True)
class Soaked:
    """What a soak of two minutes said, and how long it took in all."""

    kind: str
    rate: float | None
    seconds: float


def two_minutes(image: str, count: int, *, at_once: int) -> Table:
    """Soak each program so often for two minutes."""
    names = [name for name in EXPECTED for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
        jobs = [pool.submit(_two_minutes, image, name, Path(folder) / str(place)) for place, name in enumerate(names)]
        found = [job.result() for job in jobs]
    rows, wrong = [], []
    for name, expected in EXPECTED.items():
        own = [each for each, of in zip(found, names, strict=True) if of == name]
        kinds = Counter(each.kind for each in own)
        longest = max(each.seconds for each in own)
        rates = [each.rate / 1e6 / 60 for each in own if each.rate is not None]
        rate = f"{median(rates):.2f} ({min(rates):.2f} to {max(rates):.2f})" if rates else "-"
        rows.append((name, expected, f"{kinds[expected]} of {count}", rate, f"{longest:.0f} s"))
        if kinds[expected] < count:
            wrong.append(f"{name}: {dict(kinds)}")
        if longest > MOST_SECONDS:
            wrong.append(f"{name}: a soak took {longest:.0f} s")
    return Table(
        title=f"Soaks of two minutes, {at_once} at a time",
        columns=("program", "class", "right", "MB a minute", "longest in all"),
        rows=tuple(rows),
        wrong=tuple(wrong),
    )


def _two_minutes(image: str, name: str, folder: Path) -> Soaked:
    began = time.monotonic()
    words = (image, "--duration", "2min", "-v", f"{PROGRAMS}:/programs.py:ro", "-o", str(folder), "--json")
    done = subprocess.run(
        [*MEMCAP, *words, "--", "python", "/programs.py", name], capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise RuntimeError(done.stderr)
    verdict = json.loads(done.stdout)["verdict"]
    return Soaked(kind=verdict["class"], rate=verdict["rate_bytes_per_hour"], seconds=time.monotonic() - began)


def killed_clients(image: str, kills: int, *, minutes: float) -> Table:
    """Kill the clients of one soak at random moments, and look for what is missing in its report."""
    program = ("-v", f"{PROGRAMS}:/programs.py:ro", "--", "python", "/programs.py", "leak_bytes")
    words = (image, "--duration", f"{minutes}min", "--interval", "1s", "--detach", *program)
    name = subprocess.run([*MEMCAP, *words], capture_output=True, text=True, check=True).stdout.strip()
    chance = random.Random(kills)
    end = time.monotonic() + minutes * 60
    done = 0
    while done < kills and time.monotonic() < end - 5:
        client = subprocess.Popen([*MEMCAP, "attach", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        left = end - LAST_SECONDS - time.monotonic()  # for starting those clients, too
        time.sleep(chance.uniform(0.1, max(0.2, 2 * left / (kills - done) - 0.5)))
        client.send_signal(signal.SIGKILL)
        client.wait()
        done += 1
    with tempfile.TemporaryDirectory() as folder:
        attached = [*MEMCAP, "attach", name, "-o", folder, "--json"]
        report = json.loads(subprocess.run(attached, capture_output=True, text=True, check=False).stdout)
    return _lost(report, done, minutes)


def _lost(report: dict[str, Any], kills: int, minutes: float) -> Table:
    seconds = [sample["seconds"] for sample in report["samples"]]
    longest = max(after - before for before, after in pairwise(seconds))
    wrong = []
    if longest > 1 + SLACK:
        wrong.append(f"{longest:.1f} s lie between two samples of a second")
    if seconds[-1] < minutes * 60 - SLACK or report["ending"] != "completed":
        wrong.append(f"the last sample is of {seconds[-1]:.1f} s, and the soak ended as {report['ending']}")
    row = (str(kills), f"{minutes:g} min", str(len(seconds)), f"{longest:.2f} s", report["verdict"]["class"])
    return Table(
        title="Clients that are killed",
        columns=("kills", "soak", "samples", "longest gap", "class"),
        rows=(row,),
        wrong=tuple(wrong),
    )
