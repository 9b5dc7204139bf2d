"""Find the settings under which a workload's figures scatter less: what is tried, and what may be said of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from memcap.model import CaveatKind, Cell, CellResult, Metric, Quiet
from memcap.stats import holm, median, spread_test, variation

METRICS: Final = (Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK)
MINIMUM_RUNS: Final = 8  # with fewer even a tenfold difference is not beyond chance among so many comparisons
CHANCE: Final = 0.05  # how likely a whole table may hold one false "quieter", or one false "noisier"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A way to run a workload: ``name`` is a part of ids, ``words`` are for the reader."""

    name: str
    words: str
    quiet: Quiet = field(default_factory=Quiet)
    env: Mapping[str, str] = field(default_factory=dict)


AS_IT_IS: Final = Setting(name="as_it_is", words="as it is")
SETTINGS: Final = (
    AS_IT_IS,
    Setting(name="one_cpu", words="one CPU", quiet=Quiet(pin_cpus=1)),
    Setting(name="no_thp", words="no THP", quiet=Quiet(thp=False)),
    Setting(name="no_aslr", words="no ASLR", quiet=Quiet(aslr=False)),
    Setting(name="random_hash", words="random hash seed", env={"PYTHONHASHSEED": "random"}),
    Setting(name="one_arena", words="one malloc arena", env={"MALLOC_ARENA_MAX": "1"}),
)


class Effect(str, Enum):
    """What a setting does to the scatter of one metric, as far as chance does not explain it."""

    QUIETER = "quieter"
    NOISIER = "noisier"
    NO_DIFFERENCE = "no difference"
    NOT_ENOUGH_DATA = "not enough data"


@dataclass(frozen=True, kw_only=True)
class MetricTrial:
    """One metric under one setting; ``variation`` is a fraction (0.002 = 0.2 %).

    ``chance`` is the corrected p-value of being noisier for a noisier one, else that of being quieter; None where
    nothing was compared.
    """

    metric: Metric
    median: float | None
    variation: float | None
    effect: Effect
    chance: float | None = None


@dataclass(frozen=True, kw_only=True)
class SettingTrial:
    """What was measured under one setting; ``runs`` counts those that ended as expected, with a warm page cache."""

    setting: Setting
    runs: int
    metrics: tuple[MetricTrial, ...]

    def named(self, effect: Effect) -> tuple[Metric, ...]:
        """Return the metrics on which the setting has ``effect``."""
        return tuple(each.metric for each in self.metrics if each.effect is effect)

    @property
    def helps(self) -> bool:
        """Tell whether the setting quiets a metric beyond chance and disturbs none."""
        return bool(self.named(Effect.QUIETER)) and not self.named(Effect.NOISIER)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What trying settings has shown: ``first`` each alone, ``second`` those that helped again, and together.

    ``second`` is empty where no two settings helped. ``best`` is None where none can be recommended.
    """

    cell_id: str
    first: tuple[SettingTrial, ...]
    second: tuple[SettingTrial, ...] = ()

    @property
    def best(self) -> Setting | None:
        """Return the setting that helps most, by the mean of its metrics' scatter relative to that without it."""
        baseline, *others = self.second or self.first
        helping = [trial for trial in others if trial.helps]
        return min(helping, key=lambda trial: _relative_scatter(trial, baseline)).setting if helping else None


def cells_of(cell: Cell, settings: Iterable[Setting]) -> tuple[Cell, ...]:
    """Return ``cell`` under each setting, as variants: the runs of one benchmark's variants take turns."""
    return tuple(
        replace(
            cell,
            variant=setting.name,
            benchmark=replace(cell.benchmark, quiet=setting.quiet, env={**cell.benchmark.env, **setting.env}),
        )
        for setting in settings
    )


def compare_settings(results: Sequence[CellResult], settings: Sequence[Setting]) -> tuple[SettingTrial, ...]:
    """Compare each setting with the first; ``results`` are those of the settings, in their order.

    All comparisons are corrected together, for the settings and metrics that they are.
    """
    baseline = results[0]
    pairs = [(result, metric) for result in results[1:] for metric in METRICS if _comparable(baseline, result, metric)]
    tests = [spread_test(_values(baseline, metric), _values(result, metric)) for result, metric in pairs]
    quieter, noisier = holm([less for less, _ in tests]), holm([more for _, more in tests])
    effects = {
        (result.cell.id, metric): _effect(less, more)
        for (result, metric), less, more in zip(pairs, quieter, noisier, strict=True)
    }
    return tuple(
        SettingTrial(
            setting=setting,
            runs=max(len(_values(result, metric)) for metric in METRICS),
            metrics=tuple(_trial(result, metric, effects, is_baseline=result is baseline) for metric in METRICS),
        )
        for result, setting in zip(results, settings, strict=True)
    )


def together(trials: Iterable[SettingTrial]) -> tuple[Setting, ...]:
    """Return what a second round tries: the first setting, those that helped, and all of these at once.

    Empty where fewer than two helped.
    """
    baseline, *others = trials
    helping = [trial.setting for trial in others if trial.helps]
    if len(helping) < 2:
        return ()
    combined = Setting(
        name="together",
        words=" + ".join(setting.words for setting in helping),
        quiet=Quiet(
            pin_cpus=next((setting.quiet.pin_cpus for setting in helping if setting.quiet.pin_cpus), None),
            thp=all(setting.quiet.thp for setting in helping),
            aslr=all(setting.quiet.aslr for setting in helping),
        ),
        env={name: value for setting in helping for name, value in setting.env.items()},
    )
    return (baseline.setting, *helping, combined)


def suite_lines(setting: Setting) -> tuple[str, ...]:
    """Return the lines of suite.toml that give a benchmark this setting."""
    quiet, usual = setting.quiet, Quiet()
    words = [f"pin_cpus = {quiet.pin_cpus}"] if quiet.pin_cpus is not None else []
    words += [f"{key} = false" for key in ("thp", "aslr") if getattr(quiet, key) is not getattr(usual, key)]
    env = ", ".join(f'{name} = "{value}"' for name, value in setting.env.items())
    return (*((f"quiet = {{ {', '.join(words)} }}",) if words else ()), *((f"env = {{ {env} }}",) if env else ()))


def _comparable(baseline: CellResult, result: CellResult, metric: Metric) -> bool:
    return min(len(_values(baseline, metric)), len(_values(result, metric))) >= MINIMUM_RUNS


def _values(result: CellResult, metric: Metric) -> tuple[float, ...]:
    """Return the figures that a setting is judged by: a run that read from disk tells of somebody else's doings."""
    warm = [run for run in result.runs if all(each.kind is not CaveatKind.COLD_PAGE_CACHE for each in run.caveats)]
    return replace(result, runs=tuple(warm)).values(metric)


def _effect(less: float, more: float) -> tuple[Effect, float]:
    if less <= CHANCE:
        return Effect.QUIETER, less
    return (Effect.NOISIER, more) if more <= CHANCE else (Effect.NO_DIFFERENCE, less)


def _trial(
    result: CellResult, metric: Metric, effects: Mapping[tuple[str, Metric], tuple[Effect, float]], *, is_baseline: bool
) -> MetricTrial:
    values = _values(result, metric)
    unknown = Effect.NO_DIFFERENCE if is_baseline else Effect.NOT_ENOUGH_DATA
    effect, chance = effects.get((result.cell.id, metric), (unknown, None))
    return MetricTrial(
        metric=metric,
        median=median(values) if values else None,
        variation=variation(values),
        effect=effect,
        chance=chance,
    )


def _relative_scatter(trial: SettingTrial, baseline: SettingTrial) -> float:
    ratios = [
        own.variation / usual.variation
        for own, usual in zip(trial.metrics, baseline.metrics, strict=True)
        if own.variation is not None and usual.variation
    ]
    return sum(ratios) / len(ratios)
