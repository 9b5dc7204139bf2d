"""The same checks as in CI, each in an environment of its own: ``nox -l`` lists them."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False  # locally; in CI nox turns this on by itself
nox.options.sessions = ["lint", "types", "unit"]

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff>=0.8")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, then of everything around it."""
    session.install("--editable", ".[dev]")
    session.run("mypy")
    around = ("--explicit-package-bases", "--exclude", "/truth/", "ci", "tests", "noxfile.py")
    session.run("mypy", *around, env={"MYPYPATH": "tests"})


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Run the tests that need no Docker, on every supported Python."""
    session.install("--editable", ".[dev]")
    session.run("pytest", "tests/unit", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """Run the tests that need Docker; they fail without it."""
    session.install("--editable", ".[dev]")
    session.run("pytest", "tests/integration", *session.posargs, env={"MEMCAP_REQUIRE": "docker"})
