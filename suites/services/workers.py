"""What gunicorn does at the end of a worker: ``gunicorn --config python:workers``."""

from __future__ import annotations

import os
from typing import Any


def worker_exit(server: Any, worker: Any) -> None:
    """End the worker at once. Python would first take apart all objects, and so copy what is shared with others."""
    os._exit(0)
