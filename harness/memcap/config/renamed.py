"""Keys and values of configuration files that have a new name. The old is an error, but not in an older revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from memcap.strict import KeyPath

# The last two parts of the old key, and the new name of the last one.
_NETWORK: Final = ("container", "network")
_RENAMED: Final[Mapping[KeyPath, str]] = {("quiet", "cpus"): "pin_cpus"}


def new_name(path: KeyPath) -> str:
    """Return the new name of the key at ``path``; empty if it was not renamed."""
    return _RENAMED.get(path[-2:], "")


def with_new_names(table: Mapping[str, Any], path: KeyPath = ()) -> dict[str, Any]:
    """Return ``table``, which is at ``path``, with new names in place of old ones."""
    return {new_name((*path, key)) or key: _with_new_names(value, (*path, key)) for key, value in table.items()}


def _with_new_names(value: Any, path: KeyPath) -> Any:
    if path == _NETWORK and isinstance(value, bool):
        return "bridge" if value else "none"
    return with_new_names(value, path) if isinstance(value, dict) else value
