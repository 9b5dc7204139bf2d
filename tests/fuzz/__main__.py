"""Give damaged files to every reader of memcap: nothing but memcap's own errors may be raised.

    python -m ci fuzz [--inputs N] [--seed N] [--only NAME] [--found FOLDER]

Prints a line for each reader. Exits with 1 if anything else was raised, or an input took more than MOST_SECONDS of CPU
time; such inputs are kept in FOLDER. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzz.mutate import damage
from fuzz.readers import Reader, all_readers

from memcap.errors import MemcapError

MOST_SECONDS = 5.0
INPUTS = 1_000_000


@dataclass(kw_only=True)
class Outcome:
    """What came of all inputs of one reader; ``findings`` counts the places in the code that raised."""

    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: Counter[str] = field(default_factory=Counter)


def fuzz(reader: Reader, inputs: int, *, seed: int, found: Path) -> Outcome:
    """Give ``inputs`` damaged files to ``reader``."""
    outcome = Outcome()
    random = Random(f"{seed} {reader.name}")
    with tempfile.TemporaryDirectory(prefix="memcap-fuzz-") as folder:
        for number in range(inputs):
            content = damage(random.choice(reader.seeds), reader.seeds, random)
            began = time.process_time()
            wrong = _try(reader, content, Path(folder), outcome)
            took = time.process_time() - began
            outcome.seconds += took
            outcome.slowest = max(outcome.slowest, took)
            wrong = wrong or (f"took {took:.1f} s" if took > MOST_SECONDS else "")
            if wrong:
                outcome.findings[wrong] += 1
                if outcome.findings[wrong] == 1:
                    found.mkdir(parents=True, exist_ok=True)
                    (found / f"{reader.name.replace(' ', '-')}-{number}").write_bytes(content)
                    print(f"  {reader.name} {number}: {wrong}", flush=True)
    return outcome


def _try(reader: Reader, content: bytes, folder: Path, outcome: Outcome) -> str:
    """Return where something else than an error of memcap was raised; empty where nothing was."""
    try:
        reader.read(content, folder)
    except MemcapError as error:
        outcome.refused += 1
        return "" if str(error) else "an error without words"
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = next((frame for frame in reversed(frames) if "/memcap/" in frame.filename), frames[-1])
        return (
            f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno} in {place.name}: {str(error)[:80]}"
        )
    outcome.read += 1
    return ""


def main() -> int:
    """Run and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ci fuzz", description="Damaged files for every reader.")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="in all, over all readers (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="readers whose names hold this word")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), help="where inputs that failed are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memcap-fuzz-") as folder:
        readers = [each for each in all_readers(Path(folder)) if not options.only or options.only in each.name]
    share = -(-options.inputs // max(1, len(readers)))
    print(f"{'reader':<22}{'inputs':>9}{'read':>9}{'refused':>9}{'CPU s':>8}{'slowest':>9}  findings")
    failed = False
    for reader in readers:
        outcome = fuzz(reader, share, seed=options.seed, found=options.found)
        failed = failed or bool(outcome.findings)
        counts = f"{share:>9}{outcome.read:>9}{outcome.refused:>9}"
        times = f"{outcome.seconds:>8.0f}{outcome.slowest:>7.2f} s"
        print(f"{reader.name:<22}{counts}{times}  {sum(outcome.findings.values())}", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
