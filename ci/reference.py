"""Make the references of limits.toml, suite.toml and the metrics from the code. Runs in the virtual environment."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from memcap.config.schema import LimitsFile
from memcap.config.suite_schema import SuiteFile
from memcap.config.toml_table import TomlTable
from memcap.config.values import ValueKind
from memcap.report.metric_table import ALL_METRICS

DOCS = Path(__file__).resolve().parent.parent / "docs"
MODELS: dict[str, type[TomlTable]] = {"limits": LimitsFile, "suite": SuiteFile}
_SCHEMAS = {"limits": "schema", "suite": "suite_schema"}
_INTRODUCTION = """\
# Keys of `{name}.toml`

This page is made from [`config/{schema}.py`](../harness/memcap/config/{schema}.py) by `python -m ci reference`.
An unknown key is an error that names the nearest one. Sizes such as `"128MiB"` or `"128m"` count by 1024, `"24GB"` by
1000. Durations are written as `"500ms"`, `"90s"`, `"5min"` or `"1h"`, percentages as `"2%"`.
"""
METRICS_PAGE = "reference-metrics.md"
_METRICS_INTRODUCTION = """\
# Metrics

This page is made from [`report/metric_table.py`](../harness/memcap/report/metric_table.py) by `python -m ci reference`.
[dashboards.md](dashboards.md) says where the metrics are, and whose names they have. In OpenMetrics, the type `info` or
`stateset` is a gauge to Prometheus. What was not measured has no sample.

| metric | type | | the same in |
|---|---|---|---|
"""
_WORDS = {bool: "boolean", int: "whole number", float: "number", str: "string"}
_NO_DEFAULT = "-"


def render(name: str) -> str:
    """Return the reference of ``name``.toml as Markdown: a section a table, in the order of the models."""
    tables: dict[type[TomlTable], list[str]] = {}
    _collect(MODELS[name], "", tables)
    sections = (_section(model, paths, _with_more_keys(model, tables)) for model, paths in tables.items())
    return "\n".join([_INTRODUCTION.format(name=name, schema=_SCHEMAS[name]), *sections])


def undocumented(model: type[TomlTable]) -> list[str]:
    """Return the keys of ``model``, and of the tables in it, that have no description or no example to show."""
    tables: dict[type[TomlTable], list[str]] = {}
    _collect(model, "", tables)
    return [
        f"{table.__name__}.{key}"
        for table in tables
        for key, field in table.model_fields.items()
        if not field.description or not (_tables_in(field) or _example(field))
    ]


def render_metrics() -> str:
    """Return the reference of the metrics as Markdown: a row a metric, by the name of its samples."""
    rows = (f"| `{each.sample_name}` | {each.kind.value} | {each.help} | {each.like} |\n" for each in ALL_METRICS)
    return _METRICS_INTRODUCTION + "".join(rows)


def main() -> None:
    """Write the references."""
    pages = {**{f"reference-{name}.md": render(name) for name in MODELS}, METRICS_PAGE: render_metrics()}
    for name, text in pages.items():
        path = DOCS / name
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path}")


def _collect(model: type[TomlTable], path: str, tables: dict[type[TomlTable], list[str]]) -> None:
    """Add ``model`` and the tables in it to ``tables``, each with the paths where it is."""
    tables.setdefault(model, []).append(path)
    for key, field in model.model_fields.items():
        for table, is_named in _tables_in(field):
            inner = f"{path}.{key}".lstrip(".") + (".NAME" if is_named else "")
            _collect(table, inner, tables)


def _with_more_keys(
    model: type[TomlTable], tables: Mapping[type[TomlTable], Sequence[str]]
) -> tuple[type[TomlTable], str] | None:
    """Return the table that has all keys of ``model`` and more, and where it is; None if there is none."""
    return next(
        ((each, paths[0]) for each, paths in tables.items() if each is not model and issubclass(each, model)), None
    )


def _section(model: type[TomlTable], paths: Sequence[str], wider: tuple[type[TomlTable], str] | None) -> str:
    heading = ", ".join(f"`[{path}]`" for path in paths) if paths != [""] else "The file"
    lines = [f"## {heading}", "", _in_markdown(model.__doc__ or ""), ""]
    if wider is not None:
        others = ", ".join(f"`{key}`" for key in wider[0].model_fields if key not in model.model_fields)
        return "\n".join([*lines, f"It has the keys of `[{wider[1]}]`, except {others}.", ""])
    rows = [_row(key, field) for key, field in model.model_fields.items()]
    return "\n".join([*lines, "| key | type | default | | example |", "|---|---|---|---|---|", *rows, ""])


def _row(key: str, field: FieldInfo) -> str:
    example = _example(field)
    cells = [f"`{key}`", _kind(field), _default(field), field.description or "", f"`{example}`" if example else ""]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _in_markdown(text: str) -> str:
    """Return a docstring as a paragraph."""
    return " ".join(text.split()).replace("``", "`")


def _tables_in(field: FieldInfo) -> list[tuple[type[TomlTable], bool]]:
    """Return the table that ``field`` is, and whether there are several by name."""
    found = []
    for kind in _alternatives(field.annotation):
        named = get_origin(kind) is dict
        inner = get_args(kind)[1] if named else kind
        if isinstance(inner, type) and issubclass(inner, TomlTable):
            found.append((inner, named))
    return found


def _kind(field: FieldInfo) -> str:
    """Return what a value of ``field`` is in words."""
    own = next((each.name for each in field.metadata if isinstance(each, ValueKind)), "")
    return own or " or ".join(dict.fromkeys(_words(each) for each in _alternatives(field.annotation)))


def _words(kind: Any) -> str:
    marks = [each for each in _metadata(kind) if isinstance(each, ValueKind)]
    if marks:
        return marks[0].name
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in inner)
    if origin is list:
        return f"list of {_words(inner[0])}s"
    if origin is dict:
        value = inner[1]
        return (
            "tables" if isinstance(value, type) and issubclass(value, TomlTable) else f"table of name = {_words(value)}"
        )
    if isinstance(kind, type) and issubclass(kind, TomlTable):
        return "table"
    return _WORDS[kind]


def _alternatives(kind: Any) -> Iterator[Any]:
    """Yield what a value may be, without None."""
    if get_origin(kind) in (Union, types.UnionType):
        for each in get_args(kind):
            yield from () if each is type(None) else _alternatives(each)
    else:
        yield kind


def _metadata(kind: Any) -> tuple[Any, ...]:
    return tuple(getattr(kind, "__metadata__", ()))


def _example(field: FieldInfo) -> str:
    """Return a value as it is written in TOML: the key's own, its kind's, or the default."""
    if field.examples:
        return str(field.examples[0])
    marks = [*field.metadata, *(mark for kind in _alternatives(field.annotation) for mark in _metadata(kind))]
    own = next((each.example for each in marks if isinstance(each, ValueKind)), "")
    default = _default_value(field)
    return own or ("" if default == _NO_DEFAULT else default)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = _default_value(field)
    return default if default == _NO_DEFAULT else f"`{default}`"


def _default_value(field: FieldInfo) -> str:
    """Return the default as it is written in TOML."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default" in extra:
        return str(extra["default"])
    value = field.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) and value else _NO_DEFAULT


if __name__ == "__main__":
    main()
