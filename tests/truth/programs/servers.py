"""Servers, each started, used and ended by a script within a second or two."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from platformdirs import user_cache_path
from truth.programs.host import add_folder, add_libraries, add_programs, find_program, run
from truth.programs.model import Program, Recipe, UnavailableError, Workshop
from truth.programs.tools import tools_tree

from memcap.images.archive import Tree

NOBODY = "65534"
POSTGRES = Path("/usr/lib/postgresql/15/bin")
SHARED = Path("/usr/share/postgresql/15")


def _redis(_: Workshop) -> Tree:
    tree = tools_tree()
    add_programs(tree, [find_program("redis-server"), find_program("redis-cli", "redis-tools")])
    return tree


def _postgres(workshop: Workshop) -> Tree:
    """Take the server at the paths that it has here, and a new cluster, which costs 2 s to make, as an archive."""
    if not (POSTGRES / "postgres").is_file():
        raise UnavailableError("PostgreSQL 15 is not installed (on Debian: apt-get install postgresql-15)")
    tree = tools_tree()
    add_programs(tree, [POSTGRES / "postgres", POSTGRES / "psql", find_program("id")])
    libraries = POSTGRES.parent / "lib"
    wanted = ("plpgsql.so", "dict_snowball.so", "utf8_and_iso8859_1.so")
    add_folder(tree, libraries, is_wanted=lambda path: path.name in wanted)
    add_libraries(tree, [path for path in (libraries / name for name in wanted) if path.is_file()])
    add_folder(tree, SHARED, is_wanted=lambda path: path.name not in ("man", "extension"))
    tree.add_file("postgres/data.tar", _cluster(workshop))
    return tree


def _cluster(workshop: Workshop) -> Path:
    """Return the archive of a new cluster, from the user's cache: no two are alike, and the image is named by it."""
    version = re.sub(r"\W+", "-", run([str(POSTGRES / "postgres"), "--version"]).strip())
    kept = user_cache_path("memcap") / "truth-programs" / f"{version}.tar"
    if kept.is_file():
        return kept
    setpriv = find_program("setpriv", "util-linux")
    workshop.say("making a cluster of PostgreSQL")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "place").mkdir()
        shutil.chown(folder / "place", int(NOBODY), int(NOBODY))
        data = folder / "place" / "data"
        as_nobody = [str(setpriv), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        run(
            [
                "env",
                "TZ=GMT",
                *as_nobody,
                str(POSTGRES / "initdb"),
                "-D",
                str(data),
                "--wal-segsize=1",
                "-A",
                "trust",
                "--no-locale",
                "-N",
            ]
        )
        run(["tar", "-C", str(data.parent), "-cf", str(folder / "data.tar"), "data"])
        shutil.move(str(folder / "data.tar"), kept)
    return kept


REDIS = Recipe(name="redis", fill=_redis)
POSTGRES_15 = Recipe(name="postgres", fill=_postgres, user=f"{NOBODY}:{NOBODY}")


def _server(name: str, what: str, recipe: Recipe, *script: str, slope: bool = False) -> Program:
    return Program(name=name, what=what, recipe=recipe, argv=("sh", *script), slope=slope, env={"LC_ALL": "C"})


PROGRAMS = (
    _server("redis", "Redis with 150 000 keys", REDIS, "/programs/redis.sh", "150000"),
    _server("redis-save", "Redis with 100 000 keys, saved by a child", REDIS, "/programs/redis.sh", "100000", "save"),
    _server("postgres-single", "PostgreSQL, one backend", POSTGRES_15, "/programs/postgres-single.sh", slope=True),
    _server("postgres", "PostgreSQL with 4 clients", POSTGRES_15, "/programs/postgres-server.sh", slope=True),
)
