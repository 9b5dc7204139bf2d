"""Commands at the limit take servers: what is profiled and what is killed is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import build_image, image

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
KEEPING = """
import http.server, signal, socketserver, sys
kept = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path != "/health":
            kept.append(b"x" * (64 * 1024))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""
SERVE = (
    *("--serve", "--ready", "http://localhost:8000/health", "--load", "GET / rate=100 for 2s concurrency=1"),
    *("--warm-up", "0s", "--idle", "500ms"),
)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "server.py").write_text(KEEPING, encoding="utf-8")
    return folder


def memcap(client: DockerClient, app: Path, command: str, *options: str) -> dict[str, Any]:
    """Return what ``command`` says of the server as JSON."""
    named = build_image(client, image("py312"), say=lambda _: None).reference
    words = (command, "-i", named, "-v", f"{app}:/app:ro", *SERVE, "-o", "found", "--json", *options)
    ended = subprocess.run(
        [sys.executable, "-m", "memcap", *words, "--", "python3", "/app/server.py"],
        cwd=app.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_profile_names_the_line_that_keeps(docker_client: DockerClient, app: Path) -> None:
    found = memcap(docker_client, app, "profile")
    largest = found["top_sites"][0]
    assert largest["size_bytes"] == pytest.approx(200 * 64 * 1024, rel=0.05)
    assert (largest["file"], largest["line"]) == ("/app/server.py", 8)


def test_a_kill_under_load_is_reproduced(docker_client: DockerClient, app: Path) -> None:
    found = memcap(docker_client, app, "repro", "-c", "16m", "-n", "1")
    (attempt,) = found["attempts"]
    assert attempt["ending"] == "oom_killed"
    assert found["cap_bytes"] == 16 * MIB
