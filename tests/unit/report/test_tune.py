"""What `measure --tune` prints."""

from __future__ import annotations

import json

from memcap.model import Metric, Quiet
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.tune import render_tune_json, tune_document
from memcap.tune import AS_IT_IS, METRICS, Effect, MetricTrial, Setting, SettingTrial, Tuning

ONE_CPU = Setting(name="one_cpu", words="one CPU", quiet=Quiet(pin_cpus=1))
ARENA = Setting(name="one_arena", words="one malloc arena", env={"MALLOC_ARENA_MAX": "1"})
LINES = ["quiet = { pin_cpus = 1 }"]


def trial(setting: Setting, *effects: Effect, chance: float | None = 0.9, scatter: float = 0.002) -> SettingTrial:
    metrics = tuple(
        MetricTrial(metric=metric, median=64 << 20, variation=scatter, effect=effect, chance=chance)
        for metric, effect in zip(METRICS, effects or (Effect.NO_DIFFERENCE,) * 3, strict=True)
    )
    return SettingTrial(setting=setting, runs=10, metrics=metrics)


BASELINE = trial(AS_IT_IS, chance=None)
QUIETER = trial(ONE_CPU, Effect.QUIETER, Effect.NO_DIFFERENCE, Effect.NO_DIFFERENCE, chance=0.001, scatter=0.0008)
NOISIER = trial(ARENA, Effect.NO_DIFFERENCE, Effect.NOISIER, Effect.NOT_ENOUGH_DATA, chance=0.01)
CELL = "measure.python-py312-128m"


def render_tune(tuning: Tuning, *, width: int = 80) -> str:
    return to_terminal(tune_document(tuning), Terminal(width=width))


def test_what_helps_is_said_with_the_lines_to_paste() -> None:
    text = render_tune(Tuning(cell_id=CELL, first=(BASELINE, QUIETER, NOISIER)))
    assert (
        text
        == """\
measure.python-py312-128m: figures under each setting, and how much they scatter

setting               peak      CV     unre-      CV       RSS      CV  runs
                                      claim-              peak
                                        able
----------------  --------  ------  --------  ------  --------  ------  ----
as it is          64.0 MiB  0.200%  64.0 MiB  0.200%  64.0 MiB  0.200%    10
one CPU           64.0 MiB  0.080%  64.0 MiB  0.080%  64.0 MiB  0.080%    10
one malloc arena  64.0 MiB  0.200%  64.0 MiB  0.200%  64.0 MiB  0.200%    10

one CPU: quieter peak
one malloc arena: noisier unreclaimable_peak; not enough data rss_peak

Use: one CPU. In suite.toml, for this benchmark:
    quiet = { pin_cpus = 1 }
"""
    )


def test_no_setting_helps_is_an_answer() -> None:
    text = render_tune(Tuning(cell_id=CELL, first=(BASELINE, trial(ONE_CPU), NOISIER)))
    assert "no difference beyond chance: one CPU\n" in text
    assert "leave it as it is.\n" in text
    assert "suite.toml" not in text
    assert "Nearest" not in text, "0.9 is not near"


def test_what_came_near_is_named() -> None:
    text = render_tune(Tuning(cell_id=CELL, first=(BASELINE, trial(ONE_CPU, chance=0.11), NOISIER)), width=500)
    assert "leave it as it is. Nearest to it is one CPU: chance alone does as well in 11% of such tables" in text
    assert "--runs 20" in text


def test_a_second_round_has_a_table_of_its_own_and_decides() -> None:
    both = trial(Setting(name="together", words="one CPU + one malloc arena", quiet=Quiet(pin_cpus=1), env=ARENA.env))
    tuning = Tuning(cell_id=CELL, first=(BASELINE, QUIETER), second=(BASELINE, trial(ONE_CPU), both))
    text = render_tune(tuning)
    assert text.count("as it is  ") == 2
    assert "once more and together" in text
    assert "leave it as it is" in text


def test_no_line_is_wider_than_asked() -> None:
    tuning = Tuning(cell_id=CELL, first=(BASELINE, trial(ONE_CPU, chance=0.11), *[trial(ARENA)] * 6))
    assert max(map(len, render_tune(tuning).splitlines())) <= 80


def test_json_holds_every_figure_and_what_to_use() -> None:
    document = json.loads(render_tune_json(Tuning(cell_id=CELL, first=(BASELINE, QUIETER))))
    assert (document["schema"], document["cell"], document["second_round"]) == (2, CELL, [])
    baseline, one_cpu = document["first_round"]
    assert baseline["setting"] == "as_it_is"
    assert one_cpu["quiet"] == {"pin_cpus": 1, "thp": True, "aslr": True}
    assert one_cpu["runs"] == 10
    assert one_cpu["metrics"][Metric.PEAK.value] == {
        "median": 64 << 20, "cv": 0.0008, "effect": "quieter", "chance": 0.001,
    }  # fmt: skip
    assert (document["recommended"]["setting"], document["recommended"]["suite_toml"]) == ("one_cpu", LINES)
    assert json.loads(render_tune_json(Tuning(cell_id=CELL, first=(BASELINE,))))["recommended"] is None
