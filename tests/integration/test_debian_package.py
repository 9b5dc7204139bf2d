"""Images of Debian packages on the real daemon: what is in them runs, and memcap lists and removes them."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import build_image
from integration.promises import require

from memcap.cli import cli
from memcap.errors import BuildError
from memcap.images.debian_package import debian_package, make_package_image
from memcap.images.inventory import find_built, remove_built
from memcap.images.layer import build_layer
from memcap.model import ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker


@pytest.fixture(autouse=True)
def _mmdebstrap() -> None:
    require("mmdebstrap", available=shutil.which("mmdebstrap") is not None)


@pytest.fixture
def name(docker_client: DockerClient) -> Iterator[str]:
    """Return a name for an image, as no package is called; what was built under it is removed."""
    unique = f"debian/test-{uuid.uuid4().hex[:12]}"
    yield unique
    for built in find_built(docker_client):
        if built.image == unique:
            remove_built(docker_client, built)


def run(client: DockerClient, image: str, *argv: str) -> str:
    """Run a program in a fresh container without a network, as a service runs, and return what it printed."""
    output: bytes = client.containers.run(
        image, entrypoint=list(argv), network_mode="none", cap_drop=["ALL"], remove=True, labels={"memcap": "1"}
    )
    return output.decode()


def test_a_package_runs_and_is_listed_and_removed(docker_client: DockerClient, name: str, tmp_path: Path) -> None:
    source = ImageSource(name=name, debian_package="redis-server")
    said: list[str] = []
    first = build_image(docker_client, source, say=said.append)
    layer = build_layer(docker_client, first, None, say=said.append)
    again = build_image(docker_client, source, say=lambda _: None)

    assert first == again
    assert [line for line in said if line.startswith("building")] == [
        f"building {first.reference} of Debian's package redis-server"
    ]
    assert first.python is None
    assert ", redis-server " in first.origin
    version = first.origin.rpartition(":")[2].partition("-")[0]
    assert f"v={version} " in run(docker_client, layer.id, "redis-server", "--version")
    assert run(docker_client, layer.id, "id", "-un", "redis").strip() == "redis"

    def images(*words: str) -> str:
        done = CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["images", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    listed = json.loads(images("list", "-C", str(_project(tmp_path)), "--json"))["built"]
    (entry,) = [one for one in listed if one["image"] == name and one["kind"] == "image"]
    assert (entry["reference"], entry["origin"]) == (first.reference, first.origin)
    removed = images("rm", name)
    assert f"removed image {first.reference}\n" in removed
    assert "removed layer memcap/layer:" in removed


def _project(folder: Path) -> Path:
    (folder / "limits.toml").write_text('[caps]\n1g = "1GiB"\n[profiles.quick]\n', encoding="utf-8")
    return folder


def test_a_release_that_no_mirror_has_is_said(docker_client: DockerClient, name: str) -> None:
    package = replace(debian_package(docker_client, "redis-server", image=name), release="no-such-release")
    with pytest.raises(BuildError, match=r"\(no-such-release, ") as caught:
        make_package_image(docker_client, package, say=lambda _: None)
    assert "\n  | E: " in caught.value.message
    assert "package's name" in caught.value.remedy
