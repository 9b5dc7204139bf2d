"""Other people's programs: under which cap each begins to live, and what memcap says of it.

The truth is found with Docker alone, by bisection of the cap; then memcap measures the same program with room to spare,
at that cap, and at 60 % of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from truth.lab import Lab
from truth.programs import c, python, runtimes, servers, tools
from truth.programs.images import ensure_image
from truth.programs.judged import COLUMNS, Judged
from truth.programs.kept import kept_truths
from truth.programs.measured import measure_program
from truth.programs.model import MIB, Program, UnavailableError, Workshop
from truth.programs.plainly import LEAST_BYTES, MOST_BYTES, Truth, charged_ahead, find_truth
from truth.programs.search import NeverLivesError
from truth.table import Table

from memcap.engine.docker_client import environment
from memcap.errors import MemcapError
from memcap.model import Measurement

PROGRAMS: tuple[Program, ...] = (
    *c.PROGRAMS, *python.PROGRAMS, *tools.PROGRAMS, *runtimes.PROGRAMS, *servers.PROGRAMS,
)  # fmt: skip
RUNS = 5
RUNS_AT_CAP = 3
FAR_BELOW = 0.6
NEARLY = 0.9  # a cap that is not well below the truth shows nothing about endings


def experiment(lab: Lab) -> list[Table]:
    """Find each program's truth, unless it is known from before, and let memcap measure it."""
    workshop = Workshop(client=lab.client, python_image=lab.image, say=lab.say)
    rows: list[list[str]] = []
    wrong: list[str] = []
    judged: list[Judged] = []
    for program in _chosen(lab):
        try:
            one = _judge(lab, program, ensure_image(workshop, program.recipe))
        except (UnavailableError, MemcapError, NeverLivesError, RuntimeError) as error:
            rows.append([program.name, program.what, f"skipped: {str(error).splitlines()[0]}"])
        else:
            judged.append(one)
            rows.append(one.row())
            wrong += [f"{program.name}: {problem}" for problem in one.problems()]
        lab.say("  ".join(rows[-1]))
    return [Table(title="Other people's programs", columns=COLUMNS, rows=rows, notes=_notes(lab, judged), wrong=wrong)]


def _chosen(lab: Lab) -> Iterable[Program]:
    if lab.programs:
        return [program for program in PROGRAMS if any(name in program.name for name in lab.programs)]
    elsewhere = environment(lab.client).cgroup_version == 2
    return [program for program in PROGRAMS if program.elsewhere or not elsewhere]


def _judge(lab: Lab, program: Program, reference: str) -> Judged:
    truth = _truth(lab, program, reference)
    below = max(int(truth.dies * FAR_BELOW), LEAST_BYTES)

    def measure(cap: int, runs: int, warmups: int = 0) -> list[Measurement]:
        return measure_program(lab.client, program, reference, cap_bytes=cap, runs=runs, warmups=warmups)

    return Judged(
        program=program,
        truth=truth,
        at_ease=measure(MOST_BYTES, lab.times(RUNS), warmups=1),
        at_cap=measure(truth.lives, min(RUNS_AT_CAP, lab.times(RUNS_AT_CAP))),
        below=measure(below, 1)[0] if below < NEARLY * truth.dies else None,
        allowance=charged_ahead(lab.client),
    )


def _truth(lab: Lab, program: Program, reference: str) -> Truth:
    kept = kept_truths(environment(lab.client), fresh=lab.fresh)
    known = kept.find(program, reference)
    if known is None:
        known = find_truth(lab.client, reference, program)
        kept.keep(known, program, reference)
        lab.say(f"{program.name}: dies at {known.dies / MIB:.2f}, lives at {known.lives / MIB:.2f} MiB")
    return known


def _notes(lab: Lab, judged: list[Judged]) -> tuple[str, ...]:
    good = sum(not one.problems() for one in judged)
    ahead = charged_ahead(lab.client) // 1024
    return (
        f"{good} of {len(judged)} programs as they should be. MiB; truth: 3 of 3 plain Docker runs die, and live.",
        f"memcap: medians of n={lab.times(RUNS)} runs with {MOST_BYTES // MIB} MiB; in how many of them the truth is",
        f"in memcap's interval, exactly and allowing {ahead} KiB, which the kernel may charge ahead.",
        "slope: the program also lives with less than it needs to be quick, because its files can be read again.",
    )
