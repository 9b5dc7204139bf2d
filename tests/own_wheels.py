"""Wheels as small as pip accepts."""

from __future__ import annotations

import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, tag: str = "py3-none-any", *, version: str = "1.0", requires: str = "") -> Path:
    """Write a wheel of one module, and return its path."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"TAG = {tag!r}\n")
        wheel.writestr(
            f"{name}-{version}.dist-info/METADATA", metadata + (f"Requires-Dist: {requires}\n" if requires else "")
        )
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return path
