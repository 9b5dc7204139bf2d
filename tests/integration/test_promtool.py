"""What Prometheus' own tool says of the metrics, and of what the dashboard asks for.

promtool reads the older text format with `check metrics`, and OpenMetrics with `tsdb create-blocks-from openmetrics`,
which needs a time with each sample.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from integration.promises import require
from soaks import make_calls, recorded, stretched
from views import hostile_view, view_of_every_verdict

from memcap.report.openmetrics import openmetrics_text, prometheus_text, render_openmetrics, render_prometheus
from memcap.report.soak_metrics import newest_soak_metrics, soak_metrics

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "memcap.json"
LEAK = make_calls(stretched(recorded("leak_bytes"), 30))
HOSTILE = '"\\\n{}\x00\x1b[2J\u202e,= #'


@pytest.fixture(autouse=True)
def _promtool() -> None:
    require("promtool", available=shutil.which("promtool") is not None)


def promtool(*words: str, text: str = "") -> tuple[int, str]:
    """Return the exit code of promtool and all that it says."""
    ended = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "text",
    [
        render_prometheus(view_of_every_verdict()),
        render_prometheus(hostile_view(HOSTILE)),
        prometheus_text(newest_soak_metrics(LEAK)),
    ],
    ids=["result", "hostile", "soak"],
)
def test_the_text_of_prometheus_has_nothing_to_complain_about(text: str) -> None:
    assert promtool("check", "metrics", text=text) == (0, "")


def test_it_would_complain() -> None:
    code, said = promtool("check", "metrics", text="# TYPE a_milliseconds counter\na_milliseconds 1\n")
    assert code != 0
    assert "a_milliseconds" in said


@pytest.mark.parametrize(
    "text",
    [render_openmetrics(view_of_every_verdict()), openmetrics_text(soak_metrics(LEAK))],
    ids=["result", "soak"],
)
def test_openmetrics_can_be_imported_into_prometheus(tmp_path: Path, text: str) -> None:
    (tmp_path / "openmetrics.txt").write_text(text, encoding="utf-8")
    blocks = tmp_path / "blocks"
    code, said = promtool("tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "openmetrics.txt"), str(blocks))
    metas = [json.loads(each.read_text(encoding="utf-8")) for each in blocks.glob("*/meta.json")]
    lines = [line for line in text.splitlines() if not line.startswith("#")]

    assert code == 0, said
    assert sum(meta["stats"]["numSamples"] for meta in metas) == len(lines)  # no sample was refused


def test_the_dashboard_asks_in_promql(tmp_path: Path) -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    rules = [{"record": f"dashboard:{number}", "expr": each.replace("$__rate_interval", "5m")}
             for number, each in enumerate(asked)]  # fmt: skip
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")  # which is YAML
    code, said = promtool("check", "rules", str(file))

    assert code == 0, said
    assert f"{len(asked)} rules found" in said
