"""What trying settings has shown, as a document and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from memcap.json_text import json_text
from memcap.report.document import Code, Column, Document, Facts, Paragraph, Table, document
from memcap.report.text import NOTHING, figure
from memcap.tune import CHANCE, Effect, MetricTrial, Setting, SettingTrial, Tuning, suite_lines

# History of the schema of `measure --tune --json`; it goes up when a key goes away or changes its meaning.
# 1 - first version
# 2 - `quiet.pin_cpus` (was `quiet.cpus`)
TUNE_SCHEMA = 2


def render_tune_json(tuning: Tuning) -> str:
    """Return ``tuning`` as JSON: every trial of both rounds, and the setting to use, null if none helps."""
    best = tuning.best
    document = {
        "schema": TUNE_SCHEMA,
        "cell": tuning.cell_id,
        "first_round": [_trial(trial) for trial in tuning.first],
        "second_round": [_trial(trial) for trial in tuning.second],
        "recommended": None if best is None else {**_setting(best), "suite_toml": suite_lines(best)},
    }
    return json_text(document)


def tune_document(tuning: Tuning) -> Document:
    """Return the tables of ``tuning``, what they say, and a recommendation."""
    return document(
        "memcap measure --tune",
        Paragraph(text=f"{tuning.cell_id}: figures under each setting, and how much they scatter"),
        _table(tuning.first),
        _effects(tuning.first),
        *((_table(tuning.second, title="What helped, once more and together"), _effects(tuning.second))
          if tuning.second else ()),
        _advice(tuning),
    )  # fmt: skip


def _table(trials: Sequence[SettingTrial], *, title: str = "") -> Table:
    rows = [(each.setting.words, *(text for metric in each.metrics for text in _figures(metric)), str(each.runs))
            for each in trials]  # fmt: skip
    titles = ("peak", "CV", "unre-\nclaim-\nable", "CV", "RSS\npeak", "CV", "runs")
    columns = (Column(title="setting"), *(Column(title=each, right=True) for each in titles))
    return Table(columns=columns, rows=tuple(rows), title=title)


def _figures(trial: MetricTrial) -> tuple[str, str]:
    scatter = NOTHING if trial.variation is None else f"{trial.variation:.3%}"
    return figure(trial.metric, trial.median), scatter


def _effects(trials: Sequence[SettingTrial]) -> Facts | None:
    """Return what each setting did, such as ``one CPU: quieter peak, unreclaimable_peak``."""
    items = []
    for trial in trials[1:]:
        found = [
            f"{effect.value} {', '.join(metric.value for metric in trial.named(effect))}"
            for effect in (Effect.QUIETER, Effect.NOISIER, Effect.NOT_ENOUGH_DATA)
            if trial.named(effect)
        ]
        if found:
            items.append((trial.setting.words, "; ".join(found)))
    alike = [
        trial.setting.words for trial in trials[1:] if len(trial.named(Effect.NO_DIFFERENCE)) == len(trial.metrics)
    ]
    if alike:
        items.append(("no difference beyond chance", ", ".join(alike)))
    return Facts(items=tuple(items)) if items else None


def _advice(tuning: Tuning) -> Paragraph | Code:
    best = tuning.best
    if best is not None:
        title = f"Use: {best.words}. In suite.toml, for this benchmark"
        return Code(text="\n".join(suite_lines(best)), title=title, language="toml")
    text = (
        "No setting makes the figures scatter less beyond chance without making others scatter more: leave it as it is."
    )
    near = _nearest(tuning.second or tuning.first)
    if near is not None:
        trial, chance = near
        text += (
            f" Nearest to it is {trial.setting.words}: chance alone does as well in {chance:.0%} of such tables, and"
            f" {CHANCE:.0%} is the limit. More runs (--runs 20) tell small differences from chance."
        )
    return Paragraph(text=text)


def _nearest(trials: Sequence[SettingTrial]) -> tuple[SettingTrial, float] | None:
    """Return the setting that came nearest to helping, if it is worth another try."""
    chances = [
        (each.chance, trial)
        for trial in trials
        if not trial.named(Effect.NOISIER)
        for each in trial.metrics
        if each.effect is Effect.NO_DIFFERENCE and each.chance is not None
    ]
    chance, trial = min(chances, key=lambda pair: pair[0], default=(1.0, None))
    return (trial, chance) if trial is not None and chance < 0.5 else None


def _trial(trial: SettingTrial) -> dict[str, Any]:
    return {**_setting(trial.setting), "runs": trial.runs, "metrics": {
        each.metric.value: {
            "median": each.median, "cv": each.variation, "effect": each.effect.value, "chance": each.chance,
        }
        for each in trial.metrics
    }}  # fmt: skip


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "setting": setting.name,
        "words": setting.words,
        "quiet": asdict(setting.quiet),
        "env": dict(setting.env),
    }
