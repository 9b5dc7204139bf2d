"""Lock files of uv, Poetry and PEP 751: the versions in them, as constraints for pip."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

from memcap.config.source import Source, read_source, shown
from memcap.errors import Problem
from memcap.strict import MOST_LOCK_BYTES

LOCK_FILES: Final = ("pylock.toml", "uv.lock", "poetry.lock")  # the first of them that is there is taken
_OTHER_PYLOCK: Final = re.compile(r"pylock\.[^.]+\.toml")
_NAME: Final = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_MARKERS: Final = ("marker", "markers", "resolution-markers")  # of PEP 751, Poetry and uv


def is_lock_file(path: Path) -> bool:
    """Tell by its name whether ``path`` is a lock file that `read_lock_file` reads."""
    return path.name in LOCK_FILES or _OTHER_PYLOCK.fullmatch(path.name) is not None


def read_lock_file(root: Path, file: Path) -> tuple[tuple[str, ...], list[Problem]]:
    """Return a line ``name==version`` for each version in ``root / file``, and what is wrong with the file.

    Where a name has several versions, each line has the marker that the file gives. Without a marker such lines
    contradict each other, and pip says so if the name is needed.
    """
    source, problems = read_source(root, file, most_bytes=MOST_LOCK_BYTES)
    if source is None or problems:
        return (), problems
    versions: dict[str, dict[str, list[str]]] = {}
    for place, entry in enumerate(_packages(source)):
        name, text = entry.get("name"), entry.get("version")
        if text is None:  # of a folder or a repository
            continue
        version = _version(text)
        if version is None or not isinstance(name, str) or not _NAME.fullmatch(name):
            message = f"expected a name and a version, got {shown(name)} and {shown(text)}"
            problems.append(source.problem((_key(source), place), message))
            continue
        versions.setdefault(canonicalize_name(name), {}).setdefault(version, []).append(_marker(entry))
    return tuple(_lines(versions)), problems


def _lines(versions: Mapping[str, Mapping[str, list[str]]]) -> Iterable[str]:
    for name, own in sorted(versions.items()):
        for version, markers in own.items():
            is_marked = len(own) > 1 and all(markers)
            yield f"{name}=={version}" + (f" ; {' or '.join(markers)}" if is_marked else "")


def _packages(source: Source) -> list[Mapping[str, Any]]:
    entries = source.data.get(_key(source))
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _key(source: Source) -> str:
    return "packages" if "packages" in source.data else "package"  # PEP 751 has the plural


def _marker(entry: Mapping[str, Any]) -> str:
    """Return when ``entry`` applies; empty if always, or if pip could not tell."""
    given = next((entry[key] for key in _MARKERS if key in entry), ())
    parts = [given] if isinstance(given, str) else list(given.values()) if isinstance(given, dict) else given
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return ""
    try:
        marker = " or ".join(f"({Marker(part)})" for part in parts)
    except (InvalidMarker, RecursionError):
        return ""
    is_unknown = re.search(r"\bextras?\b|\bdependency_groups\b", marker)
    return marker if not is_unknown and marker.isprintable() else ""


def _version(text: object) -> str | None:
    try:
        return str(Version(text)) if isinstance(text, str) else None
    except ValueError:  # also of a number with too many digits
        return None
