"""Workflows, the action and the examples, read by linters of their formats; shell scripts by bash and shellcheck."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from integration.promises import require

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "ci" / "examples"
INIT = ROOT / "tests" / "golden" / "init"  # what `memcap init` writes
WORKFLOWS = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    *sorted(EXAMPLES.glob("github*.yml")),
    *sorted(INIT.glob("*-github-*.yml")),
]
ACTION = ROOT / "ci" / "action" / "action.yml"
GITLAB = [EXAMPLES / "gitlab-ci.yml", *sorted(INIT.glob("*-gitlab-*.yml"))]

pytestmark = [
    pytest.mark.allow_processes,
    pytest.mark.skipif(sys.platform == "win32", reason="the bash of Windows is another one"),
]


def run(*command: str | Path, text: str = "") -> None:
    """Run a linter on files or on its standard input; fail with what it says."""
    done = subprocess.run(
        [str(word) for word in command], input=text, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def program(name: str) -> str:
    """Return the path of a linter, first the virtual environment's own; skip or fail without (see promises.py)."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    require(name, available=found is not None)
    assert found is not None
    return found


def scripts() -> list[tuple[str, str, str]]:
    """Return (where it is, its shell, the script) of everything that a service would run."""
    found = [(file.name, "sh" if file.suffix == ".sh" else "bash", file.read_text("utf-8")) for file in SHELL_FILES]
    for file in (*WORKFLOWS, ACTION):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, part in {"": content["runs"]}.items() if "runs" in content else content["jobs"].items():
            for number, step in enumerate(part.get("steps", ()), start=1):
                if "run" in step:
                    found.append((f"{file.name}-{name}-{number}", "bash", step["run"]))
    for file in GITLAB:
        for name, job in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            if "script" in job:
                found.append((f"{file.name}-{name}", "sh", "set -e\n" + "\n".join(job["script"])))
    return found


SHELL_FILES = [EXAMPLES / "memory.sh", ROOT / ".ci" / "run"]
SCRIPTS = [pytest.param(shell, script, id=place) for place, shell, script in scripts()]


@pytest.mark.parametrize(("shell", "script"), SCRIPTS)
def test_every_script_is_a_program_of_its_shell(shell: str, script: str) -> None:
    run(program(shell), "-n", "-s", text=script)


def test_shellcheck_finds_nothing() -> None:
    shellcheck = program("shellcheck")
    for param in SCRIPTS:
        shell, script = param.values
        run(shellcheck, "--shell", str(shell), "-", text=str(script))


@pytest.mark.parametrize(
    ("schema", "files"),
    [("github-workflows", WORKFLOWS), ("github-actions", [ACTION]), ("gitlab-ci", GITLAB)],
    ids=["workflows", "action", "gitlab"],
)
def test_they_are_as_the_services_define_them(schema: str, files: list[Path]) -> None:
    # The schemas are in the package: nothing is downloaded.
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}")
    run(*check, *(("--data-transform", "gitlab-ci") if schema == "gitlab-ci" else ()), *files)


def test_actionlint_finds_nothing() -> None:
    run(program("actionlint"), "-no-color", *WORKFLOWS)


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step:\n      - run: ls\n")
    with pytest.raises(AssertionError, match="jobs"):
        test_they_are_as_the_services_define_them("github-workflows", [bad])
    with pytest.raises(AssertionError, match="syntax error"):
        test_every_script_is_a_program_of_its_shell("bash", "if true; then\n")
