"""What proves inside a container that a test came to its end; the containers are those of tests/integration."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from memcap.pytest_plugin import memcap_inside

pytest_plugins = ["pytester"]

HEAD = "import os, sys, pytest\n"
CALL = "import memcap_inside; print('proof:', memcap_inside.run_test('test_it.py::test_it'))"


@pytest.mark.allow_processes
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("body", "proof"),
    [
        ("pass", "{'skipped': 0, 'xfailed': 0}"),
        ("pytest.skip('no')", "{'skipped': 1, 'xfailed': 0}"),
        ("pid = os.fork()\n    if not pid: os._exit(0)\n    os.waitpid(pid, 0)", "{'skipped': 0, 'xfailed': 0}"),
        ("os._exit(0)", None),
        ("sys.exit(0)", None),
        ("os.execv('/bin/true', ['true'])", None),
        ("pytest.exit('enough', returncode=0)", None),
        ("if os.fork(): os._exit(0)", None),
        ("assert False", None),
    ],
)
def test_only_what_came_to_its_end_is_proven(pytester: pytest.Pytester, body: str, proof: str | None) -> None:
    pytester.makepyfile(test_it=f"{HEAD}def test_it():\n    {body}")
    shutil.copy(memcap_inside.__file__, pytester.path)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CALL], cwd=pytester.path, capture_output=True, text=True, check=False
    )

    told = [line for line in ended.stdout.splitlines() if line.startswith("proof:")]
    assert told == ([] if proof is None else [f"proof: {proof}"])
