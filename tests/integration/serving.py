"""Run servers on the real engine: what their integration tests share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from integration.measuring import _settings, cell, image, scaled

from memcap.campaign import Campaign
from memcap.config.server_words import parse_ready
from memcap.engine.docker import DockerEngine
from memcap.images.prepare import prepare_layers
from memcap.load import parse_load
from memcap.model import ClientCommand, Measurement, Plan, Readiness, ServerRun, ServerWorkload, Suite

if TYPE_CHECKING:
    from docker import DockerClient

KIB, MIB = 1024, 1024 * 1024
FOLDER = Path(__file__).parent / "servers"
SUITE = Suite(name="servers", directory=FOLDER, description="", benchmarks=(), requirements=FOLDER / "requirements.txt")
UVICORN = ("python3", "-m", "uvicorn", "asgi_app:app", "--port", "8000", "--no-access-log")
GUNICORN = (
    *("python3", "-m", "gunicorn", "wsgi_app:app", "--bind", "127.0.0.1:8000", "--preload"),
    *("--worker-tmp-dir", "/dev/shm", "--no-control-socket"),
)
PLAIN = """
import http.server, os, signal, socketserver, sys
words = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/die":
            print("the database is gone", file=sys.stderr, flush=True)
            os._exit(3)
        if self.path == "/quit":
            os._exit(0)
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
signal.signal(signal.SIGUSR1, lambda *_: print("collected", flush=True))
if "deaf" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif "default" not in words:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
port = next((int(word) for word in words if word.isdigit()), 8000)
Server(("127.0.0.1", port), Handler).serve_forever()
"""
HEALTH = "http://localhost:8000/health"


def plain(*words: str) -> tuple[str, ...]:
    """Return the command of a small server, which does what ``words`` say."""
    return ("python3", "-c", PLAIN, *words)


class Serve:
    """Runs servers, and looks that nothing of them is left."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.campaigns: list[str] = []

    def __call__(
        self, argv: tuple[str, ...], load: str | ClientCommand, *, cap: str = "256m", **details: Any
    ) -> Measurement:
        """Return the measurement of one run; see ``several``."""
        return self.several(1, argv, load, cap=cap, **details)[0]

    def several(
        self, runs: int, argv: tuple[str, ...], load: str | ClientCommand, *, cap: str = "256m", **details: Any
    ) -> tuple[Measurement, ...]:
        """Return the measurements of so many runs; ``details`` are fields of ServerWorkload, `ready` and `env`."""
        ready = parse_ready(details.pop("ready", HEALTH))
        limit, env = details.pop("ready_seconds", scaled(20)), details.pop("env", {})
        usual: dict[str, Any] = {"warm_up_seconds": 0.4, "idle_seconds": 0.4}
        workload = ServerWorkload(
            argv=argv,
            ready=Readiness(check=ready, time_limit_seconds=limit),
            load=parse_load(load) if isinstance(load, str) else load,
            **{**usual, **details},
        )
        one = cell(argv, cap=cap)
        suite = "truth" if argv[:2] == ("python3", "-c") else "servers"
        one = replace(one, benchmark=replace(one.benchmark, workload=workload, env=env, suite=suite))
        plan = Plan(profile="truth", cells=(one,), runs=runs, warmups=0)
        layers = prepare_layers(
            self.client, plan, {"servers": SUITE}, images={"py312": image("py312")}, say=lambda _: None
        )
        settings = replace(_settings(), keep_output=True)
        self.campaigns.append(settings.id)
        with DockerEngine(self.client, campaign=settings.id) as engine:
            campaign = Campaign(plan, engine=engine, layers=layers, settings=settings)
            result = campaign.run(tell=lambda _: None, save=lambda _: None)
        return result.cells[0].runs


def server(measured: Measurement) -> ServerRun:
    assert measured.server is not None
    return measured.server
