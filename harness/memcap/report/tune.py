"""What trying settings has shown, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from memcap.json_text import json_text
from memcap.report.text import NOTHING, figure, folded, table
from memcap.tune import CHANCE, Effect, MetricTrial, Setting, Tuning, suite_lines
from memcap.tune import SettingTrial as Trial

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


def render_tune(tuning: Tuning, *, width: int = 80) -> str:
    """Return ``tuning`` as tables, what they say, and a recommendation."""
    parts = [f"{tuning.cell_id}: figures under each setting, and how much they scatter", _table(tuning.first, width)]
    parts.append(_effects(tuning.first, width))
    if tuning.second:
        parts += ["What helped, once more and together:", _table(tuning.second, width), _effects(tuning.second, width)]
    return folded("\n\n".join([*parts, _advice(tuning, width)]), width) + "\n"


def _table(trials: Sequence[Trial], width: int) -> str:
    rows = [
        [trial.setting.words, *(text for each in trial.metrics for text in _figures(each)), str(trial.runs)]
        for trial in trials
    ]
    headers = ["setting", "peak", "CV", "unre-\nclaim-\nable", "CV", "RSS\npeak", "CV", "runs"]
    return table(rows, headers, width=width, align=["left", *["right"] * 7])


def _figures(trial: MetricTrial) -> tuple[str, str]:
    scatter = NOTHING if trial.variation is None else f"{trial.variation:.3%}"
    return figure(trial.metric, trial.median), scatter


def _effects(trials: Sequence[Trial], width: int) -> str:
    """Return ``one CPU: quieter peak, unreclaimable_peak``, a line for each setting with an effect."""
    lines = []
    for trial in trials[1:]:
        found = [
            f"{effect.value} {', '.join(metric.value for metric in trial.named(effect))}"
            for effect in (Effect.QUIETER, Effect.NOISIER, Effect.NOT_ENOUGH_DATA)
            if trial.named(effect)
        ]
        if found:
            lines.append(f"{trial.setting.words}: {'; '.join(found)}")
    alike = [
        trial.setting.words for trial in trials[1:] if len(trial.named(Effect.NO_DIFFERENCE)) == len(trial.metrics)
    ]
    if alike:
        lines.append(f"no difference beyond chance: {', '.join(alike)}")
    return "\n".join(textwrap.fill(line, width=width, subsequent_indent="    ") for line in lines)


def _advice(tuning: Tuning, width: int) -> str:
    best = tuning.best
    if best is not None:
        lines = "\n".join(f"    {line}" for line in suite_lines(best))
        return f"Use: {best.words}. In suite.toml, for this benchmark:\n{lines}"
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
    return textwrap.fill(text, width=width)


def _nearest(trials: Sequence[Trial]) -> tuple[Trial, float] | None:
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


def _trial(trial: Trial) -> dict[str, Any]:
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
