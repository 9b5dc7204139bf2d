"""Images that are kept in a file: they come back as they were, and nothing is built or pulled then."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import build_image

from memcap.cli import cli
from memcap.errors import EngineError, FileExistsAlready
from memcap.images.archive import Tree
from memcap.images.importing import imported_id
from memcap.images.inventory import find_built, remove_built
from memcap.images.keep import load_images, save_images
from memcap.images.registry import find_local
from memcap.model import ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker


def silent(_: str) -> None:
    """Hear what is done, and say nothing."""


@pytest.fixture
def base(docker_client: DockerClient) -> Iterator[str]:
    """Return the reference of a base that no registry has; it is removed, if the test has not done so."""
    tree, stream = Tree(), io.BytesIO()
    tree.add_file("etc/motd", uuid.uuid4().bytes)
    tree.write(stream)
    reference = f"memcap/test-base:{uuid.uuid4().hex[:12]}"
    answer = docker_client.api.import_image_from_data(stream.getvalue(), changes=["LABEL memcap=1"])
    repository, _, tag = reference.partition(":")
    docker_client.api.tag(imported_id(answer), repository, tag)
    yield reference
    if find_local(docker_client, reference) is not None:
        docker_client.api.remove_image(reference, force=True)


@pytest.fixture
def source(docker_client: DockerClient, base: str, tmp_path: Path) -> Iterator[ImageSource]:
    """Return the source of an image on that base, in a project; what is built of it is removed."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    directory = tmp_path / "images" / name
    directory.mkdir(parents=True)
    (directory / "Dockerfile").write_text(f"ARG BASE={base}\nFROM ${{BASE}}\nCOPY Dockerfile /etc/\n")
    (tmp_path / "limits.toml").write_text('[caps]\n128m = "128m"\n[profiles.quick]\n')
    yield ImageSource(name=name, directory=directory)
    remove(docker_client, name)


def remove(client: DockerClient, name: str) -> None:
    for built in find_built(client):
        if built.image == name:
            remove_built(client, built)


def test_they_come_back_as_they_were_and_need_not_be_built(
    docker_client: DockerClient, base: str, source: ImageSource, tmp_path: Path
) -> None:
    before = build_image(docker_client, source, say=silent)
    file = tmp_path / "kept" / "images.tar"
    words = ["images", "save", str(file), "--project", str(tmp_path)]
    saved = CliRunner().invoke(cli, words)
    assert saved.output.splitlines() == [f"saved {before.reference}", f"saved {base}"]
    remove(docker_client, source.name)
    docker_client.api.remove_image(base)
    assert find_local(docker_client, before.reference) is None

    loaded = CliRunner().invoke(cli, ["images", "load", str(file)])
    said: list[str] = []
    after = build_image(docker_client, source, say=said.append)

    assert sorted(loaded.output.splitlines()) == sorted([f"loaded {before.reference}", f"loaded {base}"])
    assert (after.id, after.reference) == (before.id, before.reference)
    assert [line for line in said if "building" in line or "pulling" in line] == []


def test_an_image_that_is_not_built_or_was_changed_is_not_kept(
    docker_client: DockerClient, source: ImageSource, tmp_path: Path
) -> None:
    file = tmp_path / "images.tar"
    assert save_images(docker_client, [source], file, overwrite=False) == []
    build_image(docker_client, source, say=silent)
    assert source.directory is not None
    (source.directory / "more").touch()
    assert save_images(docker_client, [source], file, overwrite=False) == []
    assert not file.exists()


def test_a_file_is_replaced_only_by_force_and_must_be_whole(docker_client: DockerClient, tmp_path: Path) -> None:
    file = tmp_path / "images.tar"
    file.write_bytes(b"half")
    with pytest.raises(FileExistsAlready, match="--force"):
        save_images(docker_client, [], file, overwrite=False)
    with pytest.raises(EngineError, match="could not load images"):
        load_images(docker_client, file)
