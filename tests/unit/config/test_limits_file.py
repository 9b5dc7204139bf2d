"""Mistakes in ``limits.toml``: each has its line, its key, what was expected, and what may have been meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from memcap.config.schema import Tolerances
from memcap.errors import Problem
from memcap.model import Metric

FindProblems = Callable[[dict[str, str]], list[Problem]]

CAPS = '[caps]\n128m = "128m"\n'
PROFILE = "[profiles.quick]\n"


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ('[caps]\n128m = "128mb ram"\n' + PROFILE, 2, "caps.128m", "is not a size"),
        ("[caps]\n128m = 128\n" + PROFILE, 2, "caps.128m", "size '128' has no unit. Write a number and a unit"),
        ('[caps]\n128m = "128"\n' + PROFILE, 2, "caps.128m", "size '128' has no unit"),
        ("[caps]\n128m = 1.5\n" + PROFILE, 2, "caps.128m", "size '1.5' has no unit"),
        ("[caps]\n128m = true\n" + PROFILE, 2, "caps.128m", 'expected a size such as "128MiB"'),
        ('[caps]\n128m = "128mm"\n' + PROFILE, 2, "caps.128m", "unknown unit 'mm'"),
        ('[caps]\n1m = "1m"\n' + PROFILE, 2, "caps.1m", "at least 6MiB"),
        ('[caps]\n"a b" = "128m"\n' + PROFILE, 2, "caps.a b", "'a b' is not a name"),
        ('[caps]\n".." = "128m"\n' + PROFILE, 2, "caps...", "'..' is not a name"),
        ('[caps]\na-b = "128m"\n' + PROFILE, 2, "caps.a-b", "'a-b' is not a name"),
        ("[caps]\n" + PROFILE, 1, "caps", "must not be empty"),
        ("caps = 5\n" + PROFILE, 1, "caps", "expected a table, got 5"),
        (CAPS, None, "profiles", "is missing"),
        (CAPS + "[profiles.quick]\nruns = 0\n", 4, "profiles.quick.runs", "must be at least 1, got 0"),
        (CAPS + "[profiles.quick]\nruns = true\n", 4, "profiles.quick.runs", "expected a whole number, got True"),
        (CAPS + '[profiles.quick]\nruns = "5"\n', 4, "profiles.quick.runs", "expected a whole number, got '5'"),
        (CAPS + "[profiles.quick]\ncaps = []\n", 4, "profiles.quick.caps", "is empty; leave the key out"),
        (CAPS + '[profiles.quick]\ncaps = "128m"\n', 4, "profiles.quick.caps", "expected a list, got '128m'"),
        (CAPS + '[profiles.quick]\ncaps = ["128m", "128m"]\n', 4, "profiles.quick.caps", "128m more than once"),
        (CAPS + '[profiles.quick]\nwithin = "20"\n', 4, "profiles.quick.within", "duration '20' has no unit"),
        (CAPS + '[profiles.quick]\nwithin = "0s"\n', 4, "profiles.quick.within", "longer than 0"),
        (CAPS + PROFILE + "[time_limits]\nrun = 90\n", 5, "time_limits.run", "duration '90' has no unit"),
        (CAPS + PROFILE + '[time_limits]\nrun = "0s"\n', 5, "time_limits.run", "longer than 0"),
        (CAPS + PROFILE + '[time_limits]\nrun = "5m3"\n', 5, "time_limits.run", "is not a duration"),
        (CAPS + PROFILE + "[container]\nread_only = 1\n", 5, "container.read_only", "expected true or false, got 1"),
        (CAPS + PROFILE + '[container]\nhostname = "a b"\n', 5, "container.hostname", "'a b' is not a host name"),
        (CAPS + PROFILE + '[container]\noutput_limit = "0k"\n', 5, "container.output_limit", "more than 0"),
        (CAPS + PROFILE + '[container.env]\n"A=B" = "1"\n', 5, "container.env.A=B", "not the name of an environment"),
        (CAPS + PROFILE + "[container.env]\nA = 1\n", 5, "container.env.A", "expected a string, got 1"),
        (CAPS + PROFILE + "[tolerances.peak]\nrelative = 2\n", 5, "tolerances.peak.relative", 'such as "2%", got 2'),
        (CAPS + PROFILE + '[tolerances.peak]\nrelative = "2"\n', 5, "tolerances.peak.relative", 'such as "2%"'),
        (CAPS + PROFILE + '[tolerances.peak]\nabsolute = "5s"\n', 5, "tolerances.peak.absolute", "unknown unit 's'"),
        (CAPS + PROFILE + '[tolerances.wall]\nabsolute = "5k"\n', 5, "tolerances.wall.absolute", "unknown unit 'k'"),
        (CAPS + PROFILE + "[tolerances.peak]\n", 4, "tolerances.peak", "says nothing; give relative, absolute or both"),
        (CAPS + PROFILE + "[quiet]\npin_cpus = 0\n", 5, "quiet.pin_cpus", 'or "all" to leave it unpinned; got 0'),
        (CAPS + PROFILE + "[quiet]\ncpus = 1\n", 5, "quiet.cpus", "is called pin_cpus now"),
        (CAPS + PROFILE + "[quiet]\npin_cpus = true\n", 5, "quiet.pin_cpus", "expected a number of CPUs"),
        (CAPS + PROFILE + "[quiet]\nthp = 0\n", 5, "quiet.thp", "expected true or false, got 0"),
        (CAPS + PROFILE + "[container]\nshm_size = 64\n", 5, "container.shm_size", "size '64' has no unit"),
        (CAPS + PROFILE + '[container]\nuser = ""\n', 5, "container.user", "Write USER or USER:GROUP"),
        (CAPS + PROFILE + '[container]\ndisk = "64"\n', 5, "container.disk", "size '64' has no unit"),
        (CAPS + PROFILE + '[container]\ncpu_time = "0s"\n', 5, "container.cpu_time", "must be longer than 0"),
        (CAPS + PROFILE + '[container]\ncpus = "2"\n', 5, "container.cpus", "expected a number of CPUs such as 1.5"),
        (CAPS + PROFILE + "[container]\ncpus = 0\n", 5, "container.cpus", "0 is not a number of CPUs. Write 0.01"),
        (CAPS + PROFILE + "[container]\nulimits = 5\n", 5, "container.ulimits", "expected a table such as"),
        (CAPS + PROFILE + "[container]\nulimits = { nofile = 1.5 }\n", 5, "container.ulimits", "nofile: expected a"),
        (
            CAPS + PROFILE + "[container]\nulimits = { core = 0 }\n",
            5,
            "container.ulimits",
            "Use --core, or `container.",
        ),
        (CAPS + PROFILE + "[container]\nulimits = { files = 0 }\n", 5, "container.ulimits", "'files' is not a ulimit"),
        (CAPS + PROFILE + '[judge]\nfalse_alarms = "0%"\n', 5, "judge.false_alarms", "more than 0% and at most 20%"),
        (CAPS + PROFILE + "[alerts]\ncap = 0.8\n", 5, "alerts.cap", 'such as "2%", got 0.8'),
        (CAPS + PROFILE + '[alerts]\ngrowth = "on"\n', 5, "alerts.growth", "'on' is not a size"),
        (CAPS + PROFILE + '[judge]\nimage_digest = "off"\n', 5, "judge.image_digest", "'warn' or 'match'"),
        (CAPS + PROFILE + "[judge]\nminimum_runs = -1\n", 5, "judge.minimum_runs", "must be at least 1, got -1"),
    ],
)
def test_a_mistake_is_said_in_plain_words(
    find_problems: FindProblems, text: str, line: int | None, key: str, message: str
) -> None:
    [problem] = find_problems({"limits.toml": text})
    assert problem.file.as_posix() == "limits.toml"
    assert (problem.line, problem.key) == (line, key)
    assert message in problem.message
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("text", "line", "key", "suggestion"),
    [
        ("[judges]\n", 4, "judges", "judge"),
        ("[profiles.quick]\nwarmup = 1\n", 5, "profiles.quick.warmup", "warmups"),
        ("[tolerances.peek]\n", 4, "tolerances.peek", "peak"),
        ('[tolerances]\npeak = { relativ = "2%" }\n', 5, "tolerances.peak.relativ", "relative"),
        ('[time_limits]\nruns = "5s"\n', 5, "time_limits.runs", "run"),
        ("[container]\nnetwrok = true\n", 5, "container.netwrok", "network"),
        ("[judge]\nxyzzy = 1\n", 5, "judge.xyzzy", ""),
    ],
)
def test_an_unknown_key_comes_with_the_nearest_one(
    find_problems: FindProblems, text: str, line: int, key: str, suggestion: str
) -> None:
    profile = "" if text.startswith("[profiles") else "profiles.quick = {}\n"
    found = find_problems({"limits.toml": (profile or "# line\n") + CAPS + text})
    assert [(problem.line, problem.key, problem.suggestion) for problem in found[:1]] == [(line, key, suggestion)]
    assert found[0].message.startswith("unknown key; expected ")


@pytest.mark.parametrize(
    ("key", "value", "suggestion", "message"),
    [
        ("suites", "demos", "demo", "there is no suite 'demos'; there are demo"),
        ("images", "py31", "py312", "there is no image 'py31'; there are py312"),
        ("caps", "128mb", "128m", "there is no cap '128mb'; there are 128m"),
    ],
)
def test_a_profile_names_what_exists(
    find_problems: FindProblems, key: str, value: str, suggestion: str, message: str
) -> None:
    [problem] = find_problems({"limits.toml": f'{CAPS}[profiles.quick]\n{key} = ["{value}"]\n'})
    assert (problem.line, problem.key) == (4, f"profiles.quick.{key}.0")
    assert (problem.message, problem.suggestion) == (message, suggestion)


def test_each_metric_has_its_tolerance() -> None:
    assert set(Tolerances.model_fields) == {metric.value for metric in Metric}
