"""What the workflows and the action promise to the repositories that use them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "ci" / "action" / "action.yml"
DOCUMENT = ROOT / "docs" / "ci.md"


def load(path: Path) -> dict[Any, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    content = load(path)
    parts = [content["runs"]] if "runs" in content else content["jobs"].values()
    return [step for part in parts for step in part["steps"]]


def test_there_are_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["bench.yml", "nightly.yml", "test.yml"]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_no_script_has_an_expression_put_into_it(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_end_some_time(path: Path) -> None:
    workflow = load(path)

    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job and "permissions" not in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_checkouts_leave_no_token_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]

    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def documented_inputs(heading: str) -> dict[str, str]:
    """Return the table of inputs under a heading of docs/ci.md: name → default, without the backquotes."""
    _, _, section = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]*)\|", section.partition("\n## ")[0], flags=re.MULTILINE)
    return {name: default.strip(" `") for name, default in rows}


@pytest.mark.parametrize(
    ("heading", "inputs"),
    [
        ("GitHub: the action", load(ACTION)["inputs"]),
        # YAML 1.1 reads the key `on` as true
        ("GitHub: the reusable workflow", load(ROOT / ".github/workflows/bench.yml")[True]["workflow_call"]["inputs"]),
    ],
    ids=["action", "workflow"],
)
def test_the_document_lists_every_input_with_its_default(heading: str, inputs: dict[str, dict[str, Any]]) -> None:
    assert documented_inputs(heading) == {name: str(field["default"]) for name, field in inputs.items()}
