"""The references of the configuration files are complete, true and up to date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pytest
from ci.reference import DOCS, METRICS_PAGE, MODELS, render, render_metrics, undocumented
from pydantic import Field

from memcap.config import load_config
from memcap.config.toml_table import TomlTable
from memcap.config.values import Size

_ROW = re.compile(r"^\| `(\w+)` \| .*? \| `(.*?)` \| .* \|$", re.MULTILINE)
_ONLY_BESIDE = {"requirements": 'package = "."\n'}  # other keys of the table that a key needs
_PROFILE = '[caps]\n128m = "128MiB"\n[profiles.quick]\n'


@pytest.mark.parametrize("name", MODELS)
def test_the_committed_page_is_up_to_date(name: str) -> None:
    page = (DOCS / f"reference-{name}.md").read_text(encoding="utf-8")
    assert page == render(name), "make it anew: python -m ci reference"


def test_the_committed_page_of_metrics_is_up_to_date() -> None:
    page = (DOCS / METRICS_PAGE).read_text(encoding="utf-8")
    assert page == render_metrics(), "make it anew: python -m ci reference"


@pytest.mark.parametrize("name", MODELS)
def test_every_key_has_a_description_and_an_example(name: str) -> None:
    assert undocumented(MODELS[name]) == [], "give the key Field(description=…, examples=[…]) where it is defined"


def test_a_key_without_either_is_found() -> None:
    class Inner(TomlTable):
        bare: int | None = None
        told: Annotated[int, "x"] | None = Field(default=None, description="It is told.")

    class Outer(TomlTable):
        inner: Inner = Inner()
        named: dict[str, Inner] = Field(default={}, description="Some.")
        good: Size | None = Field(default=None, description="Its kind has an example.")

    assert undocumented(Outer) == ["Outer.inner", "Inner.bare", "Inner.told"]


def _sections(name: str) -> list[tuple[str, str]]:
    return re.findall(r"^## `\[([\w.]+)\]`.*?\n(.*?)(?=^## |\Z)", render(name), re.MULTILINE | re.DOTALL)


def test_the_documented_defaults_are_the_real_ones(tmp_path: Path) -> None:
    tables = [(path, _ROW.findall(text)) for path, text in _sections("limits") if "NAME" not in path]
    text = "".join(
        f"[{path}]\n" + "".join(f"{key} = {value}\n" for key, value in rows) for path, rows in tables if rows
    )
    assert "hostname" in text
    configs = []
    for folder, further in (("bare", ""), ("documented", text)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "limits.toml").write_text(_PROFILE + further, encoding="utf-8")
        configs.append(load_config(tmp_path / folder))
    bare, documented = configs
    assert documented.policy == bare.policy
    assert documented.rules == bare.rules
    assert documented.run_time_limit_seconds == bare.run_time_limit_seconds


def _examples(name: str) -> list[tuple[str, str, str]]:
    return [
        (path, key, example)
        for path, text in _sections(name)
        for key, example in re.findall(r"^\| `(\w+)` \| .* \| `([^`|]+)` \|$", text, re.MULTILINE)
    ]


@pytest.mark.parametrize(("path", "key", "example"), [each for each in _examples("limits") if "NAME" not in each[0]])
def test_examples_can_be_written_as_they_are(path: str, key: str, example: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").touch()
    others = _ONLY_BESIDE.get(key, "")
    (tmp_path / "limits.toml").write_text(f"{_PROFILE}[{path}]\n{others}{key} = {example}\n", encoding="utf-8")
    load_config(tmp_path)
