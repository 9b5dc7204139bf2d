"""The services in docs/services.md can be pasted into suite.toml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import ROOT

from memcap.config import load_config
from memcap.config.server_schema import ServiceTable
from memcap.model import ServerWorkload

TEXT = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
LIMITS = '[caps]\n1g = "1GiB"\n[profiles.quick]\n'
SERVER = """
[benchmarks.web]
kind = "server"
command = ["serve"]
ready = "tcp://localhost:80"
load = "GET / rate=1 for 2s"
services = ["NAME"]
"""


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_read(recipe: str, tmp_path: Path) -> None:
    match = re.search(r"^\[services\.(\w+)\]", recipe, re.MULTILINE)
    assert match is not None
    whole = recipe if "[benchmarks" in recipe else recipe + SERVER.replace("NAME", match[1])
    (tmp_path / "suites" / "web").mkdir(parents=True)
    (tmp_path / "limits.toml").write_text(LIMITS, encoding="utf-8")
    (tmp_path / "suites" / "web" / "suite.toml").write_text(whole, encoding="utf-8")
    (benchmark,) = load_config(tmp_path).suites["web"].benchmarks
    assert isinstance(benchmark.workload, ServerWorkload)
    assert [service.name for service in benchmark.workload.services] == [match[1]]


def test_every_key_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert rows == list(ServiceTable.model_fields)
