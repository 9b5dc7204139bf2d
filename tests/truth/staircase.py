"""The smallest cap that a program survives: under plain ``docker run``, and under memcap.

An up-and-down experiment (Dixon and Mood 1948, doi:10.1080/01621459.1948.10483254): the cap goes down a step after a
run that lived and up a step after one that did not, so it stays about where half of the runs live. Both take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import TYPE_CHECKING

from integration.measuring import launched
from truth.lab import Lab
from truth.programs.c import RECIPE
from truth.programs.images import ensure_image
from truth.programs.measured import program_cell
from truth.programs.model import KIB, MIB, Program, UnavailableError, Workshop
from truth.programs.plainly import run_plainly
from truth.table import Table, kib

from memcap.measuring import measure
from memcap.model import Ending

if TYPE_CHECKING:
    from memcap.engine.docker import DockerEngine
    from memcap.model import RunSpec

RUNS = 60
SETTLED = 20  # runs after which the cap has come near
FIRST_BYTES = 30 * MIB
FIRST_STEP_BYTES = 256 * KIB
LAST_STEP_BYTES = 8 * KIB
PAGE_BYTES = 4 * KIB
CPU = "0"
PROGRAM = Program(
    name="c-creeping", what="28 MiB in steps of 256 KiB", recipe=RECIPE, argv=("/programs", "creeping", "28")
)


@dataclass
class Stairs:
    """Caps in bytes, each found by what became of a run with the one before."""

    cap: int = FIRST_BYTES
    step: int = FIRST_STEP_BYTES
    caps: list[int] = field(default_factory=list)
    lived: bool | None = None

    def go(self, lives: Callable[[int], bool]) -> None:
        """Make one run, and go a step down if it lived and up if not; steps are halved where the two meet."""
        cap = self.cap // PAGE_BYTES * PAGE_BYTES
        lived = lives(cap)
        self.caps.append(cap)
        if self.lived is not None and lived != self.lived:
            self.step = max(self.step // 2, LAST_STEP_BYTES)
        self.lived = lived
        self.cap += -self.step if lived else self.step

    @property
    def settled(self) -> list[int]:
        """Return the caps of the runs after it has come near."""
        return self.caps[SETTLED:]


def experiment(lab: Lab) -> list[Table]:
    """Find the cap that half of the runs survive, of a program with one thread on one CPU."""
    title = "Smallest cap"
    columns = ("run by", "half live at", "range", "runs")
    try:
        reference = ensure_image(Workshop(client=lab.client, python_image=lab.image, say=lab.say), RECIPE)
    except UnavailableError as error:
        return [Table(title=title, columns=columns, rows=(), notes=(f"Not measured: {error}.",))]
    plain, under = Stairs(), Stairs()
    with launched(lab.client, program_cell(PROGRAM, reference, cap_bytes=FIRST_BYTES), calibrated=True) as (
        engine,
        spec,
    ):
        cpus = engine.environment().cpus
        for number in range(max(lab.times(RUNS), SETTLED + 2)):
            plain.go(lambda cap: run_plainly(lab.client, reference, PROGRAM, cap, cpuset=CPU).lived)
            under.go(lambda cap, number=number: _lives(engine, spec, cap, number, cpus))  # type: ignore[misc]
            lab.say(f"{number + 1}: {plain.caps[-1] // KIB} KiB alone, {under.caps[-1] // KIB} KiB under memcap")
    rows = [
        (
            name,
            f"{mean(stairs.settled) / KIB:,.0f} KiB",
            kib(max(stairs.settled) - min(stairs.settled)),
            str(len(stairs.caps)),
        )
        for name, stairs in (("docker run", plain), ("memcap", under))
    ]
    more = mean(under.settled) - mean(plain.settled)
    notes = (
        f"{PROGRAM.what}, on one CPU; the mean of the caps from run {SETTLED + 1} on.",
        f"Under memcap it needs {kib(more)} more, besides what the cap is raised by ({kib(spec.supervisor_bytes)}).",
        "Goal: at most 32 KiB on cgroup v1, 64 KiB on v2.",
    )
    return [Table(title=title, columns=columns, rows=rows, notes=notes)]


def _lives(engine: DockerEngine, spec: RunSpec, cap: int, number: int, cpus: int | None) -> bool:
    run = replace(spec, cap_bytes=cap, cpuset=CPU, name=f"{spec.name}-{number}")
    return measure(engine.execute(run), run, cpus=cpus).ending is Ending.COMPLETED
