"""Files of a project, which every command reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from memcap.config import load_config

_LIMITS: Final = """\
caps = { 1g = "1GiB", 128m = "128MiB" }
[profiles.quick]
caps = ["128m"]
runs = 5
within = "20min"
[tolerances.peak]
relative = "2%"
absolute = "1MiB"
[time_limits]
run = "90s"
[container]
pids = 64
output_limit = "1MiB"
shm_size = "64m"
user = "app:staff"
disk = "1GiB"
cpus = 1.5
cpu_time = "90s"
ulimits = { nofile = "1024:2048", stack = -1 }
hostname = "memcap"
network = "bridge"
env = { PYTHONHASHSEED = "0" }
[quiet]
pin_cpus = 1
[judge]
minimum_runs = 5
false_alarms = "1%"
[alerts]
cap = "80%"
growth = "off"
[project]
package = "suites"
[services.db]
image = "postgres:15"
env = { POSTGRES_DB = "shop" }
ready = ["pg_isready", "-q"]
ready_timeout = "20s"
fresh = "campaign"
stop_signal = "SIGINT"
"""
_SUITE: Final = """\
[suite]
description = "a demo"
total = "5min"
advice = { lag = "Bound it." }
[benchmarks.leak]
description = \"\"\"two
lines\"\"\"
call = "work:leak"
parameters = { size = 0x10, rate = 1.5e3, name = 'raw', on = true }
caps = ["128m"]
budget = "64m"
budget_margin = "2%"
tags = ["a", "b"]
expect = { 128m = "oom_killed" }
metrics = { lag = "s" }
projections = { lag = [100, 1_000] }
thresholds.lag = { excellent = 1, good = 2, acceptable = 3.5, poor = 4 }
alerts = { lag = 3, peak = 1e9 }
cycles = 20
duration = "1min"
time_limit = "2min"
[benchmarks."leak2"]
command = ["python", "-c", "print(1)"]
env = { A = "b" }
container = { entrypoint = "", mounts = "type=tmpfs,dst=/a", volumes = ["./b:/b:ro"], pass_env = "C", workdir = "/" }
quiet = { pin_cpus = "all", thp = false }
[benchmarks.leak2.tolerances.wall]
relative = "5%"
absolute = "100ms"
[benchmarks.web]
kind = "server"
command = ["serve"]
ready = { url = "http://localhost:8000/health", statuses = [200, 204] }
load = { requests = ["GET /items/{1..9} weight=2", "POST /"], rate = 20, duration = "2s", keepalive = false }
levels = [1, 2.5]
warm_up = "0s"
collect = "SIGUSR1"
services = ["db", "cache"]
phases.load = { budget = "64m", budget_metric = "rss_peak" }
phases.idle.expect = { 128m = "oom_killed" }
[services.cache]
package = "redis-server"
command = ["redis-server"]
files = ["./suites:/srv/suites"]
tmpfs = ["/data:size=64m"]
cap = "64m"
user = "redis"
"""
_LOCK: Final = """\
[[package]]
name = "numpy"
version = "2.2"
resolution-markers = ["python_version < '3.11'"]
[[package]]
name = "numpy"
version = "2.4"
markers = { main = "python_version >= '3.11'" }
[[package]]
name = "shop"
source = { editable = "." }
"""
CODE: Final = "def leak():\n    pass\n"
_REQUIREMENTS: Final = (
    'numpy==1.26.4 ; python_version >= "3.9"\\\n  --hash=sha256:00aa\n# a comment\nhttpx[http2] == 0.27\n'
)
OF_PROJECTS: Final = {
    "limits.toml": (_LIMITS.encode(), _SUITE.encode()),
    "suites/demo/suite.toml": (_SUITE.encode(), _LIMITS.encode()),
    "suites/demo/requirements.txt": (_REQUIREMENTS.encode(),),
    "uv.lock": (_LOCK.encode(), _LOCK.replace("[[package]]", "[[packages]]").encode()),
}


def of_project(name: str) -> Callable[[bytes, Path], object]:
    """Return what reads the project in which the file ``name`` holds a content."""

    def read(content: bytes, folder: Path) -> object:
        for path, text in (
            ("limits.toml", _LIMITS),
            ("suites/demo/suite.toml", _SUITE),
            ("suites/demo/work.py", CODE),
            ("images/py312/Dockerfile", "FROM scratch\n"),
        ):
            if not (folder / path).exists():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
        (folder / name).write_bytes(content)
        return load_config(folder)

    return read
