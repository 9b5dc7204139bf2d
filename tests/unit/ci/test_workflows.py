"""What the workflows, the action and the examples promise to the repositories that use them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "ci" / "examples"
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = [*OWN, *sorted(EXAMPLES.glob("github*.yml"))]
ACTION = ROOT / "ci" / "action" / "action.yml"
BENCH = ROOT / ".github" / "workflows" / "bench.yml"
DOCUMENT = ROOT / "docs" / "ci.md"
by_name = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def load(path: Path) -> dict[Any, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    content = load(path)
    parts = [content["runs"]] if "runs" in content else content["jobs"].values()
    return [step for part in parts for step in part.get("steps", ())]


def triggers(path: Path) -> Any:
    return load(path)[True]  # YAML 1.1 reads the key `on` as true


def test_there_are_workflows() -> None:
    assert [path.name for path in OWN] == ["bench.yml", "memory.yml", "nightly.yml", "test.yml"]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_no_script_has_an_expression_put_into_it(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_what_is_used_has_a_version_or_is_ours(path: Path) -> None:
    jobs = load(path).get("jobs", {}).values()
    used = [part["uses"] for part in [*steps(path), *jobs] if "uses" in part]

    assert used
    for use in used:
        own = ROOT / use
        assert re.fullmatch(r"[\w./-]+@v\d+(\.\d+)*", use) or own.is_file() or (own / "action.yml").is_file(), use


@by_name
def test_workflows_may_only_read_and_end_some_time(path: Path) -> None:
    workflow = load(path)

    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert "timeout-minutes" in job or "bench.yml" in job["uses"]  # which has one


@by_name
def test_jobs_that_are_waited_for_exist(path: Path) -> None:
    jobs = load(path)["jobs"]
    for job in jobs.values():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(jobs)


@by_name
def test_checkouts_leave_no_token_behind(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_memory_is_measured_at_length_on_sundays_and_by_hand() -> None:
    on = triggers(ROOT / ".github/workflows/memory.yml")
    length = on["workflow_dispatch"]["inputs"]["length"]

    assert on["schedule"] == [{"cron": "0 2 * * 0"}]
    assert (length["type"], length["options"], length["default"]) == ("choice", ["short", "long"], "short")
    assert {"push", "pull_request"} <= set(on)


def test_the_example_is_our_own_workflow() -> None:
    ours = (ROOT / ".github/workflows/memory.yml").read_text(encoding="utf-8")
    example = (EXAMPLES / "github.yml").read_text(encoding="utf-8")
    adapted = ours.replace("./.github", "OWNER/memcap/.github").replace("bench.yml", "bench.yml@v0.1.0")
    adapted = adapted.replace(".[report]", "memcap[report]==0.1.0")

    assert example.partition("name:")[2] == adapted.partition("name:")[2]


def test_the_action_and_the_reusable_workflow_have_the_same_scripts() -> None:
    action, bench = ({step["name"]: step["run"] for step in steps(path) if "run" in step} for path in (ACTION, BENCH))
    bench["Measure"] = bench["Measure"].replace('--image "py${PYTHON//./}" ', "")
    merge = bench.pop("Merge")  # the action is one job; `arguments: --shard 1/3` makes it one of several
    sharded = 'commas=${SHARDS//[^,]/}\n[ -z "$commas" ] || words+=(--shard "$SHARD/$((${#commas} + 1))")\n'
    assert sharded in bench["Measure"]
    bench["Measure"] = bench["Measure"].replace(sharded, "")
    action["Measure"] = action["Measure"].replace('echo "exit-code=$status" >>"$GITHUB_OUTPUT"\n', "")
    action["Install memcap"] = action["Install memcap"].replace("REQUIREMENT:-$ACTION/../..[report]", "REQUIREMENT")
    bench["Install memcap"] = bench["Install memcap"].replace("$REQUIREMENT", "${REQUIREMENT}")

    assert action == bench
    reports = "--report github"
    assert merge.partition(reports)[2] == bench["Measure"].partition(reports)[2], "one report, in the same forms"


def test_what_shards_upload_is_what_the_merge_downloads() -> None:
    jobs = load(BENCH)["jobs"]
    upload, download = (
        next(step["with"] for step in jobs[job]["steps"] if step.get("uses", "").startswith(f"actions/{action}@"))
        for job, action in (("bench", "upload-artifact"), ("merge", "download-artifact"))
    )
    shards = triggers(BENCH)["workflow_call"]["inputs"]["shards"]

    assert "format('-shard-{0}', matrix.shard)" in upload["name"]
    assert download["pattern"] == "${{ inputs.artifact }}-${{ matrix.python }}-shard-*"
    assert f"inputs.shards != '{shards['default']}'" in jobs["merge"]["if"]
    assert jobs["merge"]["needs"] == "bench"
    assert jobs["merge"]["strategy"]["matrix"]["python"] == jobs["bench"]["strategy"]["matrix"]["python"]


def test_gitlab_merges_all_shards_of_each_image() -> None:
    content = load(EXAMPLES / "gitlab-ci.yml")
    [measured], [judged] = (content[job]["parallel"]["matrix"] for job in ("memory", "verdict"))

    assert measured["IMAGE"] == judged["IMAGE"]
    count = len(measured["SHARD"])
    assert measured["SHARD"] == [f"{number}/{count}" for number in range(1, count + 1)]
    assert content["verdict"]["needs"] == ["memory"]
    assert content["memory"]["allow_failure"] is True, "the verdict is that of all shards together"


def test_the_hook_looks_at_the_same_files_in_every_form() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    example = load(EXAMPLES / "pre-commit-config.yaml")["repos"]
    own = load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"][-1]

    assert example[0]["hooks"] == [{"id": hook["id"]}]
    for local in (example[1]["hooks"][0], own):
        assert {key: local[key] for key in ("id", "files", "pass_filenames")} == {
            key: hook[key] for key in ("id", "files", "pass_filenames")
        }
        assert local["entry"].endswith("memcap plan --check")


def documented_inputs(heading: str) -> dict[str, str]:
    """Return the table of inputs under a heading of docs/ci.md: name → default, without the backquotes."""
    _, _, section = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]*)\|", section.partition("\n## ")[0], flags=re.MULTILINE)
    return {name: default.strip(" `") for name, default in rows}


@pytest.mark.parametrize(
    ("heading", "inputs"),
    [
        ("GitHub: the action", load(ACTION)["inputs"]),
        ("GitHub: the reusable workflow", triggers(BENCH)["workflow_call"]["inputs"]),
    ],
    ids=["action", "workflow"],
)
def test_the_document_lists_every_input_with_its_default(heading: str, inputs: dict[str, dict[str, Any]]) -> None:
    assert documented_inputs(heading) == {name: str(field["default"]) for name, field in inputs.items()}


def test_the_document_shows_and_links_the_examples() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    examples = {file.name: file.read_text(encoding="utf-8") for file in sorted(EXAMPLES.iterdir())}
    shown = re.findall(r"```(?:yaml|sh)\n(.*?)```", document, flags=re.DOTALL)

    assert shown
    assert [block for block in shown if not any(block in text for text in examples.values())] == []
    assert [name for name in examples if f"(../ci/examples/{name})" not in document] == []
