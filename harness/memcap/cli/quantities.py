"""Options that take a size, a duration or another text with a form of its own: an error names the option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from memcap.errors import SizeError, UsageError
from memcap.shards.dividing import parse_shard
from memcap.units import parse_bytes, parse_seconds


class Quantity(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic in new versions
    """Text that ``parse`` accepts, such as a number with its unit; it stays as it was written."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return ``value``. Raises SizeError or UsageError if it cannot be read."""
        try:
            self._parse(value)
        except (SizeError, UsageError) as error:
            option = param.opts[-1] if param else self.name
            raise type(error)(f"{option}: {error.message}", remedy=error.remedy) from error
        return str(value)


SIZE: Final = Quantity("size", parse_bytes)
SHARD: Final = Quantity("shard", parse_shard)
TIME: Final = Quantity("time", parse_seconds)

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)  # a file or a folder
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
