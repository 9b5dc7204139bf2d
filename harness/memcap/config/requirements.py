"""Check that a suite's requirements are locked: every line names one version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from memcap.errors import Problem

_PINNED: Final = re.compile(
    r"""
    [a-z0-9] (?: [a-z0-9._-]* [a-z0-9] )?        # name
    \s* (?: \[ [a-z0-9,._\s-]* \] )? \s*         # extras
    == \s* [a-z0-9] [a-z0-9.!+_-]* \s*           # one version, no wildcard
    (?: ; [^\#]+? )?                             # environment marker
    (?: \s+ --hash[=\ ] \S+ )* \s*               # hashes, as lock files have them
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")


def check_requirements(root: Path, file: Path) -> list[Problem]:
    """Return the lines of ``root / file`` that do not pin one version.

    An unpinned dependency would change figures from one build to the next.
    """
    try:
        lines = (root / file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(file=file, line=None, key="", message=f"cannot be read: {error}")]
    problems = []
    pending, first = "", 0
    for number, line in enumerate(lines, start=1):
        first = first if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        requirement, pending = _COMMENT.sub("", pending + line).strip(), ""
        if requirement and not _PINNED.fullmatch(requirement):
            message = f'{requirement!r} is not pinned; write "name==version" (markers may follow)'
            problems.append(Problem(file=file, line=first, key="", message=message))
    return problems
