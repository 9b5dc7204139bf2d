"""What all commands share: quick help, unknown names, and errors as messages with exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from memcap import cli as memcap_cli
from memcap.cli import _COMMANDS, cli
from memcap.errors import UsageError

HEAVY = ("docker", "pyperf", "pydantic", "rich", "requests", "tabulate", "psutil")


def memcap(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memcap", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.mark.allow_processes
def test_help_imports_nothing_heavy() -> None:
    """Help must come at once; the time is measured in tests/perf, what makes it slow is known."""
    code = (
        "import sys; from memcap.cli import cli\n"
        "try: cli.main(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    assert all(name in ended.stdout for name in _COMMANDS)


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_every_command_has_help_with_examples(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=f"memcap {name}"))
    assert f"memcap {name}" in text
    if not isinstance(command, click.Group):
        assert "Examples:" in text


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_what_a_command_does_is_said_once(name: str) -> None:
    """Three texts of `memcap --help` had drifted from those of their commands."""
    source = Path(memcap_cli.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    of_command = re.search(rf'@click\.(command|group)\(\s*"{name}"[^@]*?\)\n', source)
    assert of_command
    assert "short_help" not in of_command[0]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.short_help == _COMMANDS[name]


@pytest.mark.allow_processes
def test_misspelt_command_names_the_nearest() -> None:
    ended = memcap("mesure")
    assert ended.returncode == 2
    assert "Did you mean 'measure'?" in ended.stderr


@pytest.mark.allow_processes
def test_a_folder_without_a_project_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    ended = memcap("plan", cwd=tmp_path)
    assert ended.returncode == 10
    assert "limits.toml" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.allow_processes
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    ended = memcap("completion", shell)
    assert ended.returncode == 0
    assert "_MEMCAP_COMPLETE" in ended.stdout


@pytest.mark.allow_processes
def test_version() -> None:
    assert memcap("--version").stdout.startswith("memcap, version ")


@pytest.mark.allow_processes
def test_a_name_that_no_file_can_have_is_no_bug() -> None:
    refused = memcap("run", "--resume", f"{'x' * 300}.json")
    assert refused.returncode == UsageError.exit_code
    assert refused.stderr.startswith("memcap: the name of a file is too long: xxx")
    assert "Traceback" not in refused.stderr


@pytest.mark.allow_processes
def test_a_console_without_unicode_gets_no_traceback(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['memcap', 'plan', '\\u2615']; from memcap.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 12
    assert "Traceback" not in ended.stderr
    assert "there is no suite" in ended.stderr
