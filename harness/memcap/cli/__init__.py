"""The command line: one file per command; this one finds them late and turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import stat
import sys
import threading
from gc import set_threshold  # `memcap.cli.gc` is a command
from typing import Final, NoReturn

import click

from memcap import __version__
from memcap.cli.output import echo, show_bug, show_error
from memcap.errors import Interrupted, MemcapError, UsageError

_LEAST_LIKENESS: Final = 0.75  # of a mistyped option and the one that is suggested
_OF_DOCKER: Final = {"--memory": "--cap"}  # options of `docker run` that have another name here

# Name -> what it does: the only place that says it in a line, so that `memcap --help` imports no command.
_COMMANDS = {
    "init": "Write limits.toml and a first benchmark for a repository.",
    "run": "Measure the cells of a profile, and check them against the baselines.",
    "plan": "Print the cells that a run would measure.",
    "check": "Judge a result against the committed baselines.",
    "merge": "Merge the results of shards, and judge them as one.",
    "report": "Render a result as HTML, Markdown, JUnit XML, CSV and others.",
    "compare": "Compare two images, or two results.",
    "baseline": "Accept baselines, show them and their history, remove unused ones.",
    "measure": "Measure any command in any image.",
    "fit": "Find the smallest cap that a workload can live with.",
    "soak": "Run a workload for minutes up to days, and say whether it leaks.",
    "repro": "Make the OOM kill happen, and show who did it.",
    "profile": "Say which lines allocate, inside the container.",
    "diff": "Say what changed between two profiles, by line.",
    "images": "Build, list, keep or remove the images that workloads run in.",
    "selftest": "Measure the false-alarm rate of the gate on this machine.",
    "doctor": "Say whether this machine can measure, and what to fix.",
    "gc": "Remove what earlier runs left on the daemon.",
    "completion": "Print the shell completion script.",
}

_SILENCE_SECONDS = 10.0
# A large result is two million objects, each of which every full collection looks at. There are next to no cycles.
COLLECT_RARELY: Final = (50_000, 20, 20)

EPILOG = """\b
Examples:
  memcap measure python:3.12-slim --cap 128m -- python -c 'print("hello")'
  memcap run --profile quick
  memcap run agents --image py312 --cap 128m
  memcap check                                 the newest run
  memcap compare --base py310 --against py312
  memcap doctor

Exit codes: 0 as expected, 100 leak, 99 regression, 98 budget broken,
97 unexpected ending, 96 workload failed, 95 infrastructure, 94 not judged,
2 usage, 10-26 bad input, image or daemon, 27 time is up.
"""


class LateGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"memcap.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        command.short_help = _COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=LateGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="memcap")
def cli() -> None:
    """Measure the memory of Python in containers: peak, OOM kills, and whether your change made it worse."""


def main() -> None:
    """Run the command line; the only place that turns an error into an exit code."""
    set_threshold(*COLLECT_RARELY)
    signal.signal(signal.SIGTERM, _as_interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` ignores it
        signal.signal(signal.SIGHUP, _as_hangup)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a character gets its code, not a traceback
            stream.reconfigure(errors="backslashreplace")
    ended = threading.Event()
    threading.Thread(target=_break_silence, args=(ended,), daemon=True).start()
    try:
        cli.main(standalone_mode=False)
    except (click.ClickException, MemcapError) as error:
        show_error(with_nearest(error) if isinstance(error, click.NoSuchOption) else error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        echo("memcap: stopped by the user", err=True)
        sys.exit(Interrupted.exit_code)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # what its text quotes is as foreign as any
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            show_error(UsageError(f"the name of a file is too long: {error.filename}", remedy="Use a shorter one."))
            sys.exit(UsageError.exit_code)
        show_bug(error)
        sys.exit(MemcapError.exit_code)
    finally:
        ended.set()


def _break_silence(ended: threading.Event) -> None:
    """Say what is going on whenever nothing was said for a while, until the command has ended."""
    if ended.wait(_SILENCE_SECONDS):  # which quick commands do, without the import
        return
    from memcap.cli.progress import HEARTBEAT

    HEARTBEAT.run(ended, silence_seconds=_SILENCE_SECONDS)


def with_nearest(error: click.NoSuchOption) -> click.NoSuchOption:
    """Return ``error`` with the option that may have been meant; click's share little more than the dashes with it."""
    from difflib import get_close_matches

    known = [option for each in (error.ctx.command.params if error.ctx else ()) for option in each.opts]
    meant = _OF_DOCKER.get(error.option_name)
    near = get_close_matches(error.option_name, known, n=1, cutoff=_LEAST_LIKENESS)
    return click.NoSuchOption(error.option_name, possibilities=[meant] if meant in known else near, ctx=error.ctx)


def _as_interrupt(*_: object) -> NoReturn:
    """Let `kill` and CI's cancelling clean up as Ctrl-C does."""
    raise KeyboardInterrupt


def _as_hangup(*_: object) -> NoReturn:
    """Clean up as well when the terminal is closed, to which nothing can be written then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.dup2(nowhere, descriptor)
    raise KeyboardInterrupt
