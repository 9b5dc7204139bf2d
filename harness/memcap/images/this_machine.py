"""What stands for an image where runs are plain processes of this machine: its own Python, the suites as they are."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from memcap.model import Config, ImageFacts, ImageSource, Layer, Plan, PythonFacts, Suite
from memcap.model.places import SUITE

HOST: Final = ImageSource(name="host", reference="host")


def on_this_machine(config: Config) -> Config:
    """Return ``config`` with this machine as its only image."""
    profiles = {name: replace(profile, images=()) for name, profile in config.profiles.items()}
    return replace(config, images={HOST.name: HOST}, profiles=profiles)


def host_layers(plan: Plan, suites: Mapping[str, Suite]) -> dict[tuple[str, str], Layer]:
    """Return what the process engine runs in, for each (image, suite) of ``plan``: the id is the suite's folder, or "".

    A suite's requirements are not installed: what is not importable here ends a run as load_failed.
    """
    image = host_facts()
    layers = {}
    for name in dict.fromkeys(cell.benchmark.suite for cell in plan.cells):
        suite = suites.get(name)
        layers[HOST.name, name] = Layer(
            image=image,
            suite=name if suite else "",
            id=str(suite.directory.resolve()) if suite else "",
            search_path=(SUITE,) if suite else (),
        )
    return layers


def host_facts() -> ImageFacts:
    """Return this machine's interpreter as if it were an image's."""
    return ImageFacts(
        name=HOST.name,
        reference=HOST.name,
        id=HOST.name,
        digest=None,
        origin="this machine",
        architecture=platform.machine(),
        python=PythonFacts(
            executable=sys.executable,
            implementation=platform.python_implementation(),
            version=platform.python_version(),
            build=sys.version,
            libc=_libc(),
        ),
    )


def _libc() -> str:
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, OSError, ValueError):  # another C library, another system
        name = None
    return name or " ".join(platform.libc_ver()).strip()
