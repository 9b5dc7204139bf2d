"""Record the memory of the programs in ``leaks.programs``: ``PYTHONPATH=tests python -m leaks.record FOLDER``. Linux.

A program runs on its own, and is looked at from outside (``RssAnon`` of ``/proc``), so nothing of the recorder counts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from leaks.programs import PROGRAMS


def record(name: str, *, seconds: float, interval: float, path: Path) -> None:
    """Run the program ``name`` and write its times and bytes, as compressed JSON."""
    times: list[float] = []
    values: list[int] = []
    program = Path(__file__).with_name("programs.py")
    with subprocess.Popen([sys.executable, str(program), name]) as process:
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            times.append(round(now, 2))
            values.append(_anonymous(process.pid))
            time.sleep(max(0.0, began + len(times) * interval - time.monotonic()))
        process.kill()
    text = json.dumps({"program": name, "seconds": times, "bytes": values})
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _anonymous(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))) * 1024


def main() -> None:
    """Record several programs side by side."""
    parser = argparse.ArgumentParser(prog="python -m leaks.record", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", choices=PROGRAMS, metavar="NAME", help=", ".join(PROGRAMS))
    parser.add_argument("--times", type=int, default=1, help="how often each, side by side (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--interval", type=float, default=0.25)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    threads = []
    for name in options.only or PROGRAMS:
        for number in range(options.times):
            path = options.folder / (f"{name}.json.gz" if options.times == 1 else f"{name}-{number}.json.gz")
            arguments = {"seconds": options.seconds, "interval": options.interval, "path": path}
            threads.append(threading.Thread(target=record, args=(name,), kwargs=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
