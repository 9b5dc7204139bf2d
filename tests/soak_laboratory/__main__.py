"""The soak laboratory: are real soaks right each time, and does a killed client lose nothing? ``python -m ci soaks``.

Exits with 1 if a goal is missed: in soaks of 2 minutes, which take at most 3 in all, a leak of 3 MB a minute is
`linear_leak` and a deque that fills `bounded_cache` each time; killing the client 50 times in 10 minutes loses no
sample; and of the suite soak, each leaky twin is found with its rate and its line, and the cache that fills is no leak.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from soak_laboratory.experiments import killed_clients, two_minutes
from soak_laboratory.twins import twins


def main(arguments: list[str]) -> int:
    """Run the experiments, print the tables, and write them as Markdown if asked to."""
    parser = argparse.ArgumentParser(prog="python -m ci soaks", description=__doc__.splitlines()[0])
    parser.add_argument("--soaks", type=int, default=20, metavar="N", help="of each program (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=5, metavar="N", help="soaks at a time (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="of clients (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10, help="of the soak with kills (default: %(default)s)")
    parser.add_argument("--twins", type=float, default=5, help="minutes of the suite soak (default: %(default)s)")
    parser.add_argument("--image", default="py312", help="an image with Python (default: %(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    options = parser.parse_args(arguments)
    tables = []
    if options.soaks:
        tables.append(two_minutes(options.image, options.soaks, at_once=options.at_once))
        print(tables[-1].as_text(), flush=True)
    if options.kills:
        tables.append(killed_clients(options.image, options.kills, minutes=options.minutes))
        print(tables[-1].as_text(), flush=True)
    if options.twins:
        tables.append(twins(options.image, options.twins))
        print(tables[-1].as_text(), flush=True)
    if options.markdown:
        text = "\n".join(table.as_markdown() for table in tables)
        options.markdown.write_text(text, encoding="utf-8", newline="\n")
    wrong = [each for table in tables for each in table.wrong]
    print("\n".join(("Goals missed:", *wrong)) if wrong else "All goals are met.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
