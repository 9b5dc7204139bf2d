"""Servers with what they need next to them: Redis and PostgreSQL of Debian packages, in containers of their own."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from integration.measuring import scaled
from integration.promises import require
from integration.serving import Serve, plain, server

from memcap.config.server_words import parse_ready
from memcap.model import ClientCommand, Ending, Readiness, Service
from memcap.serving import kept_after_load

pytestmark = pytest.mark.docker
KIB, MIB = 1024, 1024 * 1024
REDIS = Service(
    name="db",
    package="redis-server",
    argv=("redis-server", "--save", "", "--bind", "127.0.0.1"),
    user="redis",
    cap_bytes=64 * MIB,
    ready=Readiness(check=parse_ready("tcp://db:6379"), time_limit_seconds=scaled(20)),
)
CELERY = (
    *("python3", "-m", "celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


@pytest.fixture(autouse=True)
def _mmdebstrap() -> None:
    require("mmdebstrap", available=shutil.which("mmdebstrap") is not None)


def test_a_worker_keeps_what_its_tasks_leave_behind(serve: Serve) -> None:
    send = ClientCommand(argv=("python3", "/memcap/suite/tasks.py", "500"))
    found = serve(CELERY, send, ready="python3 -c 'open(\"/dev/shm/ready\")'", services=(REDIS,), warm_up_seconds=2.0)
    run = server(found)
    kept = kept_after_load([run])

    assert found.ending is Ending.COMPLETED, f"{found.detail}\n{found.output_tail}"
    assert found.exit_code == 0
    assert [(load.requests, load.errors) for load in run.loads] == [(500, 0)]
    assert kept is not None
    assert 500 * 16 * KIB < kept.kept_bytes < 500 * 16 * KIB + 4 * MIB, "and what the first task imports"
    (redis,) = run.services
    assert redis.ready_seconds is not None
    assert 2 * MIB < (redis.unreclaimable_peak_bytes or 0) < 16 * MIB


def postgres(**fields: Any) -> Service:
    """Return PostgreSQL with a cluster of its own in memory, made at its start."""
    start = (
        "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; initdb -D /data/db -U postgres --auth=trust --no-sync && "
        "exec postgres -D /data/db -k /tmp -c fsync=off"
    )
    usual: dict[str, Any] = {
        "name": "db",
        "package": "postgresql",
        "argv": ("sh", "-c", start),
        "user": "postgres",
        "tmpfs": {"/data": "size=256m"},
        "stop_signal": "SIGINT",
        "ready": Readiness(check=parse_ready("tcp://db:5432"), time_limit_seconds=scaled(30)),
    }
    return Service(**{**usual, **fields})


def test_postgresql_answers_by_its_name(serve: Serve) -> None:
    found = serve(plain(), "GET / rate=20 for 0.5s", services=(postgres(),))
    (database,) = server(found).services
    assert (found.ending, found.detail) == (Ending.COMPLETED, "")
    assert database.exit_code == 0
    assert 30 * MIB < (database.unreclaimable_peak_bytes or 0) < 200 * MIB


def test_a_database_whose_disk_is_full_is_named_with_its_last_words(serve: Serve) -> None:
    found = serve(plain(), "GET / rate=20 for 0.5s", services=(postgres(tmpfs={"/data": "size=16m"}),))
    assert found.ending is Ending.SERVICE_FAILED
    assert found.detail.startswith("db: ")
    assert "No space left on device" in found.detail
    assert "No space left on device" in server(found).services[0].log_tail
