"""Whole projects: what is found, and that all problems of all files are said together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import find_root, folder_in_repository, load_config
from memcap.errors import ConfigError, Problem
from memcap.model import (
    DEFAULT_TOLERANCES,
    UNLIMITED,
    AlertLimits,
    Budget,
    CallWorkload,
    Cap,
    CommandWorkload,
    ContainerPolicy,
    Ending,
    ImageSource,
    Metric,
    Profile,
    Quiet,
    RunLimits,
    Thresholds,
    Tolerance,
    Ulimit,
)

FindProblems = Callable[[dict[str, str]], list[Problem]]
MakeProject = Callable[[dict[str, str]], Path]

ROOT = Path(__file__).parents[3]


def test_the_project_of_this_repository_is_valid() -> None:
    config = load_config(ROOT)
    assert set(config.profiles) == {"quick", "ci", "long", "full"}
    assert {"agents", "streams"} <= set(config.suites)
    assert {"py310", "py311", "py312", "py313"} <= set(config.images)
    assert config.caps["128m"].bytes == 128 * 1024**2
    assert config.caps["24g"].bytes == 24 * 1000**3
    assert all(profile.runs >= config.rules.minimum_runs for profile in config.profiles.values())
    # limits.toml shows the defaults.
    assert config.policy == ContainerPolicy(shm_size_bytes=64 * 1024**2)


@pytest.mark.parametrize(("project", "folder"), [(".", ""), ("api", "api"), ("services/api", "services/api")])
@pytest.mark.parametrize("kind", ["folder", "file"])  # a work tree beside the main one has a file
def test_the_folder_of_a_project_in_its_repository(tmp_path: Path, project: str, folder: str, kind: str) -> None:
    root = tmp_path / project
    root.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        (tmp_path / ".git").mkdir()
    else:
        (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert folder_in_repository(root) == folder


def test_outside_of_a_repository_a_project_has_no_such_folder(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    assert folder_in_repository(tmp_path / "api") == ""


def test_a_small_project_has_defaults(make_project: MakeProject) -> None:
    root = make_project({})
    config = load_config(root)
    assert list(config.caps.values()) == [Cap(name="128m", bytes=128 * 2**20), Cap(name="1g", bytes=2**30)]
    assert config.profiles == {"quick": Profile(name="quick", caps=("128m",), runs=5, warmups=1)}
    assert config.images == {"py312": ImageSource(name="py312", directory=root.resolve() / "images" / "py312")}
    assert config.policy == ContainerPolicy()
    assert config.rules.tolerances == DEFAULT_TOLERANCES
    assert config.run_time_limit_seconds == 120
    assert config.rules.minimum_runs == 5
    assert not config.rules.same_image
    [benchmark] = config.suites["demo"].benchmarks
    assert (benchmark.suite, benchmark.name, benchmark.workload) == ("demo", "leak", CallWorkload(call="work:leak"))
    assert benchmark.cap_names == benchmark.tags == ()
    assert benchmark.expected_ending("128m") is Ending.COMPLETED
    assert config.suites["demo"].requirements is None


def test_every_key_of_limits_is_read(make_project: MakeProject) -> None:
    limits = """\
[caps]
128m = "128m"
[profiles.quick]
suites = ["demo"]
images = ["py312"]
caps = ["128m"]
tags = ["fast"]
runs = 3
warmups = 0
within = "20min"
[tolerances]
peak = { relative = "2.5%", absolute = "512KiB" }
wall = { absolute = "50ms" }
[time_limits]
run = "2min"
[container]
network = "bridge"
pids = 64
output_limit = "2MiB"
sample_interval = "20ms"
hostname = "bench"
shm_size = "128m"
read_only = true
env = { PYTHONMALLOC = "malloc" }
user = "app:staff"
disk = "1GiB"
file_size = "10m"
cpus = 1.5
cpu_time = "90s"
core = "1m"
ulimits = { nofile = "1024:2048", memlock = 0, stack = -1 }
[judge]
minimum_runs = 3
false_alarms = "0.5%"
image_digest = "match"
[alerts]
cap = "90%"
growth = "off"
"""
    config = load_config(make_project({"limits.toml": limits}))
    assert config.profiles["quick"] == Profile(
        name="quick",
        suites=("demo",),
        images=("py312",),
        caps=("128m",),
        tags=("fast",),
        runs=3,
        warmups=0,
        within_seconds=1200,
    )
    assert config.rules.tolerances == {
        Metric.PEAK: Tolerance(relative=0.025, absolute=512 * 1024),
        Metric.WALL: Tolerance(relative=0.0, absolute=0.05),
    }
    assert config.policy == ContainerPolicy(
        network="bridge",
        pids=64,
        output_limit_bytes=2 * 2**20,
        sample_interval_seconds=0.02,
        hostname="bench",
        shm_size_bytes=128 * 2**20,
        read_only=True,
        env={"PYTHONMALLOC": "malloc"},
        user="app:staff",
        limits=RunLimits(
            disk_bytes=2**30,
            file_size_bytes=10 * 2**20,
            cpus=1.5,
            cpu_time_seconds=90,
            core_bytes=2**20,
            ulimits={
                "nofile": Ulimit(soft=1024, hard=2048),
                "memlock": Ulimit(soft=0, hard=0),
                "stack": Ulimit(soft=UNLIMITED, hard=UNLIMITED),
            },
        ),
    )
    assert config.run_time_limit_seconds == 120
    assert config.rules.minimum_runs == 3
    assert config.rules.false_alarms == pytest.approx(0.005)
    assert config.rules.same_image
    assert config.rules.alerts == AlertLimits(cap_share=0.9, growth_bytes=None, gc_share=0.1)


def test_every_key_of_a_suite_is_read(make_project: MakeProject) -> None:
    suite = """\
[suite]
description = "A demo."
total = "1h"
advice = { response = "Clean up less." }
[benchmarks.leak]
description = "Leaks."
call = "work:leak"
parameters = { size = 3, ratio = 0.5, name = "x", deep = false }
caps = ["128m", "1g"]
budget = "200MB"
budget_metric = "unreclaimable_peak"
budget_margin = "20%"
tolerances = { peak = { relative = "5%" }, rss_peak = { absolute = "1MiB" } }
tags = ["quick"]
expect = { 128m = "oom_killed" }
metrics = { messages = "integer", response = "s" }
thresholds = { response = { excellent = 0.5, good = 1, acceptable = 2, poor = 5 } }
alerts = { messages = 15, peak = 1e8, messages_at_100_high = 99 }
projections = { messages = [100] }
env = { MODE = "1" }
time_limit = "90s"
warmups = 2
cycles = 10
duration = "1min"
soak = true
[benchmarks.command]
command = ["sh", "-c", "true"]
expect = "failed"
"""
    limits = """\
[caps]
128m = "128m"
1g = "1g"
[profiles.quick]
[tolerances.peak]
relative = "2%"
absolute = "512KiB"
"""
    files = {"limits.toml": limits, "suites/demo/suite.toml": suite, "suites/demo/requirements.txt": "six==1.17.0\n"}
    demo = load_config(make_project(files)).suites["demo"]
    assert demo.description == "A demo."
    assert demo.total_seconds == 3600
    assert demo.requirements == demo.directory / "requirements.txt"
    leak, command = demo.benchmarks
    assert leak.workload == CallWorkload(
        call="work:leak",
        parameters={"size": 3, "ratio": 0.5, "name": "x", "deep": False},
        warmups=2,
        cycles=10,
        duration_seconds=60,
    )
    assert leak.description == "Leaks."
    assert leak.cap_names == ("128m", "1g")
    assert leak.budget == Budget(metric=Metric.UNRECLAIMABLE_PEAK, limit_bytes=200_000_000, margin=0.2)
    # What a benchmark leaves out of a tolerance is the project's.
    assert leak.tolerances == {
        Metric.PEAK: Tolerance(relative=0.05, absolute=512 * 1024),
        Metric.RSS_PEAK: Tolerance(relative=0.0, absolute=2**20),
    }
    assert leak.tags == ("quick",)
    assert leak.expected_ending("128m") is Ending.OOM_KILLED
    assert leak.expected_ending("1g") is Ending.COMPLETED
    assert leak.projections == {"messages": (100,)}
    assert leak.extra_metrics == {
        "messages": "integer",
        "response": "s",
        "messages_at_100": "integer",
        "messages_at_100_low": "integer",
        "messages_at_100_high": "integer",
    }
    assert leak.thresholds == {"response": Thresholds(excellent=0.5, good=1, acceptable=2, poor=5)}
    assert leak.alerts == {"messages": 15, "peak": 1e8, "messages_at_100_high": 99}
    assert leak.advice == {"response": "Clean up less."}
    assert leak.env == {"MODE": "1"}
    assert leak.time_limit_seconds == 90
    assert (leak.is_soak, command.is_soak) == (True, False)
    assert command.workload == CommandWorkload(argv=("sh", "-c", "true"))
    assert command.expected_ending("1g") is Ending.FAILED


def test_all_problems_of_all_files_are_said_at_once_in_order(find_problems: FindProblems) -> None:
    found = find_problems(
        {
            "limits.toml": '[caps]\n128m = 128\n[profiles.quick]\nsuites = ["dmeo"]\nrun = 5\n',
            "suites/demo/suite.toml": '[benchmarks.leak]\ncall = "work:leek"\ncaps = ["128"]\nbudgte = "5m"\n',
            "suites/demo/requirements.txt": "requests\n",
            "suites/broken/suite.toml": "[benchmarks\n",
            "images/my image/Dockerfile": "FROM scratch\n",
        }
    )
    assert [(problem.file.as_posix(), problem.line, problem.key) for problem in found] == [
        ("images/my image", None, ""),
        ("limits.toml", 2, "caps.128m"),
        ("limits.toml", 4, "profiles.quick.suites.0"),
        ("limits.toml", 5, "profiles.quick.run"),
        ("suites/broken/suite.toml", 1, ""),
        ("suites/demo/requirements.txt", 1, ""),
        ("suites/demo/suite.toml", 2, "benchmarks.leak.call"),
        ("suites/demo/suite.toml", 3, "benchmarks.leak.caps.0"),
        ("suites/demo/suite.toml", 4, "benchmarks.leak.budgte"),
    ]
    assert [problem.suggestion for problem in found] == ["", "", "demo", "runs", "", "", "leak", "128m", "budget"]


@pytest.mark.parametrize("name", ["a..b", "my suite", "my-suite", "Demo", "_demo", "émile"])
@pytest.mark.parametrize(("kind", "needed"), [("suites", "suite.toml"), ("images", "Dockerfile")])
def test_folders_need_names_that_fit_into_ids(find_problems: FindProblems, kind: str, needed: str, name: str) -> None:
    [problem] = find_problems({f"{kind}/{name}/{needed}": '[benchmarks.a]\ncommand = ["true"]\n'})
    assert problem.file == Path(kind) / name
    assert "is not a name: use a-z, 0-9 and _" in problem.message


def test_a_folder_without_its_file_is_a_problem_unless_it_is_empty(find_problems: FindProblems) -> None:
    found = find_problems(
        {
            "suites/typo/suites.toml": "",
            "images/lower/dockerfil": "",
            "images/icons/shop.png": "",
            "suites/switched_branch/__pycache__/x.pyc": "",
            "suites/.hidden/file": "",
        }
    )
    assert [(problem.file.as_posix(), problem.message) for problem in found] == [
        ("images/lower", "this folder has no Dockerfile, as each folder of images/ must"),
        ("suites/typo", "this folder has no suite.toml, as each folder of suites/ must"),
    ]


def test_a_nul_character_is_a_problem_with_its_key(find_problems: FindProblems) -> None:
    suite = """[benchmarks.calm]
command = ["true", "a\\u0000b"]
env = { NAME = "\\u0000" }
"""
    found = find_problems({"suites/demo/suite.toml": suite})
    assert [(problem.line, problem.key, problem.message) for problem in found] == [
        (2, "benchmarks.calm.command.1", "must not hold a NUL character, as no program can be given one"),
        (3, "benchmarks.calm.env.NAME", "must not hold a NUL character, as no program can be given one"),
    ]


def test_mistakes_of_toml_are_shown_with_their_line(find_problems: FindProblems) -> None:
    [problem] = find_problems({"limits.toml": "[caps]\n128m = 128MiB\n"})
    assert (problem.file, problem.line) == (Path("limits.toml"), 2)
    assert problem.message.startswith("this is not TOML: ")


def test_without_limits_the_names_of_caps_are_not_complained_about(find_problems: FindProblems) -> None:
    suite = '[benchmarks.leak]\ncall = "work:leak"\ncaps = ["5x"]\nbudget = "5"\n'
    found = find_problems({"limits.toml": "broken", "suites/demo/suite.toml": suite})
    assert [problem.key for problem in found] == ["", "benchmarks.leak.budget"]


def test_a_file_that_is_not_utf_8_is_a_problem_with_its_line(make_project: MakeProject) -> None:
    root = make_project({})
    (root / "limits.toml").write_bytes(b"# caf\n# caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        load_config(root)
    [problem] = caught.value.problems
    assert (problem.line, problem.message) == (2, "this is not text in UTF-8 (byte 11); save the file as UTF-8")


def test_the_host_never_imports_the_code_of_a_suite(make_project: MakeProject) -> None:
    code = "import os\nos.environ['MEMCAP_IMPORTED'] = '1'\nraise SystemExit\ndef leak(): pass\n"
    load_config(make_project({"suites/demo/work.py": code}))
    assert "MEMCAP_IMPORTED" not in os.environ
    assert "work" not in sys.modules


def test_the_project_is_the_nearest_folder_upwards(make_project: MakeProject, tmp_path: Path) -> None:
    root = make_project({})
    assert find_root(root / "suites" / "demo") == root.resolve()
    assert find_root(root) == root.resolve()
    with pytest.raises(ConfigError, match=r"no limits\.toml in this folder or above it"):
        find_root(tmp_path)


def test_a_folder_that_is_no_project_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"limits\.toml: cannot be read"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("default", "own", "expected"),
    [
        ("", "", Quiet()),
        ("pin_cpus = 2\nthp = false\naslr = false", "", Quiet(pin_cpus=2, thp=False, aslr=False)),
        ("", "pin_cpus = 1, thp = false, aslr = false", Quiet(pin_cpus=1, thp=False, aslr=False)),
        ("pin_cpus = 2\nthp = false", "pin_cpus = 1", Quiet(pin_cpus=1, thp=False)),
        ("pin_cpus = 2\nthp = false\naslr = false", 'pin_cpus = "all", thp = true, aslr = true', Quiet()),
        ('pin_cpus = "all"', "", Quiet()),
    ],
)
def test_a_benchmark_completes_its_settings_from_the_projects(
    make_project: MakeProject, default: str, own: str, expected: Quiet
) -> None:
    limits = f'[caps]\n128m = "128m"\n[profiles.quick]\n[quiet]\n{default}\n'
    suite = f'[benchmarks.leak]\ncommand = ["true"]\nquiet = {{ {own} }}\n'
    config = load_config(make_project({"limits.toml": limits, "suites/demo/suite.toml": suite}))
    [benchmark] = config.suites["demo"].benchmarks
    assert benchmark.quiet == expected


def test_an_older_revision_may_use_the_old_names_of_keys(make_project: MakeProject) -> None:
    limits = '[caps]\n128m = "128m"\n[profiles.quick]\n[quiet]\ncpus = 2\n'
    suite = '[benchmarks.leak]\ncommand = ["true"]\n[benchmarks.one]\ncommand = ["true"]\nquiet = { cpus = 1 }\n'
    root = make_project({"limits.toml": limits, "suites/demo/suite.toml": suite})

    leak, one = load_config(root, is_older=True).suites["demo"].benchmarks

    assert (leak.quiet.pin_cpus, one.quiet.pin_cpus) == (2, 1)
    with pytest.raises(ConfigError) as refused:
        load_config(root)
    assert [problem.key for problem in refused.value.problems] == ["quiet.cpus", "benchmarks.one.quiet.cpus"]
