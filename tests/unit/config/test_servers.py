"""Servers and services in ``suite.toml`` and ``limits.toml``: what they become, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.errors import PlanError, Problem
from memcap.model import (
    Benchmark,
    Budget,
    CallWorkload,
    ClientCommand,
    CollectSignal,
    CommandReady,
    Ending,
    HttpReady,
    LoadRequest,
    LoadSpec,
    Metric,
    PhaseName,
    PutFile,
    Readiness,
    ServerWorkload,
    ServiceScope,
    TcpReady,
)
from memcap.plan import Selection, make_plan

MakeProject = Callable[[dict[str, str]], Path]
FindProblems = Callable[[dict[str, str]], list[Problem]]

LIMITS = """\
[caps]
1g = "1GiB"
128m = "128MiB"

[profiles.quick]
caps = ["128m"]
"""
NEEDED = 'kind = "server"\ncommand = ["serve"]\nready = "tcp://localhost:80"\nload = "GET / rate=1 for 2s"\n'
SERVER = "[benchmarks.web]\n" + NEEDED
FULL = """\
[suite.defaults]
ready_timeout = "20s"
warm_up = "0s"
grace = "30s"
load = { requests = ["GET /items/{1..9}", "POST /cart body=cart.json"], rate = 200, duration = "20s" }
phases.load.budget = "100MiB"

[services.cache]
package = "redis-server"
command = ["redis-server", "--save", ""]
ready = ["redis-cli", "ping"]
tmpfs = ["/data:size=64m"]
user = "redis"
fresh = "campaign"
stop_signal = "SIGINT"
cap = "64m"
files = ["./redis.conf:/etc/redis.conf"]
env = { LOG = "1" }

[benchmarks.web]
kind = "server"
command = ["uvicorn", "app:app"]
ready = { url = "http://localhost:8000/health", statuses = [200, 204] }
idle = "7s"
collect = "POST /collect"
levels = [1, 2, 4]
services = ["db", "cache"]
phases.idle = { budget = "60MiB", budget_metric = "unreclaimable_peak", budget_margin = "5%" }
phases.load = { expect = "oom_child_noticed" }

[benchmarks.tasks]
kind = "server"
command = ["celery", "worker"]
ready = "celery status"
load = ["python", "send.py"]
collect = "SIGUSR1"

[benchmarks.leak]
call = "work:leak"
"""
SERVICES = '[services.db]\nimage = "postgres:15"\nready = "tcp://localhost:5432"\nready_timeout = "9s"\n'


def _find(root: Path, name: str) -> Benchmark:
    (suite,) = load_config(root).suites.values()
    return next(each for each in suite.benchmarks if each.name == name)


def _server(benchmark: Benchmark) -> ServerWorkload:
    assert isinstance(benchmark.workload, ServerWorkload)
    return benchmark.workload


@pytest.fixture
def full(make_project: MakeProject) -> Path:
    """Return a project with everything that servers can have."""
    return make_project(
        {"limits.toml": LIMITS + SERVICES, "suites/demo/suite.toml": FULL, "cart.json": "{}", "redis.conf": ""}
    )


def test_a_server_is_read_with_what_its_suite_shares(full: Path) -> None:
    web = _find(full, "web")
    assert web.workload == ServerWorkload(
        argv=("uvicorn", "app:app"),
        ready=Readiness(
            check=HttpReady(url="http://localhost:8000/health", statuses=(200, 204)), time_limit_seconds=20
        ),
        load=LoadSpec(
            requests=(
                LoadRequest(method="GET", path="/items/{1..9}"),
                LoadRequest(method="POST", path="/cart", body=str(full / "cart.json")),
            ),
            rate=200,
            seconds=20,
            levels=(1, 2, 4),
        ),
        warm_up_seconds=0,
        idle_seconds=7,
        collect=LoadRequest(method="POST", path="/collect"),
        grace_seconds=30,
        services=_server(web).services,
    )
    assert web.phase_budgets == {
        PhaseName.LOAD: Budget(metric=Metric.PEAK, limit_bytes=100 * 1024**2),
        PhaseName.IDLE: Budget(metric=Metric.UNRECLAIMABLE_PEAK, limit_bytes=60 * 1024**2, margin=0.05),
    }
    assert (web.expect, web.expected_phase) == ({"*": Ending.OOM_CHILD_NOTICED}, PhaseName.LOAD)


def test_services_are_those_of_the_project_and_of_the_suite(full: Path) -> None:
    database, cache = _server(_find(full, "web")).services
    check = TcpReady(host="localhost", port=5432)
    assert (database.name, database.image, database.scope) == ("db", "postgres:15", ServiceScope.RUN)
    assert database.ready == Readiness(check=check, time_limit_seconds=9)
    assert cache.ready == Readiness(check=CommandReady(argv=("redis-cli", "ping")))
    assert (cache.package, cache.argv[0], cache.user, cache.stop_signal) == (
        "redis-server",
        "redis-server",
        "redis",
        "SIGINT",
    )
    assert (cache.cap_bytes, cache.tmpfs, cache.env) == (64 * 1024**2, {"/data": "size=64m"}, {"LOG": "1"})
    assert cache.files == (PutFile(source=str(full / "redis.conf"), target="/etc/redis.conf"),)
    assert cache.scope is ServiceScope.CAMPAIGN


def test_a_load_generator_of_the_users_own_needs_no_address(full: Path) -> None:
    tasks = _server(_find(full, "tasks"))
    assert tasks.load == ClientCommand(argv=("python", "send.py"))
    assert tasks.ready.check == CommandReady(argv=("celery", "status"))
    assert tasks.collect == CollectSignal(name="SIGUSR1")
    assert _find(full, "leak").phase_budgets == {}, "what is shared for servers is not for functions"


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (SERVER.replace("server", "serv"), "kind", "is not a kind of benchmark; expected one of server"),
        ('[benchmarks.web]\nkind = "server"\n', "", "a server needs command"),
        (SERVER.replace('ready = "tcp://localhost:80"\n', ""), "", "a server needs ready, such as"),
        (SERVER.replace('load = "GET / rate=1 for 2s"\n', ""), "", "a server needs load, such as"),
        (SERVER + 'call = "work:leak"\n', "call", "a function cannot serve"),
        ('[benchmarks.web]\ncommand = ["a"]\nidle = "5s"\n', "idle", 'goes with kind = "server" only'),
        (SERVER.replace("tcp://localhost:80", "localhost:80"), "ready", "Write tcp://localhost:80 or http"),
        (SERVER.replace("tcp://localhost:80", "https://localhost"), "ready", "does not speak TLS"),
        (SERVER.replace("tcp://localhost:80", "unix:/run/a.sock"), "ready", "cannot use a Unix socket"),
        (SERVER.replace('"tcp://localhost:80"', "5"), "ready", "expected http://localhost:8000/health, tcp"),
        (SERVER.replace('"tcp://localhost:80"', "[]"), "ready", "the command is empty"),
        (SERVER.replace('"tcp://localhost:80"', '"curl -f app"'), "ready", "does not say where the requests"),
        (SERVER.replace('"tcp://localhost:80"', '{ url = "tcp://a:1" }'), "ready", 'expected url = "http://…"'),
        (SERVER.replace('"tcp://localhost:80"', '{ urls = "http://a" }'), "ready", "unknown key 'urls'"),
        (
            SERVER.replace('"tcp://localhost:80"', '{ url = "http://a", statuses = [20] }'),
            "ready",
            "each from 100 to 599",
        ),
        (SERVER.replace("GET /", "GET item"), "load", "expected a path, which begins with /"),
        (SERVER.replace('"GET / rate=1 for 2s"', "[]"), "load", 'expected a command such as ["k6"'),
        (SERVER.replace("GET /", "PUT / body=none.json"), "load", "there is no 'none.json' in the project"),
        (SERVER + 'collect = "PUT / body=none.json"\n', "collect", "there is no 'none.json' in the project"),
        (SERVER + "levels = [1, 1]\n", "levels", "a level is there twice"),
        (SERVER + "levels = [0]\n", "levels", "expected factors of the rate such as [1, 2, 4], got [0]"),
        (SERVER.replace("2s", "2s levels=1,2") + "levels = [1]\n", "levels", "the load has levels too"),
        (SERVER.replace('"GET / rate=1 for 2s"', '["k6"]') + "levels = [1]\n", "levels", "that memcap sends"),
        (SERVER + "idle = 5\n", "idle", 'expected a duration such as "5s", got 5'),
        (SERVER + 'collect = "SIGUSER1"\n', "collect", "Did you mean SIGUSR1?"),
        (SERVER + 'collect = "post /gc"\n', "collect", "did you mean POST?"),
        (SERVER + 'services = ["db"]\n', "services.0", "there is no service 'db'; there are none"),
        (SERVER + 'phases.ilde.budget = "1m"\n', "phases.ilde", "is not a phase; expected one of start"),
        (SERVER + 'phases.idle.budget_margin = "1%"\n', "phases.idle.budget_margin", "no meaning without budget"),
        (SERVER + 'phases.collect.budget = "1m"\n', "phases.collect", "no meaning without collect"),
        (
            SERVER + 'expect = "failed"\nphases.load.expect = "oom_killed"\n',
            "phases.load.expect",
            "a run ends once",
        ),
        (
            SERVER + 'caps = ["1g"]\nphases.load.expect = { 128m = "oom_killed" }\n',
            "phases.load.expect.128m",
            "has no cap '128m'; it has 1g",
        ),
    ],
)
def test_a_mistake_in_a_server(find_problems: FindProblems, text: str, key: str, message: str) -> None:
    (problem,) = [
        each
        for each in find_problems({"suites/demo/suite.toml": text})
        if each.key == ".".join(part for part in ("benchmarks.web", key) if part) and message in each.message
    ]
    assert problem.file == Path("suites/demo/suite.toml")
    assert "\n" not in problem.message


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("", "", "needs either image or package"),
        ('image = "a:1"\npackage = "redis"\ncommand = ["a"]\n', "", "needs either image or package"),
        ('package = "redis"\n', "", "a package needs command"),
        ('package = "Redis Server"\ncommand = ["a"]\n', "package", "is not the name of a Debian package"),
        ('image = "py31"\n', "image", "there is no image 'py31'; a reference has a tag"),
        ('image = "a:1"\nready_timeout = "5s"\n', "ready_timeout", "has no meaning without ready"),
        ('image = "a:1"\nfiles = ["./none:/etc/a"]\n', "files.0", "there is no './none' in the project"),
        (f'image = "a:1"\nfiles = ["./{"x" * 5000}:/etc/a"]\n', "files.0", "xxx' in the project"),
        ('image = "a:1"\nfiles = ["data:/etc/a"]\n', "files.0", "is not SRC:DST"),
        ('image = "a:1"\nfresh = "always"\n', "fresh", "expected one of run, campaign"),
        ('image = "a:1"\nstop_signal = "INT"\n', "stop_signal", "'INT' is not a signal; expected one of SIGTERM"),
        ('image = "a:1"\ncap = "1m"\n', "cap", "must be at least 6MiB"),
        ('image = "a:1"\ntmpfs = ["data"]\n', "tmpfs.0", "names no place in the container"),
    ],
)
@pytest.mark.parametrize("file", ["limits.toml", "suites/demo/suite.toml"])
def test_a_mistake_in_a_service(find_problems: FindProblems, file: str, text: str, key: str, message: str) -> None:
    before = LIMITS if file == "limits.toml" else SERVER
    problems = find_problems({file: f"{before}\n[services.db]\n{text}"})
    found = [problem for problem in problems if message in problem.message]
    assert [(problem.file, problem.key) for problem in found] == [
        (Path(file), ".".join(part for part in ("services.db", key) if part))
    ]


def test_no_service_is_called_localhost(find_problems: FindProblems) -> None:
    (problem,) = find_problems({"limits.toml": LIMITS + '[services.localhost]\nimage = "a:1"\n'})
    assert "'localhost' is the server itself" in problem.message


def test_an_address_without_scheme_is_one_mistake(find_problems: FindProblems) -> None:
    (problem,) = find_problems({"suites/demo/suite.toml": SERVER.replace("tcp://", "")})
    assert problem.key == "benchmarks.web.ready"


def test_a_misspelled_kind_is_one_mistake(find_problems: FindProblems) -> None:
    problems = find_problems({"suites/demo/suite.toml": SERVER.replace("server", "sever")})
    assert [(problem.key, problem.suggestion) for problem in problems] == [("benchmarks.web.kind", "server")]


def test_all_mistakes_are_reported_together(find_problems: FindProblems) -> None:
    text = SERVER + 'idle = 5\nlevels = []\nservices = ["db"]\n[services.cache]\nimage = "redis"\n'
    keys = {problem.key for problem in find_problems({"suites/demo/suite.toml": text})}
    assert keys >= {"benchmarks.web.idle", "benchmarks.web.levels", "benchmarks.web.services.0", "services.cache.image"}


def test_what_no_server_needs_is_useless_in_the_defaults(find_problems: FindProblems) -> None:
    text = '[suite.defaults]\nidle = "5s"\n[benchmarks.leak]\ncall = "work:leak"\n'
    (problem,) = find_problems({"suites/demo/suite.toml": text})
    assert (problem.key, problem.message) == (
        "suite.defaults.idle",
        'goes with kind = "server", which no benchmark has',
    )


SHARED = '[suite.defaults]\nkind = "server"\nready = "tcp://localhost:80"\nload = "GET / rate=1 for 2s"\n'


def test_a_shared_kind_is_for_all_commands(make_project: MakeProject) -> None:
    text = SHARED + '[benchmarks.web]\ncommand = ["serve"]\n[benchmarks.leak]\ncall = "work:leak"\n'
    benchmarks = load_config(make_project({"suites/demo/suite.toml": text})).suites["demo"].benchmarks
    web, leak = (each.workload for each in benchmarks)
    assert isinstance(web, ServerWorkload)
    assert web.argv == ("serve",)
    assert isinstance(leak, CallWorkload)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (SHARED.replace("server", "sever"), "suite.defaults.kind", "'sever' is not a kind of benchmark"),
        (SHARED.replace("load", "#"), "benchmarks.web", "a server needs load"),
    ],
)
def test_a_mistake_in_a_shared_kind_is_one_problem(
    find_problems: FindProblems, text: str, key: str, message: str
) -> None:
    (problem,) = find_problems({"suites/demo/suite.toml": text + '[benchmarks.web]\ncommand = ["serve"]\n'})
    assert problem.key == key
    assert message in problem.message


def test_a_shared_kind_is_useless_without_a_command(find_problems: FindProblems) -> None:
    text = '[suite.defaults]\nkind = "server"\n[benchmarks.leak]\ncall = "work:leak"\n'
    (problem,) = find_problems({"suites/demo/suite.toml": text})
    assert (problem.key, problem.message) == ("suite.defaults.kind", "goes with command, which no benchmark has")


def test_the_body_of_a_collection_is_a_file_of_the_project(make_project: MakeProject) -> None:
    text = SERVER + 'collect = "POST /gc body=gc.json"\n'
    root = make_project({"suites/demo/suite.toml": text, "gc.json": "{}"})
    (web,) = load_config(root).suites["demo"].benchmarks
    assert isinstance(web.workload, ServerWorkload)
    assert web.workload.collect == LoadRequest(method="POST", path="/gc", body=str(root / "gc.json"))


def test_servers_are_planned_and_refused_cold(full: Path) -> None:
    config = load_config(full)
    plan = make_plan(config, profile="quick", selection=Selection())
    assert {cell.benchmark.name for cell in plan.cells} == {"leak", "web", "tasks"}
    with pytest.raises(PlanError, match=r"--cold cannot measure servers yet: demo\.web, demo\.tasks") as refused:
        make_plan(config, profile="quick", selection=Selection(cold=True))
    assert refused.value.remedy == "Leave out --cold, or select other benchmarks."
