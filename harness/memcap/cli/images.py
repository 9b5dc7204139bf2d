"""``memcap images``: build, list, keep or remove the images that workloads run in."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo, emit, table_width
from memcap.cli.quantities import EXISTING_FILE, FILE
from memcap.cli.selection import project_option
from memcap.errors import EngineError, SelectionError, UsageError
from memcap.json_text import json_text
from memcap.units import format_bytes
from memcap.untrusted import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memcap.images.inventory import Built
    from memcap.model import ImageSource

JSON_SCHEMA = 1

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("images")
def command() -> None:
    """Build, list, keep or remove the images that workloads run in.

    A project's images are the folders of images/ with a Dockerfile, and [images.NAME] of limits.toml. Services of
    servers can be Debian packages: their images are called debian/PACKAGE. `memcap run` builds what it needs by itself.
    """


@command.command("build")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@project_option
@_json
def build(names: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Build the project's images, or those named; what is built and unchanged is left alone.

    A Dockerfile's base (ARG BASE) is taken from the daemon or pulled. Where no registry answers, it is made from an
    interpreter of this machine (pyenv, uv, system) of the same version; the origin is recorded in every result.
    The image of a Debian package is made with mmdebstrap, when it is named here or needed by `memcap run`.

    \b
    Examples:
      memcap images build
      memcap images build py312 py313
      memcap images build debian/redis-server
      memcap images build --json
    """
    from memcap.engine.docker_client import connect
    from memcap.images.build import build_images
    from memcap.images.service_sources import package_sources
    from memcap.workflows.selection import load_project

    config = load_project(root)
    sources = _named({**config.images, **package_sources(config)}, names or config.images)
    with closing(connect()) as client:
        facts = build_images(client, sources, say=lambda line: echo(line, err=as_json))
    if as_json:
        emit(json_text({"schema": JSON_SCHEMA, "images": [asdict(one) for one in facts]}))


@command.command("list")
@project_option
@_json
def list_(root: Path | None, as_json: bool) -> None:
    """List the project's images, built or not, and the layers and bases that memcap built.

    A size counts what the image stands on too, so sizes do not add up.

    \b
    Examples:
      memcap images list
      memcap images list --json
    """
    from memcap.engine.docker_client import connect
    from memcap.images.inventory import find_built

    sources = _project_images(root)
    with closing(connect()) as client:
        built = find_built(client)
    there = {one.image for one in built if one.kind == "image"}
    missing = [source for source in sources if source.name not in there]
    if as_json:
        entries = [asdict(one) for one in built]
        emit(json_text({"schema": JSON_SCHEMA, "built": entries, "not_built": [source.name for source in missing]}))
    else:
        echo(_as_text(built, missing))


@command.command("rm")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All that memcap built, bases too.")
def rm(names: tuple[str, ...], everything: bool) -> None:
    """Remove images that memcap built, with their layers; they are built again when needed.

    NAME is an image's name, or a reference as `memcap images list` prints it. Images that memcap only uses stay.

    \b
    Examples:
      memcap images rm py310
      memcap images rm --all
    """
    from memcap.engine.docker_client import connect
    from memcap.images.inventory import choose_built, find_built, remove_built

    if everything == bool(names):
        raise UsageError("give names of images, or --all", remedy="See `memcap images list`.")
    failures = []
    with closing(connect()) as client:
        built = find_built(client)
        for one in built if everything else choose_built(built, names):
            try:
                remove_built(client, one)
            except EngineError as error:
                failures.append(error.message)
            else:
                echo(f"removed {one.kind} {one.reference}")
    if failures:
        raise EngineError(
            "not all could be removed:\n" + "\n".join(f"  {failure}" for failure in failures),
            remedy="Wait for campaigns to end, or run `memcap gc`; then try again.",
        )


@command.command("save")
@click.argument("file", type=FILE)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@project_option
def save(file: Path, names: tuple[str, ...], force: bool, root: Path | None) -> None:
    """Write the project's images that are built, or those named, and their bases to FILE.

    `memcap images load` puts them on another daemon, where they need not be built or pulled. An image that was changed
    since it was built is left out. Layers with suites are not kept: they are made in seconds.

    \b
    Examples:
      memcap images save images.tar
      memcap images save images.tar py312
    """
    from memcap.engine.docker_client import connect
    from memcap.images.keep import save_images
    from memcap.images.service_sources import package_sources
    from memcap.workflows.selection import load_project

    config = load_project(root)
    images = {**config.images, **package_sources(config)}
    sources = _named(images, names or images)
    with closing(connect()) as client:
        saved = save_images(client, sources, file, overwrite=force)
    for reference in saved:
        echo(f"saved {reference}")
    if not saved:
        echo(f"none of these images is built, so {file} was not written")


@command.command("load")
@click.argument("file", type=EXISTING_FILE)
def load(file: Path) -> None:
    """Put the images of FILE, which `memcap images save` wrote, on the daemon.

    \b
    Example:
      memcap images load images.tar
    """
    from memcap.engine.docker_client import connect
    from memcap.images.keep import load_images

    with closing(connect()) as client:
        for reference in load_images(client, file):
            echo(printable(f"loaded {reference}"))


def _named(images: Mapping[str, ImageSource], names: Iterable[str]) -> list[ImageSource]:
    """Return the sources with these names. Raises SelectionError."""
    from difflib import get_close_matches

    for name in names:
        if name not in images:
            near = get_close_matches(name, images, n=1)
            known = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(images) or 'none'}."
            raise SelectionError(f"the project has no image {name!r}", remedy=known)
    return [images[name] for name in dict.fromkeys(names)]


def _project_images(root: Path | None) -> list[ImageSource]:
    """Return the images that the project builds; none where there is no project. Raises ConfigError."""
    from memcap.images.service_sources import package_sources
    from memcap.workflows.selection import project_or_defaults

    config = project_or_defaults(root)  # what is on the daemon can be listed from anywhere
    return [*(image for image in config.images.values() if image.directory), *package_sources(config).values()]


def _as_text(built: Sequence[Built], missing: Sequence[ImageSource]) -> str:
    from memcap.images.inventory import KINDS
    from memcap.report.document import Column
    from memcap.report.text_table import table

    rows = [
        [
            one.kind,
            printable(one.image) or "-",
            printable(one.suite) or "-",
            printable(one.reference),
            format_bytes(one.size_bytes),
            printable(one.origin),
        ]
        for kind in reversed(KINDS)  # what stands on the others comes last
        for one in built
        if one.kind == kind
    ]
    rows += [["image", printable(source.name), "-", "not built", "-", _how_to_build(source)] for source in missing]
    if not rows:
        return "memcap has built nothing on this daemon."
    titles = ("kind", "image", "suite", "reference", "size", "origin")
    return table(rows, [Column(title=title) for title in titles], width=table_width())


def _how_to_build(source: ImageSource) -> str:
    if source.lacks_dockerfile:
        return printable(f"there is no file {source.dockerfile}")
    return f"`memcap images build{f' {source.name}' if source.debian_package else ''}` builds it"
