"""Which baselines belong to no cell that the project could still measure."""

from __future__ import annotations

from memcap.model import COLD, Baseline, Baselines, Config
from memcap.model.names import cell_name
from memcap.units import seconds_of_variant

_FOLDERLESS = ("registry", "local image", "this machine")  # origins of images that are no folder of the project


def lost_benchmarks(config: Config, baselines: Baselines) -> tuple[str, ...]:
    """Return the benchmarks (``suite.benchmark``) of ``baselines`` that the project does not have."""
    known = {f"{suite.name}.{each.name}" for suite in config.suites.values() for each in suite.benchmarks}
    return tuple(sorted({cell_name(cell_id).full_benchmark for cell_id in baselines.cells} - known))


def why_impossible(config: Config, baseline: Baseline) -> str:
    """Return in words why no run of the project can measure the cell of ``baseline``; empty if one can.

    Profiles are not asked: any cell can be named on the command line. An image that never was a folder of the project
    cannot be missed.
    """
    name = cell_name(baseline.cell_id)
    suite = config.suites.get(name.suite)
    if suite is None:
        return f"there is no suite {name.suite!r}"
    benchmark = next((each for each in suite.benchmarks if each.name == name.benchmark), None)
    if benchmark is None:
        return f"the suite {name.suite!r} has no benchmark {name.benchmark!r}"
    if name.variant not in ("", COLD) and seconds_of_variant(name.variant) is None:
        return f"there is no variant {name.variant!r}"
    if name.image not in config.images and baseline.fingerprint.image_origin not in _FOLDERLESS:
        return f"there is no image {name.image!r}"
    if name.cap not in config.caps:
        return f"there is no cap {name.cap!r}"
    if benchmark.cap_names and name.cap not in benchmark.cap_names:
        return f"the benchmark does not run under the cap {name.cap!r}"
    return ""
