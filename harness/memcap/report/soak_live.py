"""What a terminal shows while a soak runs, and the lines that stand for it elsewhere."""

from __future__ import annotations

from typing import Final

from memcap.model import SoakKind, SoakSample
from memcap.report.document import Block, Facts, Paragraph, Text, document
from memcap.report.server_blocks import latency_text
from memcap.report.soak_words import answer, bytes_text, elapsed, level_of, pace_in_words
from memcap.report.sparkline import BLOCKS, PLAIN, sparkline
from memcap.report.text import shortened
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.soaking import SoakOutcome
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable

_LEAST_CURVE: Final = 8  # columns; a shorter one shows nothing


def live_lines(outcome: SoakOutcome, terminal: Terminal) -> tuple[str, ...]:
    """Return the lines of a live view: the curve, what is known so far, the time left, and the pace of the work."""
    name = shortened(printable(outcome.name), terminal.width)
    blocks: list[Block] = [
        Facts(items=tuple(_facts(outcome))),
        Paragraph(text=answer(outcome), level=level_of(outcome)),
    ]
    below = to_terminal(document("memcap soak", *blocks), terminal).rstrip("\n").split("\n")
    curve = _curve(outcome, terminal)
    return (name, *([curve] if curve else []), *(line for line in below if line))


def plain_line(sample: SoakSample, kind: SoakKind, before: SoakSample | None = None) -> str:
    """Return a sample in one line, with the pace of the work since the sample ``before`` it."""
    memory, work, unit = sample.memory, sample.work, kind.unit
    parts = [
        elapsed(memory.seconds),
        f"unreclaimable {bytes_text(memory.unreclaimable_bytes)}",
        f"RSS {bytes_text(memory.rss_bytes)}",
    ]
    parts += [f"threads {memory.threads}"] if memory.threads is not None else []
    parts += [f"open files {memory.open_files}"] if memory.open_files is not None else []
    if work and unit:
        parts.append(f"{unit}s {work.done:,}{_pace(sample, before)}")
        parts += [f"p99 {latency_text(work.p99_seconds)}"] if work.p99_seconds is not None else []
    return ", ".join(parts)


def is_explaining(outcome: SoakOutcome) -> bool:
    """Tell whether the time that is judged is over, and the soak goes on to find what grows."""
    rules = outcome.rules
    return rules.explain_seconds > 0 and outcome.elapsed_seconds > rules.duration_seconds


def _facts(outcome: SoakOutcome) -> list[tuple[Text, Text]]:
    rules = outcome.rules
    left = max(0.0, rules.duration_seconds - outcome.elapsed_seconds)
    facts: list[tuple[Text, Text]] = [("time left", format_seconds(left))] if outcome.is_running else []
    if outcome.is_running and is_explaining(outcome):
        facts = [("to find what grows", format_seconds(max(0.0, rules.whole_seconds - outcome.elapsed_seconds)))]
    if outcome.samples:
        last = outcome.samples[-1]
        before = outcome.samples[-2] if len(outcome.samples) > 1 else None
        facts.append(("last sample", plain_line(last, outcome.kind, before)))
    else:
        facts.append(("last sample", "none yet"))
    return facts


def _curve(outcome: SoakOutcome, terminal: Terminal) -> str:
    """Return the memory as a curve between its least and its most, which stand behind it."""
    values = [float(value) for value in outcome.series.values]
    if not values:
        return ""
    low, high = min(values), max(values)
    labels = f" {format_bytes(low)} to {format_bytes(high)}"
    room = terminal.width - len(labels)
    if room < _LEAST_CURVE:
        return ""
    return sparkline(values, room, low=low, high=high, levels=PLAIN if terminal.ascii else BLOCKS) + labels


def _pace(sample: SoakSample, before: SoakSample | None) -> str:
    """Return the work of each second since the sample before; empty where that is not known."""
    if sample.work is None or before is None or before.work is None:
        return ""
    pace = pace_in_words(sample.work.done - before.work.done, sample.work.seconds - before.work.seconds)
    return f" ({pace})" if pace else ""
