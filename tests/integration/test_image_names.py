"""Production images under changing tags, judged by the baselines of their name: as a CI job calls memcap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import build_image, image

from memcap.images.inventory import find_built, remove_built

if TYPE_CHECKING:
    from docker import DockerClient

# No tolerances: the defaults judge.
LIMITS = """
[caps]
128m = "128MiB"

[profiles.quick]
runs = 5
warmups = 1
"""
SUITE = """
[benchmarks.lookups]
call = "work:lookups"
caps = ["128m"]
"""
WORK = """
import time

def lookups():
    import shop
    shop.fill()
    time.sleep(0.05)
"""
SHOP = """
held = []

def fill():
    held.append(b"x" * (%d << 20))
"""
DOCKERFILE = "FROM %s\nENV PYTHONPATH=/srv\nCOPY shop.py /srv/shop.py\n"

pytestmark = pytest.mark.docker


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A project that measures a production image, and how its image is built."""

    client: DockerClient
    root: Path
    base: str
    repository: str
    suite: str

    def build(self, tag: str, mib: int) -> str:
        """Build the production image, whose code needs ``mib`` MiB; return its reference."""
        folder = self.root / "docker" / tag
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(DOCKERFILE % self.base + f"ENV BUILT={tag}\n")
        (folder / "shop.py").write_text(SHOP % mib)
        reference = f"{self.repository}:{tag}"
        self.client.images.build(path=str(folder), tag=reference, rm=True, forcerm=True)
        return reference

    def memcap(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call memcap in the project."""
        command = [sys.executable, "-m", "memcap", *words]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def cell(self, name: str) -> str:
        """Return the id of the cell in the image of that name."""
        return f"{self.suite}.lookups-{name}-128m"


@pytest.fixture
def shop(docker_client: DockerClient, tmp_path: Path) -> Iterator[Shop]:
    mark = os.urandom(3).hex()
    made = Shop(
        client=docker_client,
        root=tmp_path,
        base=build_image(docker_client, image("py312"), say=lambda _: None).reference,
        repository=f"shop{mark}/prod",
        suite=f"shop{mark}",
    )
    for name, text in {
        "limits.toml": f'{LIMITS}\n[images.prod]\nreference = "{made.repository}:1.0"\n',
        f"suites/{made.suite}/suite.toml": SUITE,
        f"suites/{made.suite}/work.py": WORK,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    try:
        yield made
    finally:
        for built in find_built(docker_client):
            if built.suite == made.suite:
                remove_built(docker_client, built)
        for each in docker_client.images.list(name=made.repository):
            for tag in each.tags:
                docker_client.images.remove(tag)


def bound(reference: str) -> tuple[str, str]:
    return "--image", f"prod={reference}"


def test_a_new_tag_is_judged_by_the_baselines_of_its_name(shop: Shop) -> None:
    shop.build("1.0", 20)
    first = shop.memcap("run", "--accept")
    assert first.returncode == 0, first.stderr
    assert "accepted 1 cell as the first baseline" in first.stderr
    assert shop.cell("prod") in (shop.root / "results" / "baselines" / f"{shop.suite}.json").read_text()

    rebuilt = shop.memcap("run", *bound(shop.build("1.1", 20)))
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert "1 new" not in rebuilt.stdout, "it is judged, even if a busy machine leaves it undecided"
    assert f"prod is {shop.repository}:1.1" in " ".join(rebuilt.stdout.split())

    worse = shop.memcap("run", *bound(shop.build("1.2", 60)))
    assert worse.returncode == 99, worse.stdout + worse.stderr
    _, _, caveat = worse.stdout.partition("caveat unlike environment")
    assert "find what grew" in " ".join(caveat.split())
    assert "baseline accept" not in caveat

    compared = shop.memcap(
        "compare", "--base", f"old={shop.repository}:1.0", "--against", f"new={shop.repository}:1.2", "--json"
    )
    assert compared.returncode == 0, compared.stderr
    checked = shop.memcap("check", "--json")
    assert checked.returncode == 99, "the comparison is newer, and is no run"
    assert [cell["id"] for cell in json.loads(checked.stdout)["cells"]] == [shop.cell("prod")]


def test_what_cannot_be_judged_does_not_pass(shop: Shop) -> None:
    old, new = shop.build("1.0", 20), shop.build("1.1", 60)
    assert shop.memcap("run", "--accept").returncode == 0

    other = shop.memcap("run", "--image", new)
    assert other.returncode == 94
    assert "some in prod" in " ".join(other.stdout.split())
    assert shop.memcap("run", "--image", new, "--allow-new").returncode == 0

    both = shop.memcap("run", "--image", old, "--image", new)
    assert both.returncode == 94
    assert "so baselines do not apply" in " ".join(both.stdout.split())
    assert f"{shop.suite}_prod_1_0" in both.stdout


def test_ids_of_an_image_by_reference_are_taken_as_they_are_printed(shop: Shop) -> None:
    reference = shop.build("1.0", 20)
    (shop.root / "limits.toml").write_text(LIMITS)
    planned = json.loads(shop.memcap("plan", "--image", reference, "--json").stdout)
    (cell,) = (each["id"] for each in planned["cells"])
    assert cell == shop.cell(f"{shop.suite}_prod")
    unknown = shop.memcap("run", cell)
    assert unknown.returncode == 12
    assert "--image NAME=REFERENCE" in unknown.stderr
    assert shop.memcap("run", cell, "--image", reference).returncode == 0

    again = shop.memcap("run", cell)
    assert again.returncode == 0, again.stderr
    assert f"is {reference}, as in " in again.stderr
    profiled = shop.memcap("profile", cell, "--tracemalloc", "--json")
    assert profiled.returncode == 0, profiled.stderr
    fitted = shop.memcap("fit", cell, "--resolution", "8MiB", "--json")
    assert fitted.returncode == 0, fitted.stderr
    killed = shop.memcap("repro", cell, "--cap", "20m", "--json")
    assert killed.returncode == 0, killed.stderr


def test_a_dockerfile_of_the_project_is_built_again_when_its_files_change(shop: Shop) -> None:
    (shop.root / "limits.toml").write_text(
        f'{LIMITS}\n[images.{shop.suite}]\ndockerfile = "docker/prod"\ncontext = "."\n'
    )
    (shop.root / "docker").mkdir()
    (shop.root / "docker" / "prod").write_text(DOCKERFILE % shop.base)
    (shop.root / "shop.py").write_text(SHOP % 20)
    try:
        assert shop.memcap("run", "--accept").returncode == 0
        again = shop.memcap("run")
        assert again.returncode == 0
        assert "building" not in again.stderr, "results are no part of it"
        (shop.root / "shop.py").write_text(SHOP % 60)
        assert shop.memcap("run").returncode == 99
    finally:
        for built in find_built(shop.client):
            if built.image == shop.suite:
                remove_built(shop.client, built)
