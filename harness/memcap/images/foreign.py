"""Find out whether the daemon's machine can run the programs of an image that is made for another architecture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from memcap.engine.docker_client import already_gone, environment, translated
from memcap.engine.docker_labels import container_labels, fresh_name
from memcap.errors import EngineError, PlanError
from memcap.images.archive import Tree
from memcap.images.layer import supervisor_for

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

_PROGRAM = "/memcap-trial"
_SAYS = b"memcap: output begins"
_SECONDS = 60
_PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def refuse_what_cannot_run(client: DockerClient, image: Image, *, reference: str, architecture: str) -> None:
    """Return where an image for ``architecture`` runs on the daemon's machine, by itself or emulated.

    An image for another architecture is tried with a supervisor for that one, as there need be no other program in it.
    Raises PlanError where it does not run, BuildError where there is no such supervisor, or EngineError.
    """
    here = environment(client).architecture
    if architecture == here or _runs(client, image, architecture):
        return
    raise PlanError(
        f"image {reference!r} is made for {architecture}; the daemon's machine is {here} and cannot run it",
        remedy=f"Use an image for {here}: `docker pull --platform {_PLATFORMS.get(here, here)} {reference}`. Emulation "
        "(https://docs.docker.com/build/building/multi-platform/#qemu) would run it, but its memory is another.",
    )


def _runs(client: DockerClient, image: Image, architecture: str) -> bool:
    """Tell whether a program of ours for ``architecture`` says its first words in a container of ``image``."""
    tree, archive = Tree(), io.BytesIO()
    tree.add_file(_PROGRAM.lstrip("/"), supervisor_for(architecture, str(image.id)), executable=True)
    tree.write(archive)
    name = fresh_name("question")
    with translated(f"try a program in {image.id}"):
        container = client.containers.create(
            str(image.id),
            entrypoint=[_PROGRAM, "/", "1000", "1000", "--", "/memcap/nothing"],
            command=[],
            user="0",
            network_mode="none",
            name=name,
            labels=container_labels(name, kind="question"),
            healthcheck={"test": ["NONE"]},
        )
    try:
        with translated(f"try a program in {image.id}"):
            container.put_archive("/", archive.getvalue())
        try:
            with translated(f"start a program in {image.id}"):
                container.start()
        except EngineError:  # newer runtimes find it out here, older ones in the container
            return False
        with translated(f"wait for a program in {image.id}"):
            container.wait(timeout=_SECONDS)
            return container.logs(stderr=False).startswith(_SAYS)
    finally:
        with translated(f"remove {container.id}"), already_gone():
            container.remove(force=True, v=True)
