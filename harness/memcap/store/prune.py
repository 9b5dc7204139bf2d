"""Which baselines belong to no cell that the project could still measure."""

from __future__ import annotations

from memcap.model import COLD, Baseline, Config
from memcap.units import seconds_of_variant

_FOLDERLESS = ("registry", "local image", "this machine")  # origins of images that are no folder of the project


def why_impossible(config: Config, baseline: Baseline) -> str:
    """Return in words why no run of the project can measure the cell of ``baseline``; empty if one can.

    Profiles are not asked: any cell can be named on the command line. An image that never was a folder of the project
    cannot be missed.
    """
    name, image, cap_name = baseline.cell_id.rsplit("-", 2)  # names have no dashes, and no dots
    suite_name, benchmark_name, *variant = name.split(".")
    suite = config.suites.get(suite_name)
    if suite is None:
        return f"there is no suite {suite_name!r}"
    benchmark = next((each for each in suite.benchmarks if each.name == benchmark_name), None)
    if benchmark is None:
        return f"the suite {suite_name!r} has no benchmark {benchmark_name!r}"
    if variant not in ([], [COLD]) and seconds_of_variant(".".join(variant)) is None:
        return f"there is no variant {'.'.join(variant)!r}"
    if image not in config.images and baseline.fingerprint.image_origin not in _FOLDERLESS:
        return f"there is no image {image!r}"
    if cap_name not in config.caps:
        return f"there is no cap {cap_name!r}"
    if benchmark.cap_names and cap_name not in benchmark.cap_names:
        return f"the benchmark does not run under the cap {cap_name!r}"
    return ""
