"""A comparison for machines: what ``compare --json`` prints. Bytes and seconds, absent is null."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from memcap.comparing import ANSWER, Difference, Pair
from memcap.json_text import json_text
from memcap.report.compare_view import WORDS, ComparisonView, word

# History of the schema: it goes up when a key goes away or changes its meaning.
# 1 - first version
COMPARE_SCHEMA: Final = 1


def render_comparison_json(view: ComparisonView) -> str:
    """Return all of ``view``; differences are how much more ``against`` has than ``base``."""
    base, against = view.sides
    document = {
        "schema": COMPARE_SCHEMA,
        "answer": view.answer,
        "where": view.where or None,
        "metric": ANSWER.value,
        "base": asdict(base),
        "against": asdict(against),
        "confidence": view.comparison.confidence,
        "benchmarks": [_pair(pair) for pair in (*view.pairs, *view.untold)],
        "incomparable": view.comparison.incomparable,
        "differs": view.comparison.differs,
        "only_on_one_side": view.comparison.alone,
        "caveats": [
            {
                "kind": each.kind.value,
                "example": each.details[0],
                "details": each.details,
                "benchmarks": each.cell_ids,
                "remedy": each.remedy,
                "runs": each.runs,
                "decides": each.decides,
            }
            for each in view.caveats
        ],
        "exit_code": view.exit_code,
    }
    # Escaped, so that a terminal which shows it obeys nothing in it.
    return json_text(document)


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair.name,
        "base_cell": pair.match.base.cell.id,
        "against_cell": pair.match.against.cell.id,
        "verdict": word(pair),
        "summary": pair.summary or None,
        "metrics": {each.name: _difference(each) for each in pair.metrics},
        "parts": {each.name: _difference(each) for each in pair.parts},
        "extra": {each.name: _difference(each) for each in pair.extras},
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "unit": difference.unit,
        "verdict": WORDS.get(difference.state, difference.state.value) if difference.state else None,
        "detail": difference.detail or None,
        "base_median": difference.base,
        "against_median": difference.against,
        "base_values": difference.base_values,
        "against_values": difference.values,
        "shift": asdict(difference.shift) if difference.shift else None,
        "change": difference.change,
        "margin": difference.margin,
        "probability": difference.probability,
    }
