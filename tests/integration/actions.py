"""Run a composite action of this repository as GitHub's runner would: its scripts for real, its cache a folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

LIMIT_SECONDS = 300
# What the runner would fetch or install, or what another test looks at.
NOT_HERE = ("actions/setup-python@", "actions/cache@", "actions/upload-artifact@")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_VALUE = re.compile(r"\b(?:inputs|steps|github|runner)\.[\w.-]+")


@dataclass
class Job:
    """One job that runs the action ``path`` in ``workspace``; ``kept`` stands for the service's cache."""

    path: Path
    workspace: Path
    kept: Path
    inputs: Mapping[str, str]
    home: Path
    printed: str = ""
    ran: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    failed: bool = False

    def run(self) -> dict[str, str]:
        """Run all steps and return the action's outputs; where a step fails, those go on that say so."""
        action = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        for name, declared in action["inputs"].items():
            self.values[f"inputs.{name}"] = self.inputs.get(name, declared["default"])
        self.values |= {"github.action_path": str(self.path.parent), "runner.os": "Linux", "runner.arch": "X64"}
        for step in action["runs"]["steps"]:
            if self._is_wanted(step):
                self._run(step)
        return {name: self._filled(output["value"]) for name, output in action["outputs"].items()}

    @property
    def summary(self) -> str:
        return (self.home / "summary").read_text(encoding="utf-8")

    def _is_wanted(self, step: Mapping[str, Any]) -> bool:
        condition = str(step.get("if", "true")).replace("${{", "").replace("}}", "").strip()
        if self.failed and "cancelled()" not in condition:
            return False
        words = _VALUE.sub(lambda match: repr(self.values.get(match[0], "")), condition)
        for ours, python in (("!cancelled()", "True"), ("&&", "and"), ("||", "or"), ("true", "True")):
            words = words.replace(ours, python)
        return bool(eval(words))  # an expression of this repository, translated word by word

    def _run(self, step: Mapping[str, Any]) -> None:
        uses, name = step.get("uses", ""), step.get("id", "")
        if uses.startswith("actions/cache/"):
            self._cache(uses, name, {key: self._filled(value) for key, value in step["with"].items()})
        elif uses:
            assert uses.startswith(NOT_HERE), uses
        elif step["name"] != "Install memcap":  # it is installed here
            outcome = "success" if self._script(step, name) == 0 else "failure"
            self.values[f"steps.{name}.outcome"] = outcome
            self.failed |= outcome == "failure" and not step.get("continue-on-error", False)

    def _cache(self, uses: str, name: str, options: Mapping[str, str]) -> None:
        file, kept = self.home / options["path"].removeprefix("~/"), self.kept / options["key"]
        if uses.startswith("actions/cache/save@"):
            self.kept.mkdir(exist_ok=True)
            shutil.move(file, kept)
        elif kept.exists():
            file.parent.mkdir(parents=True)
            shutil.copy(kept, file)
            self.values[f"steps.{name}.outputs.cache-hit"] = "true"

    def _script(self, step: Mapping[str, Any], name: str) -> int:
        output = self.home / "output"
        output.write_text("", encoding="utf-8")
        environ = {
            **os.environ,
            **{key: self._filled(value) for key, value in step.get("env", {}).items()},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.home),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
        }
        assert step["shell"] == "bash"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # as the runner calls it
            cwd=self.workspace / self._filled(step.get("working-directory", ".")),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        self.ran.append(step["name"])
        self.printed += done.stdout
        for line in output.read_text(encoding="utf-8").splitlines():
            key, equals, value = line.partition("=")
            assert equals, line
            self.values[f"steps.{name}.outputs.{key}"] = value
        return done.returncode

    def _filled(self, text: str) -> str:
        return _EXPRESSION.sub(lambda match: self.values.get(match[1].strip(), ""), text)
