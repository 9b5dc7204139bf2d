"""``memcap init``: start a project in a repository."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from memcap.cli.output import echo
from memcap.cli.quantities import EXISTING_FILE, EXISTING_FOLDER
from memcap.errors import BuildError, MemcapError, UsageError
from memcap.untrusted import printable

_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", re.ASCII)

if TYPE_CHECKING:
    from memcap.init import Choice, ChosenLock, PlannedFile, Repository


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=EXISTING_FOLDER)
@click.option("-i", "--image", "reference", metavar="REFERENCE", help="Measure in this image, such as shop/prod:1.0.")
@click.option(
    "--dockerfile",
    type=EXISTING_FILE,
    help="Measure in the image that this Dockerfile builds.",
)
@click.option(
    "--ci",
    "service",
    type=click.Choice(["github", "gitlab", "none"]),
    help="Write the files of this CI service; by default of the one that the repository has.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be written.")
def command(
    directory: Path, reference: str | None, dockerfile: Path | None, service: str | None, dry_run: bool
) -> None:
    """Write what `memcap run` needs in a repository: limits.toml, an image, a benchmark that runs, CI, .gitignore.

    What there is decides: a Dockerfile, requires-python, the FastAPI, Flask, Django or Celery application, a command,
    the package. Without an image of your own, the package is measured in images of two Pythons, with its dependencies
    pinned in memcap-requirements.txt, unless uv.lock, poetry.lock or pylock.toml pins them.

    Nothing is asked, run or replaced: files that are there stay as they are, and a second `memcap init` writes what is
    missing since. In a folder of a larger repository, the files of CI go to the repository's top.

    \b
    Examples:
      memcap init
      memcap init --image shop/prod:1.0
      memcap init --dockerfile docker/Dockerfile.prod --ci github
      memcap init services/api --dry-run
    """
    from memcap.init import Wishes, choose, look, plan_files

    if reference is not None and dockerfile is not None:
        raise UsageError("--image cannot be combined with --dockerfile", remedy="Leave one of them out.")
    if reference is not None and not _REFERENCE.fullmatch(reference):
        raise UsageError(f"{reference!r} is not the reference of an image", remedy="Write one such as shop/prod:1.0.")
    repository = look(directory)
    wishes = Wishes(
        reference=reference,
        dockerfile=_inside(dockerfile, repository.root) if dockerfile is not None else None,
        service=service,
        running_python=".".join(platform.python_version_tuple()[:2]),
    )
    choice = choose(repository, wishes)
    files = plan_files(repository, choice)
    _show_choice(repository, choice)
    if dry_run:
        _show_files(repository, files, choice.lock)
        _show_for_setuptools(repository)
        return
    written = _write(files, repository) + _write_lock(choice.lock, repository)
    _show_next(repository, choice, files, written)


def _inside(dockerfile: Path, root: Path) -> str:
    """Return the path of a Dockerfile from the project. Raises UsageError for one that is elsewhere."""
    path = dockerfile.resolve()
    if not path.is_relative_to(root):
        raise UsageError(
            f"{dockerfile} is not in {root}", remedy="Start the project in a folder that the Dockerfile is in."
        )
    return path.relative_to(root).as_posix()


def _show_choice(repository: Repository, choice: Choice) -> None:
    echo(printable(f"{repository.root}:"))
    width = max(len(what) for what, _, _ in choice.reasons)
    for what, chosen, why in choice.reasons:
        echo(printable(f"  {what:<{width}}  {chosen} ({why})"))
    if repository.project is not None:
        echo("limits.toml is there and stays as it is; only what is missing is written.")
    echo("")


def _show_files(repository: Repository, files: tuple[PlannedFile, ...], lock: ChosenLock | None) -> None:
    from memcap.config.project import LOCK_FILE

    for file in files:
        verb = "would append to" if file.appends and file.path.exists() else "would write"
        echo(printable(f"{verb} {_shown(file.path, repository)}:"))
        for line in file.text.splitlines():
            echo(printable(f"  | {line}"))
    if lock is not None:
        echo(f"would write {LOCK_FILE} with the dependencies on Python {' and '.join(lock.pythons)}, if there are any")
    if not files and lock is None:
        echo("There is nothing to write.")


def _write(files: tuple[PlannedFile, ...], repository: Repository) -> list[Path]:
    for file in files:
        if not file.path.resolve().is_relative_to(repository.top.resolve()):
            raise MemcapError(
                f"{_shown(file.path, repository)} leads out of the repository, to {file.path.resolve()}",
                remedy="Remove that link, and run `memcap init` again. Nothing was written.",
            )
    for file in files:
        try:
            was_there = file.path.exists()
            file.path.parent.mkdir(parents=True, exist_ok=True)
            with file.path.open("a" if file.appends else "x", encoding="utf-8", newline="\n") as stream:
                stream.write(file.text)
        except OSError as error:
            raise MemcapError(
                f"could not write {file.path}: {error}", remedy="Fix that, and run `memcap init` again."
            ) from error
        echo(printable(f"{'added to' if was_there else 'wrote'} {_shown(file.path, repository)}"))
    return [file.path for file in files]


def _write_lock(lock: ChosenLock | None, repository: Repository) -> list[Path]:
    """Pin the dependencies; without a network that is for another time."""
    from memcap.config.project import LOCK_FILE
    from memcap.images.locking import lock_dependencies
    from memcap.init import LOCK_HEADER
    from memcap.model import Package

    if lock is None:
        return []
    echo(f"pinning the dependencies on Python {' and '.join(lock.pythons)} …", err=True)
    try:
        package = Package(path=lock.package, project=repository.root)
        lines = lock_dependencies(package, lock.requirements, lock.pythons, say=lambda _: None)
    except BuildError as error:
        echo(printable(f"The dependencies are not pinned yet: {error}"), err=True)
        echo(f"Then run `memcap init` again, or write {LOCK_FILE} yourself.", err=True)
        return []
    if not lines:
        return []
    path = repository.root / LOCK_FILE
    path.write_text(LOCK_HEADER + lines, encoding="utf-8", newline="\n")
    echo(f"wrote {LOCK_FILE}")
    return [path]


def _show_next(repository: Repository, choice: Choice, files: tuple[PlannedFile, ...], written: list[Path]) -> None:
    from memcap.init import limits_additions, services_in_the_way
    from memcap.store import ignored_files

    if not written:
        echo("There is nothing to write: the project is complete.")
    elsewhere = [file.path for file in files if not file.path.is_relative_to(repository.root)]
    if elsewhere:
        echo("")
        echo(printable(f"{repository.top} is the top of the repository, so the files of CI are there."))
    for path in services_in_the_way(repository, choice):
        where = f" in {repository.folder}" if repository.folder else ""
        echo(printable(f"\n{path} is there and stays as it is, but it does not run memcap{where}: no CI does yet."))
        echo("Rename it and run `memcap init` again, or add a job of your own (docs/ci.md of memcap).")
    if repository.shares_results and repository.root / ".gitignore" in written:
        echo("\nresults/ has files of yours, which stay in git: only what memcap writes there is ignored.")
    included = next((path for path in written if path.parent.name == ".gitlab"), None)
    if included is not None and repository.top / ".gitlab-ci.yml" not in written:
        line = f"include: [{{local: /{included.relative_to(repository.top).as_posix()}}}]"
        echo("\nAdd to .gitlab-ci.yml:")
        echo(printable(f"  {line}"))
    if additions := limits_additions(repository, choice):
        echo("\nAdd to limits.toml:")
        echo("\n".join(f"  {line}" for line in additions.splitlines()))
    _show_for_setuptools(repository)
    if ignored := ignored_files(repository.root, written):
        echo("\ngit ignores these files, so they would be in no commit; `git check-ignore -v FILE` says why:")
        echo("\n".join(printable(f"  {_shown(path, repository)}") for path in ignored))
    if written:
        echo("\nNext:")
        echo("  memcap run --accept   measures the benchmark, and makes it the baseline")
        echo("  git add -A            and commit; from then on `memcap run` judges what changes")


def _show_for_setuptools(repository: Repository) -> None:
    addition = repository.for_setuptools
    if addition is not None:
        echo(
            f"\nAdd to {addition.file}, or `pip install .` of your package fails: setuptools finds packages by itself"
            "\nand takes suites/, images/ and results/ for some (memcap's own builds leave them out):"
        )
        echo("\n".join(printable(f"  {line}").rstrip() for line in addition.lines.splitlines()))


def _shown(path: Path, repository: Repository) -> str:
    return (path.relative_to(repository.root) if path.is_relative_to(repository.root) else path).as_posix()
