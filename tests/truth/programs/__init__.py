"""Other people's programs: under which cap each begins to live, and what memcap says of it.

The truth is found with Docker alone, by bisection of the cap; then memcap measures the same program with room to spare,
at that cap, and at 60 % of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from truth.lab import Lab
from truth.programs import c, checked, python, runtimes, servers, tools
from truth.programs.checked import check_program
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
    judged = 0
    for program in _chosen(lab):
        try:
            reference = ensure_image(workshop, program.recipe)
            one = check_program(lab, program, reference) if lab.short else _judge(lab, program, reference)
        except (UnavailableError, MemcapError, NeverLivesError, RuntimeError) as error:
            rows.append([program.name, program.what, f"skipped: {str(error).splitlines()[0]}"])
        else:
            judged += 1
            rows.append(one.row())
            wrong += [f"{program.name}: {problem}" for problem in one.problems()]
        lab.say("  ".join(rows[-1]))
    columns = checked.COLUMNS if lab.short else COLUMNS
    notes = (f"{judged} programs; {len(wrong)} findings against memcap.", *_notes(lab))
    return [Table(title="Other people's programs", columns=columns, rows=rows, notes=notes, wrong=wrong)]


def _chosen(lab: Lab) -> Iterable[Program]:
    if lab.programs:
        return [program for program in PROGRAMS if any(name in program.name for name in lab.programs)]
    elsewhere = environment(lab.client).cgroup_version == 2
    return [program for program in PROGRAMS if program.elsewhere or not elsewhere]


def _judge(lab: Lab, program: Program, reference: str) -> Judged:
    truth = known_truth(lab, program, reference)
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


def known_truth(lab: Lab, program: Program, reference: str) -> Truth:
    """Return the program's smallest cap, searched for if it was not found before."""
    kept = kept_truths(environment(lab.client), fresh=lab.fresh)
    known = kept.find(program, reference)
    if known is None:
        known = find_truth(lab.client, reference, program)
        kept.keep(known, program, reference)
        lab.say(f"{program.name}: dies at {known.dies / MIB:.2f}, lives at {known.lives / MIB:.2f} MiB")
    return known


def _notes(lab: Lab) -> tuple[str, ...]:
    ahead = charged_ahead(lab.client) // 1024
    if lab.short:
        return (
            f"MiB, from n={lab.times(1)} runs with {MOST_BYTES // MIB} MiB. Below and above are {ahead} KiB, which the",
            "kernel may charge ahead, and 64 KiB or 0.5 % from the ends of the interval; plain Docker, one run each.",
        )
    return (
        "MiB. The program's runs with plain Docker die 3 of 3 times, and live 3 of 3 times, with so much.",
        f"memcap: medians of n={lab.times(RUNS)} runs with {MOST_BYTES // MIB} MiB; in how many of them the truth is",
        f"in memcap's interval, exactly and allowing {ahead} KiB, which the kernel may charge ahead.",
        "slope: near its smallest cap it is a matter of how fast the disk is.",
    )
