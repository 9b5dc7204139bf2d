"""``memcap gc``: remove what earlier runs left on the daemon."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo, emit, terminal_width
from memcap.errors import EngineError
from memcap.json_text import json_text
from memcap.units import counted, format_bytes
from memcap.untrusted import printable

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.engine.docker_leftovers import Remnant

JSON_SCHEMA = 1


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Say what would be removed; remove nothing.")
@click.option("--all", "everything", is_flag=True, help="Also containers that run, and the layers (they are rebuilt).")
@click.option("--campaign", metavar="ID", help="Only the containers of this campaign.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(dry_run: bool, everything: bool, campaign: str | None, as_json: bool) -> None:
    """Remove the containers that earlier runs of memcap left on the Docker daemon.

    memcap removes its containers itself; some stay behind when it is killed or the daemon goes away. A container is
    a leftover when it does not run and the memcap process that made it is gone. If that process belongs to another
    machine or container, the container must also be older than an hour. --all removes the others too: those in use,
    running or recent, and those of earlier versions, which can only be recognized by name. Containers and images of
    yours that are made from memcap's images are never touched.
    Images stay, unless --all removes the layers (image + probe + suite), which the next run builds again;
    `memcap images rm` removes the others.

    \b
    Examples:
      memcap gc --dry-run
      memcap gc
      memcap gc --all            # also while a campaign is running: it fails
      memcap gc --json
    """
    from memcap.engine.docker_client import connect
    from memcap.report.text import folded

    with closing(connect()) as client:
        chosen, kept = _choose(client, everything=everything, campaign=campaign)
        removed, failures = (chosen, ()) if dry_run else _remove(client, chosen)
    if as_json:
        emit(json_text(_as_json(removed, kept, failures, dry_run=dry_run)))
    else:
        echo(folded(_as_text(removed, kept, dry_run=dry_run), terminal_width()))
    if failures:
        raise EngineError(
            f"{len(failures)} of {len(chosen)} could not be removed:\n" + "\n".join(f"  {why}" for why in failures),
            remedy="A layer goes after the containers that use it (`docker ps -a`); else run `memcap doctor`.",
        )


def _choose(
    client: DockerClient, *, everything: bool, campaign: str | None
) -> tuple[tuple[Remnant, ...], tuple[Remnant, ...]]:
    """Return what to remove and what to keep; containers come before the layers they stand on."""
    from memcap.engine.docker_leftovers import Hold, find_containers, find_layers

    containers = find_containers(client, campaign=campaign)
    if not everything:
        released = {None} if campaign is None else {None, Hold.EARLIER_VERSION}  # a campaign is asked for by name
        chosen = tuple(one for one in containers if one.hold in released)
        return chosen, tuple(one for one in containers if one.hold not in released)
    return (*containers, *(find_layers(client) if campaign is None else ())), ()


def _remove(client: DockerClient, chosen: tuple[Remnant, ...]) -> tuple[tuple[Remnant, ...], tuple[str, ...]]:
    """Remove each; return what was removed, and why the others were not."""
    from memcap.engine.docker_leftovers import remove

    removed, failures = [], []
    for remnant in chosen:
        try:
            remove(client, remnant)
        except EngineError as error:
            failures.append(error.message)
        else:
            removed.append(remnant)
    return tuple(removed), tuple(failures)


def _as_text(removed: tuple[Remnant, ...], kept: tuple[Remnant, ...], *, dry_run: bool) -> str:
    verb = "would remove" if dry_run else "removed"
    lines = [
        f"{verb} {one.kind.value} {printable(one.name)} ({_origin(one)}): {format_bytes(one.size_bytes)}"
        for one in removed
    ]
    size = format_bytes(sum(one.size_bytes for one in removed))
    lines.append(f"{verb.capitalize()} {_count(removed)}: {size}." if removed else "Nothing to remove.")
    if kept:
        lines.append(f"Kept {_count(kept)} ({_reasons(kept)}); `memcap gc --all` removes what was kept.")
    return "\n".join(lines)


def _origin(one: Remnant) -> str:
    return printable(f"{one.state}, campaign {one.campaign}") if one.campaign else one.state


def _reasons(kept: tuple[Remnant, ...]) -> str:
    """Say why they were kept: ``2 in use, 1 running``."""
    words = [one.hold.value.replace("_", " ") for one in kept if one.hold is not None]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def _count(remnants: tuple[Remnant, ...]) -> str:
    """Count them in words: ``2 containers and 1 layer``."""
    kinds = [one.kind.value for one in remnants]
    parts = [counted(kinds.count(kind), kind) for kind in dict.fromkeys(kinds)]
    return " and ".join(parts)


def _as_json(
    removed: tuple[Remnant, ...], kept: tuple[Remnant, ...], failures: tuple[str, ...], *, dry_run: bool
) -> dict[str, object]:
    return {
        "schema": JSON_SCHEMA,
        "dry_run": dry_run,
        "removed": [_entry(one) for one in removed],
        "kept": [{**_entry(one), "reason": one.hold.value if one.hold is not None else None} for one in kept],
        "failures": list(failures),
        "removed_bytes": sum(one.size_bytes for one in removed),
    }


def _entry(one: Remnant) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "id": one.id,
        "name": one.name,
        "state": one.state,
        "campaign": one.campaign,
        "size_bytes": one.size_bytes,
    }
