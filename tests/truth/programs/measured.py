"""Let memcap measure the programs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from integration.measuring import cell, measure_cells
from truth.programs.model import MIB, Program

from memcap.model import Cap, Cell, ImageSource, Measurement

if TYPE_CHECKING:
    from docker import DockerClient

TIME_LIMIT_SECONDS = 60.0


def measure_program(
    client: DockerClient, program: Program, reference: str, *, cap_bytes: int, runs: int, warmups: int = 0
) -> list[Measurement]:
    """Return memcap's measurements of the program under a cap, made as its campaigns do."""
    one = program_cell(program, reference, cap_bytes=cap_bytes)
    return list(measure_cells(client, one, runs=runs, warmups=warmups)[one.id].runs)


def program_cell(program: Program, reference: str, *, cap_bytes: int) -> Cell:
    """Return the cell of a program under a cap."""
    usual = cell(program.argv, time_limit=TIME_LIMIT_SECONDS)
    return replace(
        usual,
        # No suite is known by that name, so nothing is added to the image but the supervisor.
        benchmark=replace(usual.benchmark, suite="programs", name=program.name, env=program.env),
        image=ImageSource(name=f"truth-{program.recipe.name}", reference=reference),
        cap=Cap(name=f"{cap_bytes / MIB:.2f}m", bytes=cap_bytes),
    )
