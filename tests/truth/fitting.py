"""What `memcap fit` finds for programs whose smallest cap is known, and how its advice survives cold starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from integration.measuring import measure_cells
from truth.lab import Lab
from truth.programs import PROGRAMS, known_truth
from truth.programs.images import ensure_image
from truth.programs.measured import program_cell
from truth.programs.model import MIB, Program, UnavailableError, Workshop
from truth.table import Table

from memcap.errors import MemcapError
from memcap.fitting import Goal
from memcap.model import COLD, Ending
from memcap.workflows.caller import SILENT
from memcap.workflows.fit import fit_subject
from memcap.workflows.subject import Subject

if TYPE_CHECKING:
    from memcap.report.fit import FitReport

COLD_STARTS = 50
KINDS = {
    "c-blocks": "anonymous",
    "c-read-again": "hot file",
    "py-mmap": "file scan",
    "pyarrow-parquet": "mapped files of the image",
    "c-tmpfs": "tmpfs",
    "c-copied": "fork",
    "c-threads": "threads",
    "numpy-huge": "huge pages",
    "c-temporary": "writer",
    "redis": "server",
    "c-at-once": "child processes",
    "node-buffers": "node",
}
HEADROOM = 0.15


def experiment(lab: Lab) -> list[Table]:
    """Fit each program, and start it from cold with what is recommended."""
    rows: list[Sequence[str]] = []
    slacks: list[float] = []
    workshop = Workshop(client=lab.client, python_image=lab.image, say=lab.say)
    for program in (each for each in PROGRAMS if each.name in KINDS and _is_chosen(each, lab)):
        try:
            reference = ensure_image(workshop, program.recipe)
            truth = known_truth(lab, program, reference)
            begun = time.monotonic()
            report = _fit(program, reference)
            seconds = time.monotonic() - begun
            survived, starts = _cold_starts(lab, program, reference, report.recommendation.limit_bytes)
        except (UnavailableError, MemcapError, RuntimeError) as error:
            rows.append([program.name, f"skipped: {str(error).splitlines()[0]}"])
            continue
        slacks.append(report.recommendation.slack)
        fit = report.fit
        rows.append(
            (
                f"{KINDS[program.name]} ({program.name})",
                f"{truth.dies / MIB:.1f} to {truth.lives / MIB:.1f}" + (" slope" if program.slope else ""),
                f"{fit.minimum.cap_bytes / MIB:.0f}",
                f"{fit.comfortable.cap_bytes / MIB:.0f}" if fit.comfortable else "none",
                fit.time_lost.basis.value if fit.time_lost else "-",
                _in_mib(report.cold.minimum_cap_bytes if report.cold else None),
                f"{report.recommendation.limit_bytes / MIB:.0f} ({report.recommendation.rule.value})",
                f"{report.recommendation.slack:.0%}",
                f"{survived} of {starts}",
                f"{seconds:.0f} s, {fit.runs} runs",
            )
        )
        lab.say("  ".join(rows[-1]))
    columns = (
        "program",
        "dies to lives",
        "minimum",
        "comfortable",
        "by",
        "cold minimum",
        "recommended",
        "slack",
        "cold starts",
        "took",
    )
    mean = f"{sum(slacks) / len(slacks):.0%}" if slacks else "-"
    notes = (
        "MiB. slope: with its smallest cap it is slow, and fit allows 1.25 times the time.",
        f"Mean slack: {mean}.",
    )
    return [Table(title="Fit", columns=columns, rows=rows, notes=notes)]


def _in_mib(size: int | None) -> str:
    return "-" if size is None else f"{size / MIB:.0f}"


def _is_chosen(program: Program, lab: Lab) -> bool:
    return not lab.programs or any(name in program.name for name in lab.programs)


def _fit(program: Program, reference: str) -> FitReport:
    cell = program_cell(program, reference, cap_bytes=MIB)
    subject = Subject(name=program.name, cell=cell)
    return fit_subject(subject, Goal(), headroom=HEADROOM, ceiling_bytes=None, caller=SILENT)


def _cold_starts(lab: Lab, program: Program, reference: str, cap_bytes: int) -> tuple[int, int]:
    cell = replace(program_cell(program, reference, cap_bytes=cap_bytes), variant=COLD)
    runs = measure_cells(lab.client, cell, runs=lab.times(COLD_STARTS))[cell.id].runs
    return sum(run.ending is Ending.COMPLETED for run in runs), len(runs)
