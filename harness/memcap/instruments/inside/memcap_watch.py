"""Note where every thread is whenever memory reaches a new height: what is known after a kill at the cap.

Started by ``memcap_instrument`` in each process that it records, in the image, on Python 3.8 or newer. A thread looks
at the cgroup, and from FIRST_MARK of its cap on, at each new height it writes the stacks of all threads to
``stacks-PID-0.txt`` to ``stacks-PID-7.txt`` in turn: a kill while it writes leaves those before. Once, at STATE_MARK,
it writes ``state-PID.txt`` (a literal of Python): collector, objects, open files; then ``held-PID.txt``: which
containers grew since FIRST_MARK, and who holds them (``memcap_grown``). Files are opened anew each time, as the program
may close all that it finds open. Nothing here may fail the program.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
import threading
import time
from collections import Counter
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOOK_SECONDS = 0.004
FIRST_MARK, STATE_MARK, NO_ROOM_MARK = 0.5, 0.8, 0.93  # of the cap; above the last there is no room to list objects
NEAR_MARK, STEP, STEP_NEAR = 0.9, 0.01, 0.001  # of the cap: how much higher a new height is
KEPT = 8  # stacks
FEWEST = 8  # items of a container that is noted: most have fewer, and noting them takes memory near the cap
SEARCH_SECONDS = 2.0  # for holders
MOST_TYPES, MOST_FILES = 12, 200
END = b"# end\n"
PLACES = (  # of usage, cap, and statistics with the names of what is page cache
    ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.stat", b""),
    (
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        b"total_",
    ),
)


def start(folder: str, follow: bool) -> None:
    """Begin to watch, and with ``follow`` in forked children too."""
    for usage, cap, stat, prefix in PLACES:
        try:
            cap_bytes = int(read(cap))
        except (OSError, ValueError):  # of the other version of cgroups; without a cap
            continue
        if follow:
            os.register_at_fork(after_in_child=lambda: begin(folder, usage, stat, prefix, cap_bytes))  # noqa: B023
        begin(folder, usage, stat, prefix, cap_bytes)
        return


def begin(folder: str, usage: str, stat: str, prefix: bytes, cap: int) -> None:
    arguments = (folder, usage, stat, prefix, cap)
    threading.Thread(target=watch, args=arguments, name="memcap-watch", daemon=True).start()


def watch(folder: str, usage: str, stat: str, prefix: bytes, cap: int) -> None:
    """Look until the process ends; give up where anything fails."""
    stem = os.path.join(folder, "%s-" + str(os.getpid()))
    names = (b"\n" + prefix + b"active_file ", b"\n" + prefix + b"inactive_file ")
    mark, turn, told = cap * FIRST_MARK, 0, False
    began = time.monotonic()
    growth: Any = None
    noted = 0
    try:
        while True:
            time.sleep(LOOK_SECONDS)
            used = int(read(usage))
            if used < mark:
                continue
            text = b"\n" + read(stat)
            used -= sum(int(text.partition(name)[2].partition(b"\n")[0] or 0) for name in names)
            if used >= mark:
                mark = used + cap * (STEP if used < cap * NEAR_MARK else STEP_NEAR)
                write_stacks("%s-%d.txt" % (stem % "stacks", turn), used, cap, time.monotonic() - began)
                turn = (turn + 1) % KEPT
                if growth is None and used < cap * STATE_MARK:
                    growth, noted = first_look(), used
            if used >= cap * STATE_MARK and not told:
                told = True
                write_state("%s.txt" % (stem % "state"), used, cap)
                if growth is not None and used < cap * NO_ROOM_MARK:
                    held = [list(each) for each in growth.find(None, SEARCH_SECONDS, used - noted)["holders"]]
                    write_literal("%s.txt" % (stem % "held"), held)
    except Exception:  # what has been written is there
        return


def read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 16384)
    finally:
        os.close(file)


def write_stacks(path: str, used: int, cap: int, seconds: float) -> None:
    """Write the stacks of all threads below a line that says when; a file without END was not finished."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    facts = {"used_bytes": used, "cap_bytes": cap, "seconds": seconds, "threads": names}
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(file, ascii(facts).encode() + b"\n")
        faulthandler.dump_traceback(file, all_threads=True)
        os.write(file, END)
    finally:
        os.close(file)


def write_state(path: str, used: int, cap: int) -> None:
    """Write what the collector knows, how many objects of which types there are, and which files are open."""
    facts: dict[str, object] = {"used_bytes": used, "cap_bytes": cap, "collected": gc.get_stats()}
    facts["waiting"] = gc.get_count()
    if used < cap * NO_ROOM_MARK:
        # Without a bytecode in between, no other thread runs. So nothing lives longer because it is listed, and a tuple
        # that is being made has no second reference, for which Python would raise SystemError.
        types = Counter(next(map(list, map(partial(map, type), map(gc.get_objects, (None,))))))
        facts["objects"] = sum(types.values())
        most = sorted(types.items(), key=lambda each: -each[1])[:MOST_TYPES]
        facts["types"] = [("%s.%s" % (kind.__module__, kind.__qualname__), count) for kind, count in most]
    facts["files"] = open_files(os.path.dirname(path))
    write_literal(path, facts)


def write_literal(path: str, facts: object) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(file, ascii(facts).encode())
    finally:
        os.close(file)


def first_look() -> Any:
    """Note the containers that there are; the program does not have this folder in its path."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    try:
        return __import__("memcap_grown").GrowthLook(0, FEWEST)
    finally:
        sys.path.remove(here)


def open_files(folder: str) -> list[str]:
    """Return the open files with their numbers, without those of the instrument."""
    found = []
    for name in sorted(os.listdir("/proc/self/fd"), key=int)[:MOST_FILES]:
        try:
            file = os.readlink("/proc/self/fd/" + name)
            found += [] if file.startswith((folder, "/proc/")) else ["%s %s" % (name, file)]
        except OSError:  # closed since
            continue
    return found
