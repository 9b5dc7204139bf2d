"""The commands of ``python -m ci``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ci.engine import ask_memcap, install_engine, make_ready, start_daemon
from ci.environment import Environment, make_environment
from ci.errors import SetupError
from ci.process import Progress, run_in_foreground
from ci.promised import provide_promised
from ci.system import read_system
from ci.vm.commands import running_machine, vm

ROOT = Path(__file__).resolve().parent.parent
# The workloads of integration tests and of the truth laboratory run in images, on any Python: without annotations.
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    (
        "mypy", "--explicit-package-bases", "--exclude",
        "integration/truth/|integration/programs/|integration/servers/|truth/suite/|truth/programs/inside/|leaks/project/",
        "ci", "tests", "noxfile.py",
    ),
)  # fmt: skip
MADE_AGAIN = (
    ".venv", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "build", "dist",
    "harness/memcap/probe/bin",
)  # fmt: skip
# What a daemon elsewhere, on cgroup v2, must give besides the bytes and endings of the short truth laboratory. Of what
# is done at the limit, one of each: fit's stalls are known on cgroup v2 alone.
IN_THE_VM = (
    "tests/integration/test_supervisor.py", "tests/integration/test_plan.py",
    "tests/integration/test_fit.py", "tests/integration/test_repro.py", "tests/integration/test_profile.py",
    "-k", "supervisor or plan or page_cache or main_process_and_all or kill_leaves and memray",
)  # fmt: skip
SLOWNESS_OF_THE_VM = "5"  # limits and pauses of tests are so many times longer there (tests/integration/measuring.py)
USAGE = """\
usage: python -m ci COMMAND [ARGUMENTS]

  setup             make the virtual environment, Docker and the images ready; does only what is missing
  test [PYTEST...]  set up, then run the tests; arguments go to pytest
  bench [RUN...]    set up, then run `memcap run --profile quick`; arguments go to memcap run
  truth [OPTION...]  set up, then print truth against measured (docs/accuracy.md); --help names the options
  fuzz [OPTION...]  give damaged files to all that reads files; needs no Docker; --help names the options
  leaks [OPTION...]  judge thousands of memory series whose truth is known (docs/leaks.md); needs no Docker
  perf [OPTION...]  measure start-up, runs beside bare containers, and a large result (docs/performance.md)
  soaks [OPTION...]  set up, then soak programs whose truth is known, and kill clients (docs/soak.md)
  vm COMMAND        build, start or stop a virtual machine with Docker on cgroup v2, or print its status
  test-vm [PYTEST...]  run tests against that machine (docs/vm.md); without arguments, the short form of truth and
                    the tests that matter there
  lint              check style and types; needs no Docker
  reference         write docs/reference-*.md from the schemas in config/ and the table of metrics
  clean             remove the virtual environment, caches and built files; results stay

Examples:
  python -m ci setup
  python -m ci test tests/unit -k plan
  python -m ci bench agents --image py312
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code of the process."""
    with_arguments: dict[str, Callable[[Sequence[str]], int]] = {
        "test": test, "bench": bench, "truth": truth, "fuzz": fuzz, "leaks": leaks, "perf": perf, "soaks": soaks,
        "vm": vm, "test-vm": test_vm,
    }  # fmt: skip
    without_arguments: dict[str, Callable[[], int]] = {
        "setup": setup,
        "lint": lint,
        "reference": reference,
        "clean": clean,
    }
    name, *rest = arguments or ["help"]
    if name in ("help", "-h", "--help"):
        print(USAGE, end="")
        return 0
    try:
        if name in with_arguments:
            return with_arguments[name](rest)
        if name in without_arguments and not rest:
            return without_arguments[name]()
        what = f"{name} takes no arguments" if name in without_arguments else f"no such command: {name}"
        raise SetupError(f"{what}\n\n{USAGE}", exit_code=2)
    except SetupError as error:
        print(f"ci: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("ci: interrupted", file=sys.stderr)
        return 130


def setup() -> int:
    """Make everything ready; nothing is done twice."""
    _set_up()
    return 0


def test(arguments: Sequence[str]) -> int:
    """Set up and run the tests."""
    return run_in_foreground([_set_up(), "-m", "pytest", *arguments])


def bench(arguments: Sequence[str]) -> int:
    """Set up and measure; a later ``--profile`` among the arguments wins."""
    return run_in_foreground([_set_up(), "-m", "memcap", "run", "--profile", "quick", *arguments])


def truth(arguments: Sequence[str]) -> int:
    """Set up and run the truth laboratory, which is a report and no test; to ask for help no set-up is needed."""
    asks = bool({"-h", "--help"} & set(arguments))
    python = str(_make_environment(Progress()).python) if asks else _set_up()
    return run_in_foreground([python, "-m", "truth", *arguments], environ={"PYTHONPATH": str(ROOT / "tests")})


def fuzz(arguments: Sequence[str]) -> int:
    """Give damaged files to every reader (tests/fuzz)."""
    python = str(_make_environment(Progress()).python)
    return run_in_foreground([python, "-m", "fuzz", *arguments], environ={"PYTHONPATH": str(ROOT / "tests")})


def leaks(arguments: Sequence[str]) -> int:
    """Run the leak laboratory (tests/leaks), which has an exit code."""
    python = str(_make_environment(Progress()).python)
    return run_in_foreground([python, "-m", "leaks", *arguments], environ={"PYTHONPATH": str(ROOT / "tests")})


def perf(arguments: Sequence[str]) -> int:
    """Measure what memcap itself takes (tests/perf), which is a table and no test."""
    python = str(_make_environment(Progress()).python)
    return run_in_foreground([python, "-m", "perf", *arguments], environ={"PYTHONPATH": str(ROOT / "tests")})


def soaks(arguments: Sequence[str]) -> int:
    """Set up and run the soak laboratory (tests/soak_laboratory), which has an exit code."""
    asks = bool({"-h", "--help"} & set(arguments))
    python = str(_make_environment(Progress()).python) if asks else _set_up()
    environ = {"PYTHONPATH": str(ROOT / "tests")}
    return run_in_foreground([python, "-m", "soak_laboratory", *arguments], environ=environ)


def test_vm(arguments: Sequence[str]) -> int:
    """Test against the virtual machine, which is started and stopped if it does not run."""
    say = Progress()
    python = str(_make_environment(say).python)
    with running_machine(say) as address:
        environ = {"DOCKER_HOST": address, "MEMCAP_REQUIRE": "docker", "MEMCAP_TEST_SLOWNESS": SLOWNESS_OF_THE_VM}
        if arguments:
            return run_in_foreground([python, "-m", "pytest", *arguments], environ=environ)
        in_tests = environ | {"PYTHONPATH": str(ROOT / "tests")}
        say("truth laboratory, short form")
        results = [run_in_foreground([python, "-m", "truth", "--short"], environ=in_tests)]
        say("integration tests")
        results.append(run_in_foreground([python, "-m", "pytest", *IN_THE_VM], environ=environ))
    return 1 if any(results) else 0


def lint() -> int:
    """Run every check, also after one has failed, and return 1 if any did."""
    python = str(_make_environment(Progress()).python)
    results = [run_in_foreground([python, "-m", *check], environ={"MYPYPATH": "tests"}) for check in CHECKS]
    return 1 if any(results) else 0


def reference() -> int:
    """Write the references of files and metrics (ci/reference.py), which needs memcap itself."""
    return run_in_foreground([str(_make_environment(Progress()).python), "-m", "ci.reference"])


def clean() -> int:
    """Remove what can be made again from the clone; results, and what is in Docker, stay."""
    for name in MADE_AGAIN:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for cache in [*ROOT.glob("*/**/__pycache__")]:
        shutil.rmtree(cache, ignore_errors=True)
    return 0


def _set_up() -> str:
    say = Progress()
    environment = _make_environment(say)
    ask = partial(ask_memcap, environment.python)
    make_ready(read_system(), ask=ask, install=install_engine, start=partial(start_daemon, ask=ask), say=say)
    provide_promised(read_system(), say=say)
    say("images: building what is missing")
    code = run_in_foreground([str(environment.python), "-m", "memcap", "images", "build"])
    if code != 0:
        raise SetupError("the images could not be built (see above)", exit_code=code)
    say("ready")
    return str(environment.python)


def _make_environment(say: Progress) -> Environment:
    system = read_system()
    environment = Environment(ROOT, windows=system.platform == "win32")
    make_environment(environment, system, say=say)
    return environment
