"""Whether shards were measured alike: their results are judged as one, so that they must be of one environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from memcap.errors import UsageError
from memcap.model import CampaignResult, ContainerPolicy, Environment, ImageFacts
from memcap.units import listed

# Facts of machines that may differ where that is asked for: other rules forbid comparing figures of the others.
_MAY_DIFFER: Final[Mapping[str, str]] = {
    "engine_version": "version of the engine",
    "cgroup_driver": "cgroup driver",
    "kernel": "kernel",
    "operating_system": "operating system",
    "cpus": "number of CPUs",
    "cpu_model": "CPU model",
}
_ALWAYS_ALIKE: Final[Mapping[str, str]] = {
    "engine": "engine",
    "architecture": "architecture",
    "cgroup_version": "cgroup version",
    "swap_accounting": "swap accounting",
    "memcap_version": "version of memcap",
}
_NAMED: Final = 3
_HASHED: Final = "hmac:"  # with a key that each job has of its own


@dataclass(frozen=True, kw_only=True)
class NamedResult:
    """A result with the name of its file."""

    name: str
    result: CampaignResult


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """A fact that differs, and what it is in which files."""

    fact: str
    places: Mapping[str, list[str]]

    def __str__(self) -> str:
        told = (f"{value} ({listed(names, _NAMED)})" for value, names in self.places.items())
        return f"{self.fact}: {', '.join(told)}"


def refuse_other_campaigns(parts: Sequence[NamedResult]) -> None:
    """Raise UsageError unless all ``parts`` were measured by one plan, one command and one commit."""
    found = []
    for name, value in (
        ("number of shards", lambda each: _facts(each).shard.count),
        ("profile", lambda each: each.result.profile),
        ("runs of a cell", lambda each: each.result.runs),
        ("warm-ups of a cell", lambda each: each.result.warmups),
        ("runs at interim checks", lambda each: ", ".join(map(str, each.result.looks)) or None),
        ("commit", lambda each: _facts(each).commit),
        ("base", lambda each: _facts(each).base),
        ("command", lambda each: " ".join(shared_words(each.result.command))),
        ("container options", lambda each: _comparable(each.result.policy)),
        ("cells of the plan", lambda each: _facts(each).plan_cells),
    ):
        found += _differing(name, [(each.name, value(each)) for each in parts])
    if found:
        raise UsageError(
            _message("the files are not shards of one campaign", found),
            remedy="Name the results of one workflow run, whose jobs differ in --shard alone.",
        )


def refuse_mixed(parts: Sequence[NamedResult], *, allow_mixed: bool) -> tuple[str, ...]:
    """Raise UsageError for shards of unlike environments; return what differs and was allowed to.

    What is not known of one machine is not compared.
    """
    environments = [(each.name, each.result.environment) for each in parts]
    always = [found for name in _ALWAYS_ALIKE for found in _of_machines(name, _ALWAYS_ALIKE[name], environments)]
    always += _differing("definition of the metrics", [(each.name, each.result.metrics_version) for each in parts])
    always += _differing("page size", _known((each.name, _page_size(each.result)) for each in parts))
    always += _images(parts)
    allowable = [found for name in _MAY_DIFFER for found in _of_machines(name, _MAY_DIFFER[name], environments)]
    if not always and (allow_mixed or not allowable):
        return tuple(map(str, allowable))
    remedy = "Measure all shards on machines of one kind, in images of one build."
    if not always:
        remedy += " Figures in bytes depend little on these: --allow-mixed merges them all the same."
    raise UsageError(_message("the shards were measured in unlike environments", [*always, *allowable]), remedy=remedy)


def joined_environment(environments: Sequence[Environment]) -> Environment:
    """Return what several machines have alike; text that differs is joined, other facts are None."""
    first = environments[0]
    changes: dict[str, Any] = {}
    for each in fields(Environment):
        values = list(dict.fromkeys(getattr(one, each.name) for one in environments))
        if len(values) > 1:
            is_text = all(isinstance(value, str) for value in values)
            changes[each.name] = ", ".join(sorted(values)) if is_text else None
    return replace(first, **changes)


# Options of `memcap run` that may differ between the jobs of a campaign, and whether a value follows.
_OF_ONE_JOB: Final[Mapping[str, bool]] = {
    "--shard": True, "--durations": True, "--output": True, "-o": True, "--force": False, "--report": True,
    "--within": True, "--daemon-wait": True, "--jobs": True, "-j": True, "--project": True, "-C": True, "--json": False,
    "--verbose": False, "-v": False, "--show-output": False, "--no-check": False,
}  # fmt: skip


def shared_words(command: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line without the options that may differ between the jobs of a campaign."""
    found: list[str] = []
    words = iter(command)
    for word in words:
        option, equals, _ = word.partition("=")
        short = word[:2] if not word.startswith("--") else ""
        if option in _OF_ONE_JOB:
            if _OF_ONE_JOB[option] and not equals:
                next(words, None)
        elif not _OF_ONE_JOB.get(short, False):
            found.append(word)
    return tuple(found)


def _facts(each: NamedResult) -> Any:
    assert each.result.shard is not None
    return each.result.shard


def _comparable(policy: ContainerPolicy) -> ContainerPolicy:
    """Return ``policy`` without hashes of variables."""
    env = {name: "" if str(value).startswith(_HASHED) else value for name, value in policy.env.items()}
    return replace(policy, env=env)


def _of_machines(name: str, title: str, environments: Sequence[tuple[str, Environment]]) -> Iterator[_Difference]:
    yield from _differing(title, _known((file, getattr(each, name)) for file, each in environments))


def _page_size(result: CampaignResult) -> int | None:
    sizes = (run.page_size_bytes for cell in result.cells for run in cell.runs)
    return next((size for size in sizes if size is not None), None)


def _images(parts: Sequence[NamedResult]) -> Iterator[_Difference]:
    for name in dict.fromkeys(image for each in parts for image in each.result.images):
        having = [(each.name, each.result.images[name]) for each in parts if name in each.result.images]
        yield from _differing(f"image {name}", [(file, _described(facts)) for file, facts in having])


def _described(facts: ImageFacts) -> str:
    python = facts.python
    told = f", {python.implementation} {python.version} ({python.build}), {python.libc}" if python else ""
    return f"{facts.content_name}, {facts.origin}, {facts.architecture}{told}"


def _known(values: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    return [(name, value) for name, value in values if value is not None]


def _differing(fact: str, values: Sequence[tuple[str, object]]) -> list[_Difference]:
    """Return the difference, or nothing where all are alike. What is long is only said to differ."""
    kinds: list[object] = []
    for _, value in values:
        if value not in kinds:
            kinds.append(value)
    if len(kinds) < 2:
        return []
    places: dict[str, list[str]] = {}
    for name, value in values:
        shown = "none" if value is None else str(value) if isinstance(value, str | int) else ""
        places.setdefault(shown or f"variant {kinds.index(value) + 1}", []).append(name)
    return [_Difference(fact=fact, places=places)]


def _message(what: str, found: Iterable[_Difference]) -> str:
    return "\n".join((f"{what}; nothing was merged.", *(f"  {each}" for each in found)))
