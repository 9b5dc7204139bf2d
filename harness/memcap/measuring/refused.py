"""Say why a program could not be started, from what the supervisor found of it."""

from __future__ import annotations

import errno
import os

from memcap.model import ProgramFault
from memcap.probe.report import Report


def why_refused(report: Report, program: str) -> str:
    """Return why ``program`` could not be started; the kernel's words where the supervisor could not find out more."""
    place = "on this machine" if report.apart is None else "in the image"
    named, needs = repr(program), report.exec_needs or ""
    problem = next((each for each in ProgramFault if each.value == report.exec_problem), None)
    if problem is ProgramFault.MISSING:
        missing = "does not exist" if "/" in program else f"is not in PATH ({needs.replace(':', ', ')})"
        return f"{ProgramFault.MISSING.words} {place}: {named} {missing}"
    if problem in (ProgramFault.INTERPRETER, ProgramFault.LOADER):
        is_there = report.exec_errno != errno.ENOENT
        why = f"cannot be used ({_kernel_words(report)})" if is_there else f"is not {place}"
        return f"{named} {problem.words} {needs!r}, which {why}"
    if problem is ProgramFault.ARCHITECTURE:
        return f"{named} {problem.words}{f' ({needs})' if needs else ''}"
    if problem is not None:
        return f"{named} {problem.words}"
    return f"{program}: {_kernel_words(report)}"


def _kernel_words(report: Report) -> str:
    """Return Linux's words for the error number; this machine may not know it."""
    number = report.exec_errno or 0
    return os.strerror(number) if number in errno.errorcode else f"error {number}"
