"""Tasks of a Celery worker, and what sends them: each keeps 16 KiB in the worker."""

import sys

from celery import Celery
from celery.signals import worker_ready

app = Celery("tasks", broker="redis://db:6379/0", backend="redis://db:6379/1")
kept = []


@worker_ready.connect
def note(**_):
    open("/dev/shm/ready", "w").close()


@app.task
def keep(number):
    kept.append(b"x" * (16384 - 41))
    return number


def send(count):
    results = [keep.delay(number) for number in range(count)]
    done = [result.get(timeout=60) for result in results]
    print(
        f"requests: {count} total, {count} started, {len(done)} done, {len(done)} succeeded, "
        f"0 failed, 0 errored, 0 timeout"
    )


if __name__ == "__main__":
    send(int(sys.argv[1]))
