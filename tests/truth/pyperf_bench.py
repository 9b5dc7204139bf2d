"""One of the truth workloads as a pyperf benchmark: ``python pyperf_bench.py [PYPERF OPTIONS] NAME``."""

import argparse
import importlib.util
from pathlib import Path

import pyperf

SUITE = Path(__file__).parent / "suite" / "workloads.py"


def hand_on(command: list[str], options: argparse.Namespace) -> None:
    """Give the workload's name to pyperf's worker processes too."""
    command.append(options.workload)


def main() -> None:
    """Measure the workload of that name in pyperf's worker processes."""
    specification = importlib.util.spec_from_file_location("workloads", SUITE)
    assert specification is not None
    assert specification.loader is not None
    workloads = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(workloads)
    runner = pyperf.Runner(add_cmdline_args=hand_on)
    runner.argparser.add_argument("workload", choices=workloads.PROGRAMS)
    name = runner.parse_args().workload
    runner.bench_func(name, workloads.PROGRAMS[name])


if __name__ == "__main__":
    main()
