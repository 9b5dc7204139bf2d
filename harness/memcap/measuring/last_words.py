"""What a program said before it ended: lines of its output that name the cause. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memcap.model import find_message
from memcap.probe.report import Failure, WorkloadJournal
from memcap.untrusted import cut

_CHARACTERS = 64 * 1024  # of each stream, enough for the dump of a crash
_LINES_AFTER = 10  # of a traceback's last exception: the other lines of its text, not a program that went on
_LONGEST_QUOTE = 300

_TRACEBACK = re.compile(r"[\s|+]*(?:\+ Exception Group )?Traceback \(most recent call last\):$")
_GROUP = re.compile(r"  \+ Exception Group Traceback ")
_CHAINED = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_IN_GROUP = re.compile(r"\s+\| (?=\S)")
_EXCEPTION = re.compile(r"(?:\w+\.)*_?[A-Z]\w*(?::|$)")
_OF_POSTGRES = re.compile(r"(?:DETAIL|HINT|CONTEXT|STATEMENT|LINE \d+): ")

_NO_SPACE = re.compile(r"No space left on device")
_OTHER_SPACE = re.compile(r"inotify|epoll|\bwatch(?:er|es|ers)?\b|sem(?:get|op)\b|shmget|msgget", re.IGNORECASE)
_FILE_TOO_LARGE = re.compile(r"\bFile too large\b|\bFile size limit exceeded\b|\bEFBIG\b|\bSIGXFSZ\b")
_SIGBUS = re.compile(
    r"\bbus error\b|\bSIGBUS\b|\bsignal:? 7\b"
    r"|\b(?:died|exit(?:ed)?|return(?:ed|code)?|status|code|worker|child|process|killed|terminated)\b.*"
    r"(?:(?<![\w.+-])-7\b(?![.\w])|\b135\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class LastWords:
    """Lines that may name the cause of an ending.

    ``final`` are the last line and the exceptions of the last traceback, nearest to the end first; ``context`` is that
    traceback with its frames; ``lines`` is all that is known of the output.
    """

    final: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def out_of_memory(self) -> str | None:
        """Return the line that says that the program was out of memory."""
        for line in self.final:
            if find_message(line):
                return _quoted(line)
        for line in self.lines:
            message = find_message(line)
            if message and message.fatal:
                return _quoted(line)
        return None

    @property
    def storage_full(self) -> str | None:
        """Return the line that says that a file system was full; other things than storage can have no space, too."""
        for line in self.final:
            if _NO_SPACE.search(line) and not any(_OTHER_SPACE.search(each) for each in (line, *self.context)):
                return _quoted(line)
        return None

    @property
    def file_too_large(self) -> str | None:
        """Return the line that says that a file would be larger than it may."""
        return next((_quoted(line) for line in self.final if _FILE_TOO_LARGE.search(line)), None)

    @property
    def bus_error(self) -> str | None:
        """Return the line that says that a process died of SIGBUS."""
        return next((_quoted(line) for line in self.final if _SIGBUS.search(line)), None)


def last_words(journal: WorkloadJournal, output: str, error_output: str) -> LastWords:
    """Return the last words of a workload: a function's are the exception that it raised, and what led to that.

    Of a command it is the end of its standard error, or of its standard output where there is no other.
    """
    streams = [text[-_CHARACTERS:] for text in (error_output, output) if text.strip()]
    lines = tuple(line for text in reversed(streams) for line in text.splitlines())
    own = streams[0].splitlines() if streams else []
    traceback = _last_traceback(own)
    exceptions = list(_exceptions(traceback))
    if journal.raised is not None:
        raised = f"{journal.raised.type}: {journal.raised.message}".removesuffix(": ")
        if not exceptions or not _is_of(exceptions[-1], journal.raised):  # somebody else's
            return LastWords(final=tuple(raised.splitlines()), lines=lines)
        final = (*reversed(exceptions), *raised.splitlines())
        return LastWords(final=final, context=tuple(traceback), lines=lines)
    if journal.start is not None:
        return LastWords(lines=lines)
    last = next((line.strip() for line in reversed(own) if line.strip() and not _OF_POSTGRES.match(line)), "")
    return LastWords(final=tuple(filter(None, (last, *reversed(exceptions)))), context=tuple(traceback), lines=lines)


def _last_traceback(lines: Sequence[str]) -> list[str]:
    """Return the last traceback with those that it is chained to; empty if the program went on after it."""
    start = _last(lines, len(lines), _TRACEBACK)
    if start is None:
        return []
    if lines[start].lstrip().startswith(("|", "+")):
        start = _last(lines, start + 1, _GROUP) or 0
    while _is_chained(lines, start):
        earlier = _last(lines, start, _TRACEBACK)
        if earlier is None:
            break
        start = earlier
    found = list(lines[start:])
    ends = [number for number, line in enumerate(found) if _is_exception(line)]
    return found if ends and len(found) - ends[-1] <= _LINES_AFTER + 1 else []


def _last(lines: Sequence[str], before: int, pattern: re.Pattern[str]) -> int | None:
    return next((number for number in range(before - 1, -1, -1) if pattern.match(lines[number])), None)


def _is_chained(lines: Sequence[str], start: int) -> bool:
    """Tell whether the nearest words before the line ``start`` chain its traceback to another."""
    before = next((lines[number].strip() for number in range(start - 1, -1, -1) if lines[number].strip()), "")
    return before in _CHAINED


def _is_exception(line: str) -> bool:
    return bool(_EXCEPTION.match(_IN_GROUP.sub("", line, count=1)))


def _exceptions(traceback: Sequence[str]) -> Iterator[str]:
    """Yield the lines that name exceptions: frames are indented, and the members of a group begin with a bar."""
    return (_IN_GROUP.sub("", line, count=1) for line in traceback if _is_exception(line))


def _is_of(line: str, raised: Failure) -> bool:
    """Tell whether the last line of a traceback is that of the exception that the function raised.

    The runner notes every MemoryError by that name alone, as it has no memory for more.
    """
    named = line.partition(":")[0].rpartition(".")[2]
    return raised.type in (named, "MemoryError")


def _quoted(line: str) -> str:
    """Return a line as it goes into a detail; its beginning names the cause."""
    return cut(line, _LONGEST_QUOTE)
