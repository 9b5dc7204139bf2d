"""What the tests of comparing start from: a benchmark on two images, each run taken apart."""

from __future__ import annotations

from collections.abc import Sequence

from factories import MIB, make_cell, make_image, make_measurement, make_result
from memcap.comparing import Comparison, compare_sides, match_images
from memcap.model import CampaignResult, CellResult, Measurement, Phases, PythonFacts, Rules

JITTER = (0.0, 0.02, -0.02, 0.01, -0.01, 0.03, -0.03)  # MiB, for seven runs


def make_run(  # the parts of what one run needs, in MiB
    *,
    interpreter: float = 3,
    imports: float = 2,
    workload: float = 20,
    slack: float = 1,
    jitter: float = 0,
    floor: float = 0.5,
) -> Measurement:
    """Return a run that needs floor + interpreter + imports + workload."""
    imported = interpreter + imports
    need = round((floor + imported + workload + jitter) * MIB)
    return make_measurement(
        peak_bytes=need + MIB // 2,
        unreclaimable_peak_bytes=need,
        rss_peak_bytes=need + 8 * MIB,
        floor_bytes=round(floor * MIB),
        phases=Phases(
            interpreter_bytes=round(interpreter * MIB),
            imported_bytes=round(imported * MIB),
            returned_bytes=round((imported + workload) * MIB),
            left_bytes=round((imported + slack) * MIB),
        ),
    )


def make_runs_of(**parts: float) -> tuple[Measurement, ...]:
    """Return seven runs that scatter a little."""
    return tuple(make_run(**parts, jitter=jitter) for jitter in JITTER)


def two_images(**benchmarks: tuple[Sequence[Measurement], Sequence[Measurement]]) -> CampaignResult:
    """Return a result with each benchmark's runs on py310 and on py312."""
    cells: list[CellResult] = []
    for name, sides in benchmarks.items():
        cells += [
            make_cell(f"agents.{name}-{image}-128m", runs)
            for image, runs in zip(("py310", "py312"), sides, strict=True)
        ]
    python = PythonFacts(
        executable="/usr/local/bin/python3",
        implementation="CPython",
        version="3.10.13",
        build="main",
        libc="glibc 2.36",
    )
    images = {"py310": make_image("py310", python=python), "py312": make_image("py312")}
    return make_result(*cells, images=images, runs=7)


def compared(result: CampaignResult, rules: Rules | None = None) -> Comparison:
    """Compare py312 with py310."""
    matched = match_images(result, "py310", "py312")
    return compare_sides(matched, (result, result), rules or Rules(), labels=("py310", "py312"))
