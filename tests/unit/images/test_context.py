"""What an image is built from: changes of what is no part of it make no other image."""

from __future__ import annotations

import tarfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from memcap.errors import BuildError
from memcap.images.build import build_images, built_references
from memcap.images.context import build_arguments, context_digest, dockerfile_of
from memcap.model import ImageSource


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("Dockerfile", "app.py", ".git/HEAD", "results/a.json", "secret/key", "docker/Dockerfile.dev"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("# what stays here\n\nsecret\n")
    return tmp_path


def source(root: Path, dockerfile: str = "Dockerfile") -> ImageSource:
    return ImageSource(name="prod", directory=root, dockerfile=root / dockerfile, ignored=(".git", "results"))


@pytest.mark.parametrize(
    ("name", "changes"),
    [("app.py", True), ("Dockerfile", True), (".git/HEAD", False), ("results/b.json", False), ("secret/key", False)],
)
def test_only_what_goes_to_the_daemon_counts(root: Path, name: str, changes: bool) -> None:
    before = context_digest(source(root), root)
    (root / name).write_text("changed")
    assert (context_digest(source(root), root) != before) is changes


def test_another_dockerfile_of_the_same_folder_is_another_image(root: Path) -> None:
    digests = {context_digest(source(root, name), root) for name in ("Dockerfile", "docker/Dockerfile.dev")}
    assert len(digests) == 2


def test_the_daemon_is_given_the_same_files(root: Path) -> None:
    with build_arguments(source(root, "docker/Dockerfile.dev"), root) as given:
        assert given["dockerfile"] == "docker/Dockerfile.dev"
        with tarfile.open(fileobj=given["fileobj"]) as archive:
            files = {member.name for member in archive if member.isfile()}
    assert files == {".dockerignore", "Dockerfile", "app.py", "docker/Dockerfile.dev"}


def test_a_folder_under_images_is_taken_as_it_is(root: Path) -> None:
    plain = ImageSource(name="prod", directory=root)
    assert dockerfile_of(plain, root) == root / "Dockerfile"
    before = context_digest(plain, root)
    (root / "secret/key").write_text("changed")
    assert context_digest(plain, root) != before
    with build_arguments(plain, root) as given:
        assert given == {"path": str(root)}


def test_nothing_is_built_while_a_dockerfile_is_missing(root: Path) -> None:
    daemon = Mock()  # it is asked for nothing
    gone, there = source(root, "docker/gone"), ImageSource(name="other", directory=root)
    with pytest.raises(BuildError, match=f"image prod: there is no file {root}/docker/gone") as caught:
        build_images(daemon, [there, gone], say=print)
    assert "dockerfile" in caught.value.remedy
    assert "--image" in caught.value.remedy
    assert built_references(daemon, gone) == ()
    assert daemon.mock_calls == []
