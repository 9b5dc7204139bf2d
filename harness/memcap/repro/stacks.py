"""Read what was left beside the record: last stacks of all threads, the state and last allocation of each process.

The workload may write to the same folder, so nothing is taken for what it should be.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from memcap.model import Frame, Holder
from memcap.probe.fields import read_items
from memcap.probe.soak_work import read_holder
from memcap.repro.reproduction import LastAllocation, Stacks, State, ThreadStack

END: Final = "# end"
MOST_BYTES: Final = 1024 * 1024
_WATCH: Final = ("/memcap_watch.py", "/memcap_instrument.py")
_STACKS = re.compile(r"stacks-(\d+)-\d\.txt", re.ASCII)
_STATE = re.compile(r"state-(\d+)\.txt", re.ASCII)
_HELD = "held-{}.txt"  # of the process whose state it is
_LAST = re.compile(r"last-(\d+)\.txt", re.ASCII)
_THREAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-f]+)(?: \[.*\])? \(most recent call first\):")
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')


def read_stacks(artefacts: Path) -> tuple[Stacks, ...]:
    """Return the last stacks of each process, by its number, the newest first; what is not whole is left out."""
    found = []
    for path in sorted(artefacts.iterdir()):
        match = _STACKS.fullmatch(path.name)
        stacks = parse_stacks(_text(path), int(match[1])) if match else None
        if stacks is not None:
            found.append(stacks)
    return tuple(sorted(found, key=lambda each: (each.process, -each.seconds)))


def parse_stacks(text: str, process: int) -> Stacks | None:
    """Return the stacks in ``text``, None if it is not whole. Threads of the instrument itself are left out."""
    lines = text.splitlines()
    facts = _literal(lines[0]) if lines and lines[-1] == END else None
    if facts is None:
        return None
    threads: list[tuple[str, list[Frame]]] = []
    try:
        if not math.isfinite(facts["seconds"]):
            return None
        names = {int(ident): str(name) for ident, name in facts["threads"].items()}
        for line in lines[1:-1]:
            thread, frame = _THREAD.fullmatch(line), _FRAME.fullmatch(line)
            if thread:
                ident = int(thread[1], 16)
                threads.append((names.get(ident, f"thread {ident:#x}"), []))
            elif frame and threads:
                threads[-1][1].append(Frame(file=frame[1], line=int(frame[2]), function=frame[3]))
        return Stacks(
            process=process,
            used_bytes=int(facts["used_bytes"]),
            cap_bytes=int(facts["cap_bytes"]),
            seconds=float(facts["seconds"]),
            threads=tuple(
                ThreadStack(name=name, frames=tuple(frames))
                for name, frames in threads
                if frames and not any(frame.file.endswith(_WATCH) for frame in frames)
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def read_states(artefacts: Path) -> tuple[State, ...]:
    """Return the state of each process, by its number; one that cannot be read is left out."""
    found = []
    for path in sorted(artefacts.iterdir()):
        match = _STATE.fullmatch(path.name)
        state = parse_state(_text(path), int(match[1])) if match else None
        if state is not None:
            found.append(replace(state, holders=_holders(artefacts / _HELD.format(state.process))))
    return tuple(sorted(found, key=lambda state: state.process))


def parse_state(text: str, process: int) -> State | None:
    """Return the state in ``text``, None if it is none of ours."""
    facts = _literal(text)
    if facts is None:
        return None
    try:
        objects = facts.get("objects")
        return State(
            process=process,
            used_bytes=int(facts["used_bytes"]),
            cap_bytes=int(facts["cap_bytes"]),
            waiting=tuple(int(each) for each in facts["waiting"]),
            collections=tuple(int(each["collections"]) for each in facts["collected"]),
            objects=None if objects is None else int(objects),
            types=tuple((str(name), int(count)) for name, count in facts.get("types", ())),
            files=tuple(str(each) for each in facts["files"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def read_last(artefacts: Path) -> tuple[LastAllocation, ...]:
    """Return the last allocation of each process, by its number; one that cannot be read is left out."""
    found = []
    for path in sorted(artefacts.iterdir()):
        match = _LAST.fullmatch(path.name)
        last = parse_last(_text(path), int(match[1])) if match else None
        if last is not None:
            found.append(last)
    return tuple(sorted(found, key=lambda each: each.process))


def parse_last(text: str, process: int) -> LastAllocation | None:
    """Return the allocation in ``text``, None if it is none of ours."""
    facts = _literal(text)
    if facts is None:
        return None
    try:
        return LastAllocation(
            process=process,
            size_bytes=int(facts["size_bytes"]),
            thread=str(facts["thread"]),
            frames=tuple(
                Frame(file=str(file), line=int(line), function=str(function))
                for function, file, line in facts["frames"]
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _holders(path: Path) -> tuple[Holder, ...]:
    """Return who holds what grew in a process; none where that was not found, or cannot be read."""
    try:
        return tuple(map(read_holder, read_items(_evaluated(_text(path))))) if path.is_file() else ()
    except TypeError:
        return ()


def _literal(text: str) -> Mapping[str, Any] | None:
    found = _evaluated(text)
    return found if isinstance(found, dict) else None


def _evaluated(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_BYTES).decode("utf-8", "replace")
