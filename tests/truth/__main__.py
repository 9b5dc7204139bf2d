"""Print truth against measured: ``python -m ci truth``.

A report, not a test: nothing here passes or fails, but for endings and bytes of the short form, which has an exit code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from truth import allocations, fitting, peers, perturbation, programs, repeatability, spikes, staircase, zoo
from truth.lab import Lab
from truth.table import Table

from memcap.engine.docker_client import connect, environment
from memcap.errors import MemcapError

EXPERIMENTS: dict[str, Callable[[Lab], list[Table]]] = {
    "allocations": allocations.experiment,
    "spikes": spikes.experiment,
    "repeatability": repeatability.experiment,
    "perturbation": perturbation.experiment,
    "smallest-cap": staircase.experiment,
    "endings": zoo.experiment,
    "peers": peers.experiment,
    "programs": programs.experiment,
    "fit": fitting.experiment,
}
ASKED_FOR = frozenset({"peers", "programs", "fit"})  # installs other tools; takes most of an hour
SHORT = frozenset({"allocations", "spikes", "perturbation", "endings"})


def main(arguments: list[str]) -> int:
    """Run the experiments asked for, print their tables, and write them as Markdown if asked to."""
    options = _options(arguments)
    wrong: list[str] = []
    client = connect()
    try:
        lab = Lab(
            client=client,
            image=options.image,
            runs=options.runs,
            short=options.short,
            say=_say,
            programs=tuple(options.program or ()),
            fresh=options.fresh,
        )
        here = environment(client)
        where = (
            f"{here.engine} {here.engine_version}, cgroup v{here.cgroup_version} ({here.cgroup_driver}), kernel "
            f"{here.kernel}, {here.architecture}, {here.cpus} CPUs; image {lab.image}"
        )
        print(f"{where}\n")
        usual = (SHORT if options.short else set(EXPERIMENTS) - ASKED_FOR) | ({"peers"} if options.peers else set())
        chosen = {name: EXPERIMENTS[name] for name in EXPERIMENTS if name in (options.only or usual)}
        sections = [f"# Truth against measured\n\n{where}.\n"]
        for name, experiment in chosen.items():
            _say(f"== {name}")
            for table in experiment(lab):
                print(table.as_text(), flush=True)
                sections.append(table.as_markdown())
                wrong += table.wrong
            if options.markdown:
                options.markdown.write_text("\n".join(sections), encoding="utf-8", newline="\n")
    finally:
        client.close()
    if options.short:
        print("\n".join(("Wrong:", *wrong)) if wrong else "Short form: every ending and every size is right.")
        return 1 if wrong else 0
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ci truth", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=EXPERIMENTS, metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument(
        "--peers", action="store_true", help="other tools on the same workloads, from a venv of their own"
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="a part, for minutes; exit code 1 if endings or bytes are wrong",
    )
    parser.add_argument(
        "--program", action="append", metavar="NAME", help="of --only programs: those whose names have this in them"
    )
    parser.add_argument("--fresh", action="store_true", help="find the truth of programs again, though it is known")
    parser.add_argument("--runs", type=int, metavar="N", help="how often to run each workload (default: as documented)")
    parser.add_argument("--image", default="py312", help="the image of this project to run in (default: %(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    """Tell what was just found, apart from the tables."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MemcapError as error:
        sys.exit(f"truth: {error}")
