"""Start a gunicorn that loads its application before it forks, ask it, and end it: `served.py`."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

WORKERS = 3
TABLE = [str(n) * 3 for n in range(100_000)]  # loaded before the fork; counting references unshares it


def application(environ, start_response):
    """Answer with the length of what all workers share."""
    length = sum(len(text) for text in TABLE)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(length).encode()]


def main():
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--bind", "127.0.0.1:8000"]
    server = subprocess.Popen([*command, "--worker-tmp-dir", "/dev/shm", "--log-level", "error", "served:application"])
    for _ in range(100):
        try:
            urllib.request.urlopen("http://127.0.0.1:8000/", timeout=5).read()
            break
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
            if server.poll() is not None:
                sys.exit(1)
    for _ in range(20 * WORKERS):
        urllib.request.urlopen("http://127.0.0.1:8000/", timeout=5).read()
    server.send_signal(signal.SIGTERM)
    sys.exit(server.wait(timeout=10))


if __name__ == "__main__":
    main()
