"""A soak as a document: the answer first, then what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from memcap.model import Origin, SoakKind, limit_of, remedy_of
from memcap.report.caveats import caveat_blocks, gather
from memcap.report.document import (
    Block,
    Document,
    Facts,
    Fold,
    Level,
    Note,
    Output,
    Paragraph,
    Text,
    document,
)
from memcap.report.grown import grown_blocks, is_elsewhere
from memcap.report.server_blocks import services_table
from memcap.report.soak_chart import soak_chart
from memcap.report.soak_tables import allocations, garbage, living, own_metrics, samples_table, times_table
from memcap.report.soak_words import (
    answer,
    bytes_text,
    divided,
    elapsed,
    ended_early,
    ending_in_words,
    level_of,
    megabytes,
    rate_in_words,
    reason_in_words,
    time_to_cap,
    was_stopped,
    work_in_words,
)
from memcap.report.text import machine_text, shortened
from memcap.soaking import SoakOutcome, growth_rate
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable

_NAME_WIDTH: Final = 120
_Items = Iterator[tuple[Text, Text]]


def soak_document(outcome: SoakOutcome, *, where: str = "") -> Document:
    """Return what a soak found, or has found so far. ``where`` is the folder of its files, with its chart."""
    service_rows = services_table(outcome.services) if outcome.services else None
    return document(
        "memcap soak",
        Paragraph(text=answer(outcome), level=level_of(outcome)),
        Paragraph(text=heading(outcome)),
        Paragraph(text=reason_in_words(outcome.verdict)),
        _ending(outcome),
        soak_chart(outcome),
        Facts(title="Growth", items=tuple(_growth(outcome))),
        Facts(title="The usual rule: the first 10 % of the samples against the last", items=tuple(_usual(outcome))),
        Facts(title="Peaks", items=tuple(_peaks(outcome))) if outcome.measurement else None,
        Facts(title="Work", items=work) if (work := tuple(_work(outcome))) else None,
        times_table(outcome),
        own_metrics(outcome),
        garbage(outcome),
        _not_looked_at(outcome),
        *_grown(outcome),
        allocations(outcome),
        living(outcome),
        service_rows,
        _caveats(outcome),
        samples_table(outcome),
        Fold(title="How it was measured", blocks=(Facts(items=tuple(_settings(outcome))),)),
        Paragraph(text=f"Report and samples: {where}") if where else None,
    )


def heading(outcome: SoakOutcome) -> str:
    """Return what was soaked, where, and for how long."""
    name = shortened(printable(outcome.name), _NAME_WIDTH)
    cap = limit_of(outcome.cap_bytes)
    capped = f"a cap of {format_bytes(cap)}" if cap else "no cap"
    lasted, asked = elapsed(outcome.elapsed_seconds), format_seconds(outcome.rules.duration_seconds)
    state = "running for" if outcome.is_running else "ran for"
    if outcome.rules.explain_seconds:
        asked += f" and {format_seconds(outcome.rules.explain_seconds)} to find what grows"
    span = f"{lasted}, with a load of {asked}" if outcome.kind is SoakKind.SERVER else f"{lasted} of {asked}"
    return f"{name} in {printable(outcome.image)} with {capped}, {state} {span}."


def _ending(outcome: SoakOutcome) -> Block | None:
    """Return a note on how it ended if not as asked, with the end of the output."""
    run = outcome.measurement
    if run is None:
        return None
    if ended_early(outcome):
        who = "It was stopped" if was_stopped(outcome) else "The workload ended by itself"
        return Note(level=Level.WARN, title=f"{who} before the time that was asked for.")
    if not ending_in_words(outcome):
        return None
    output = Output(text=run.last_lines, title="The end of its output")
    return Note(
        level=Level.BAD,
        title=f"ending {run.ending.value}",
        facts=(printable(run.detail),) if run.detail else (),
        remedy=remedy_of(run.ending, run.detail, Origin.COMMAND),
        blocks=(output,) if run.last_lines else (),
    )


def _not_looked_at(outcome: SoakOutcome) -> Block | None:
    """Return a note where looks into Python were asked for, and no process could be looked at."""
    rules = outcome.rules
    is_asked = outcome.kind is not SoakKind.CALL and bool(rules.frames or rules.collects)
    if not is_asked or outcome.is_running or not outcome.samples or any(each.python for each in outcome.samples):
        return None
    return Note(
        level=Level.WARN,
        title="No Python process was looked at, though --tracemalloc or --gc asks for it.",
        remedy="Start a CPython 3.8 or newer without -I, -E and -S: PYTHONPATH has to reach it.",
    )


def _grown(outcome: SoakOutcome) -> Iterator[Block]:
    """Yield what grew after the time that was judged, and who holds it, or why that is not known."""
    if grown := outcome.growth:
        yield from grown_blocks(grown, unit=outcome.kind.unit, work=outcome.grown_work, bytes_=outcome.grown_bytes)
        if is_elsewhere(grown, outcome.grown_bytes) and outcome.living is None:
            yield Note(
                level=Level.WARN,
                title="Most of what grew is none of Python's own allocations.",
                remedy="Compiled code may keep it: add --memray, which runs a twin that sees it.",
            )
    elif outcome.rules.explain_seconds and not outcome.is_running:
        why, remedy = _not_explained(outcome)
        yield Note(level=Level.WARN, title=f"What grows was not found: {why}.", remedy=remedy)


def _not_explained(outcome: SoakOutcome) -> tuple[str, str]:
    """Return why nothing was found of what grows, and what to do."""
    if outcome.elapsed_seconds <= outcome.rules.duration_seconds:
        return "the workload ended before it was looked for", "It is looked for when the duration is over."
    if outcome.kind is not SoakKind.CALL and not any(each.python for each in outcome.samples):
        return "no Python process was looked at", "Start a CPython 3.8 or newer without -I, -E and -S."
    return "the workload ended before the looks were finished", "Let it run to the end of the time for that."


def _growth(outcome: SoakOutcome) -> _Items:
    verdict, rules, unit = outcome.verdict, outcome.rules, outcome.kind.unit
    yield "class", verdict.kind.value
    if rate := growth_rate(verdict):
        yield "an hour", rate_in_words(rate)
        if rules.rate != 1:
            yield "a simulated hour", rate_in_words(divided(rate, rules.rate))
    if verdict.per_work and unit and rate:
        yield f"a {unit}", rate_in_words(verdict.per_work)
    if verdict.detectable_bytes_per_hour is not None:
        found = f"{bytes_text(verdict.detectable_bytes_per_hour)} an hour or more, which is found 19 times of 20"
        yield "detectable in this run", found
    if to_cap := time_to_cap(outcome):
        yield f"time to the cap of {format_bytes(outcome.cap_bytes)}", to_cap
    if verdict.warm_up_seconds is not None:
        yield "warm-up", f"{format_seconds(verdict.warm_up_seconds)}, not judged" if verdict.warm_up_seconds else "none"
    if verdict.windows:
        yield "windows", f"{verdict.windows}, of which the least memory was judged"


def _usual(outcome: SoakOutcome) -> _Items:
    found = outcome.verdict.two_ends
    yield "samples used", f"{found.samples}" if found.enough else f"{found.samples}: not enough samples, 5 are needed"
    if not found.enough:
        return
    yield "first 10 %", megabytes(found.first)
    yield "last 10 %", megabytes(found.last)
    share = f" ({found.growth_percent:+.1f} %)" if found.growth_percent is not None else ""
    yield "growth", f"{megabytes(found.growth)}{share}"
    if found.bytes_per_hour is not None:
        yield "least squares", f"{megabytes(found.bytes_per_hour)} an hour"
    yield "threshold", f"{megabytes(found.threshold)}: the growth is {'above' if found.over else 'not above'} it"


def _peaks(outcome: SoakOutcome) -> _Items:
    run = outcome.measurement
    assert run is not None
    yield "unreclaimable", bytes_text(run.unreclaimable_peak_bytes)
    yield "with page cache", bytes_text(run.peak_bytes)
    yield "RSS of the largest process", bytes_text(run.rss_peak_bytes)
    if run.oom.kills:
        yield "OOM kills", str(run.oom.kills)


def _work(outcome: SoakOutcome) -> _Items:
    if done := work_in_words(outcome):
        yield "done", done
    last = next((sample.work for sample in reversed(outcome.samples) if sample.work), None)
    if last and last.failed:
        yield "failed", f"{last.failed:,}"


def _caveats(outcome: SoakOutcome) -> tuple[Block, ...]:
    caveats = outcome.measurement.caveats if outcome.measurement else ()
    return caveat_blocks(gather((), [("", caveat) for caveat in caveats], judged=False), hint="; see --json")


def _settings(outcome: SoakOutcome) -> _Items:
    rules, where = outcome.rules, outcome.environment
    yield "id", outcome.id
    yield "started", outcome.started
    yield "duration", format_seconds(rules.duration_seconds)
    yield "a sample every", format_seconds(rules.interval_seconds)
    yield "judged by a sample every", format_seconds(rules.step_seconds)
    if rules.max_rss_bytes is not None:
        yield "max RSS", format_bytes(rules.max_rss_bytes)
    if rules.rate != 1:
        yield "rate", f"{rules.rate:g} simulated hours an hour"
    yield "tracemalloc", f"on, {rules.frames} frames" if rules.frames else "off"
    yield "garbage collected before each sample", "yes" if rules.collects else "no"
    if outcome.container:
        yield "container", outcome.container
    if where:
        yield "machine", f"{machine_text(where)}, kernel {where.kernel}"
        yield "memcap", where.memcap_version
