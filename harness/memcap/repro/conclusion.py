"""Say in a sentence who did it. Each clause is there only if it is known. Pure."""

from __future__ import annotations

from typing import Final

from memcap.model import Ending, Frame, Metric
from memcap.model.places import named_line
from memcap.repro.reproduction import Flight, Reproduction
from memcap.stats import proportion
from memcap.units import counted, format_bytes

_WORTH_SAYING: Final = 0.05  # of all that was held; what was held up to half of the cap is not known by holder


def conclusion(found: Reproduction) -> str:
    """Return the sentence."""
    if not found.kills:
        return _spared(found)
    run = found.flight.measurement if found.flight and found.flight.measurement.ending.is_oom else found.killed_run
    assert run is not None
    who = "killed" if run.ending is Ending.OOM_KILLED else "a child process was killed"
    begin = f"{who} at {_at(found)}"
    if found.smaller_loads:
        begin += f" (not with {found.smaller_loads[-1].spelled})"
    flight = found.flight
    line = flight.line if flight and flight.measurement.ending.is_oom else None
    if flight is None or line is None or line.frame is None:
        return f"{begin}{_by_size(found)}{_grew(found)}{_needs(found, known=False)}"
    total = _counted(flight)
    asked = "" if total <= (run.cap_bytes or total) else ", asked for and not all of it touched,"
    share = f"{format_bytes(line.size_bytes)} of {format_bytes(total)} at the kill{asked} were allocated"
    times = f" in {line.count} {'allocation' if line.count == 1 else 'allocations'}"
    place, text = place_of(line.frame), flight.profile.source(line.frame)
    where = f"{place} `{text}`" if text else f"{place} ({line.frame.function})"
    rest = f"{times}{_held(flight)}{_grew(found)}{_needs(found, known=True)}"
    last = flight.last_allocation or next(iter(flight.newest), None)
    if last is not None and last.is_in(line.frame):
        return f"{begin} while in {where}: {share} there{rest}"
    return f"{begin}: {share} in {where}{rest}"


def likelihood(found: Reproduction) -> str:
    """Say how often it happened, and between which probabilities the truth surely lies."""
    count, total = found.kills, len(found.attempts)
    known = proportion(count, total)
    return (
        f"{count} of {counted(total, 'run')} at {_at(found)} "
        f"({known.low:.0%} to {known.high:.0%} of all runs, with {known.confidence:.0%} confidence)"
    )


def place_of(frame: Frame) -> str:
    """Return file and line, without the folder that memcap itself put the file into."""
    return named_line(frame.file, frame.line)


def _at(found: Reproduction) -> str:
    return format_bytes(found.cap_bytes) + (f" with {found.load}" if found.load else "")


def _counted(flight: Flight) -> int:
    victim = flight.victim
    return victim.sites_bytes + victim.rest_bytes if victim else 0


def seen_in(flight: Flight) -> str:
    """Say where the last allocation was, and at how many of the last new heights the line to blame was on a stack."""
    line, victim, last = flight.line, flight.victim, flight.last_allocation
    stacks = flight.stacks_of(victim.pid) if victim else ()
    told = []
    if last is not None and last.frames:
        own = last.own_frame
        where = place_of(own or last.frames[0])
        inside = "" if own in (None, last.frames[0]) else f" (in {place_of(last.frames[0])})"
        told.append(f"the last allocation was of {format_bytes(last.size_bytes)} at {where}{inside}")
    if line is not None and line.frame is not None and stacks:
        times = sum(each.is_in(line.frame) for each in stacks)
        heights = counted(len(stacks), "new height")
        told.append(f"{place_of(line.frame)} was on a stack at {times} of the last {heights} of memory")
    return "; ".join(told)


def _held(flight: Flight) -> str:
    """Say who holds it, if that is a good part of it."""
    holder = flight.holder
    if holder is None or not holder.rooted or (holder.bytes or 0) < _WORTH_SAYING * _counted(flight):
        return ""
    return f", held by {holder.way}"


def _by_size(found: Reproduction) -> str:
    largest = found.largest_processes
    if not largest:
        return ""
    first = largest[0]
    which = f"the largest of {len(largest)} processes" if len(largest) > 1 else "its process"
    return f": {which} was {first.name} (PID {first.pid}) with {format_bytes(first.vm_hwm_bytes)}"


def _grew(found: Reproduction) -> str:
    growth = found.growth
    if growth is None:
        return ""
    return f"; grew {format_bytes(growth.bytes_per_cycle)} a cycle over {counted(growth.cycles, 'cycle')}"


def _needs(found: Reproduction, *, known: bool) -> str:
    need = found.need
    if need is None:
        return ""
    rather = " or a bounded buffer" if known else ""
    if need.ending is Ending.COMPLETED and need.unreclaimable_peak_bytes:
        return f"; needs ≥ {format_bytes(need.unreclaimable_peak_bytes)}{rather}"
    if need.ending.is_oom:
        return f"; needs more than {format_bytes(need.cap_bytes)}{rather}"
    return ""


def _spared(found: Reproduction) -> str:
    """Say how far it was from being killed, or how else it ended."""
    last = found.attempts[-1].measurement
    times = counted(len(found.attempts), "run")
    needed = max((int(each.measurement.highest(Metric.UNRECLAIMABLE_PEAK) or 0) for each in found.attempts), default=0)
    text = f"not killed at {_at(found)} in {times}"
    if last.ending is not Ending.COMPLETED:
        text += f", but {last.ending.value}" + (f" ({last.detail})" if last.detail else "")
    if needed and last.ending is not Ending.LOAD_FAILED:
        below = format_bytes(max(found.cap_bytes - needed, 0))
        text += f": at most {format_bytes(needed)} had to fit, {below} below the cap"
    if found.smaller_loads:
        text += f"; nor with less, from {found.smaller_loads[0]} on"
    elif found.earlier:
        text += f"; nor at lower caps, down to {format_bytes(min(each.cap_bytes for each in found.earlier))}"
    if found.estimated_load:
        text += f"; by its growth it would be killed with about {found.estimated_load} (an estimate)"
    return text
