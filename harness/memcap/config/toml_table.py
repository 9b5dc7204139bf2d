"""What all tables of configuration files have in common. Imported late, as pydantic is heavy."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class TomlTable(BaseModel):
    """A TOML table: unknown keys are mistakes, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def keeps(default: str) -> dict[str, Any]:
    """Return what documents the default of a key that is None here."""
    return {"default": default}
