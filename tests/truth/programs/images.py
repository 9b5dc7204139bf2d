"""Make the images of the programs, and keep them in Docker under the hash of their contents."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from typing import IO

from integration.measuring import build_image, image
from truth.programs.model import Recipe, UnavailableError, Workshop

from memcap.engine.docker_client import environment, translated
from memcap.images.archive import Tree
from memcap.images.registry import find_local

LABEL = "memcap.truth"
REPOSITORY = "memcap-truth"


def ensure_image(workshop: Workshop, recipe: Recipe) -> str:
    """Return the reference of the recipe's image, made if need be. Raises UnavailableError or EngineError."""
    if environment(workshop.client).architecture != "x86_64":
        raise UnavailableError("the programs are taken from this machine, and the daemon's is another")
    tree = recipe.fill(workshop)
    base = _python_base(workshop) if recipe.on_python else "scratch"
    dockerfile = _dockerfile(base, recipe)
    key = hashlib.sha256(f"{dockerfile}\0{tree.digest()}".encode()).hexdigest()
    reference = f"{REPOSITORY}/{recipe.name}:{key[:12]}"
    if find_local(workshop.client, reference) is None:
        workshop.say(f"building {reference}")
        with tempfile.TemporaryFile() as context:
            _write_context(context, dockerfile, tree)
            context.seek(0)
            with translated(f"build {reference}"):
                workshop.client.images.build(
                    fileobj=context, custom_context=True, tag=reference, labels={LABEL: "programs"}, rm=True
                )
    return reference


def _python_base(workshop: Workshop) -> str:
    facts = build_image(workshop.client, image(workshop.python_image), say=lambda _: None)
    return facts.reference


def _dockerfile(base: str, recipe: Recipe) -> str:
    lines = [f"FROM {base}", "ADD root.tar /", "WORKDIR /scratch"]
    lines += [f"USER {recipe.user}"] if recipe.user else []
    return "\n".join(lines) + "\n"


def _write_context(stream: IO[bytes], dockerfile: str, tree: Tree) -> None:
    with tempfile.TemporaryFile() as root, tarfile.open(fileobj=stream, mode="w") as context:
        tree.write(root)
        entry = tarfile.TarInfo("root.tar")
        entry.size = root.tell()
        root.seek(0)
        context.addfile(entry, root)
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        context.addfile(entry, io.BytesIO(dockerfile.encode()))
