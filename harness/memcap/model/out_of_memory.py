"""What programs print when they are refused memory, by runtime, and what to do about each."""

from __future__ import annotations

import re
from dataclasses import dataclass

REFUSED = (
    "The program was refused memory, but the kernel killed nothing at the cap: look for a limit of the program's own "
    "(ulimit, a setting) or a request that is too large. A higher cap helps only if the program sizes itself by it."
)
_REQUEST = "Ask for less at once: a single request of this size was refused, whatever the cap is."
_HEAP = "Java's own heap limit was reached: set -Xmx or -XX:MaxRAMPercentage, below the cap."
_RUNTIME = "The system refused a request: look for a limit of address space (ulimit -v) or a size that is too large."


@dataclass(frozen=True, kw_only=True)
class OutOfMemoryMessage:
    """One way in which a runtime says that it is out of memory; ``pattern`` matches from a line's beginning.

    After a ``fatal`` one nothing but the dump of a crash follows, which may be long. Any other counts only as the last
    words of a program, since it may have been handled.
    """

    pattern: re.Pattern[str]
    remedy: str
    fatal: bool = False


def _message(pattern: str, remedy: str = REFUSED, *, fatal: bool = False) -> OutOfMemoryMessage:
    return OutOfMemoryMessage(pattern=re.compile(pattern), remedy=remedy, fatal=fatal)


_JAVA = r'(?:Exception in thread "[^"]*" |Caused by: |Terminating due to |Aborting due to |# *)?java\.lang\.'

_NOT_A_DEVICE = r"(?!.*(?:CUDA|cuda|HIP|GPU|MPS))"  # the memory of a graphics card is no memory of the container

# The first that matches counts: a special case comes before what it is a case of.
MESSAGES = (
    _message(r"(?:[\w.]+\.)?_?(?:Array)?MemoryError: Unable to allocate \S", _REQUEST),
    _message(r"(?:[\w.]+\.)?ArrowMemoryError: \w+ of size \d+ failed", _REQUEST),
    _message(r"(?:[\w.]+\.)?(?:MemoryError|_ArrayMemoryError|ArrowMemoryError)(?::|$)"),
    _message(
        r"(?:(?:[\w.]*duckdb[\w.]*\.)?OutOfMemoryException: )?Out of Memory Error: "
        r"|[\w.]*duckdb[\w.]*\.OutOfMemoryException(?::|$)",
        "DuckDB's own memory_limit was reached: raise it, below the cap, or let it spill (temp_directory).",
    ),
    _message(r".*DefaultCPUAllocator: (?:can't allocate|not enough) memory", _REQUEST),
    _message(
        r"FATAL ERROR: .*(?:JavaScript heap out of memory|Reached heap limit|Allocation failed)"
        r"|(?:# )?Fatal (?:process|JavaScript) out of memory:|.*\bERR_WORKER_OUT_OF_MEMORY\b",
        "The heap limit of Node.js itself was reached: raise --max-old-space-size (NODE_OPTIONS), below the cap.",
        fatal=True,
    ),
    _message(r"(?:Uncaught )?RangeError: Array buffer allocation failed", _REQUEST, fatal=True),
    _message(
        _JAVA + r"OutOfMemoryError: (?:Metaspace|Compressed class space)",
        "Java's own limit of class metadata was reached: raise -XX:MaxMetaspaceSize, below the cap.",
        fatal=True,
    ),
    _message(
        _JAVA + r"OutOfMemoryError: (?:Direct buffer memory|Cannot reserve \d+ bytes of direct buffer memory)",
        "Java's own limit of direct buffers was reached: raise -XX:MaxDirectMemorySize, below the cap.",
        fatal=True,
    ),
    _message(
        _JAVA + r"OutOfMemoryError: [Uu]nable to create (?:new )?native thread",
        "The system allowed no more threads: start fewer, or raise the limit of processes (`container.pids`, ulimit).",
        fatal=True,
    ),
    _message(_JAVA + r"OutOfMemoryError: Requested array size exceeds VM limit", _REQUEST, fatal=True),
    _message(_JAVA + r"OutOfMemoryError(?::|$)", _HEAP, fatal=True),
    _message(r"(?:# )?There is insufficient memory for the Java Runtime Environment to continue", fatal=True),
    _message(r"(?:Error: )?Could not reserve enough space for \S+ object heap", _HEAP, fatal=True),
    _message(
        r"(?:fatal error: )?runtime: (?:out of memory|cannot allocate memory)|fatal error: out of memory$",
        _RUNTIME,
        fatal=True,
    ),
    _message(r"memory allocation of \d+ bytes failed", _RUNTIME, fatal=True),
    _message(
        r"terminate called after throwing an instance of '[\w:]*\bbad_alloc'"
        r"|libc\+\+abi: terminating (?:due to|with) uncaught exception of type [\w:]*\bbad_alloc",
        _RUNTIME,
        fatal=True,
    ),
    _message(
        r"(?:PHP )?Fatal error: +(?:Allowed memory size of \d+ bytes exhausted|Out of memory \()",
        "PHP's own memory_limit was reached: raise it, below the cap.",
        fatal=True,
    ),
    _message(r".*failed to allocate memory \(NoMemoryError\)|\[FATAL\] failed to allocate memory", fatal=True),
    _message(r"(?:Unhandled exception\. )?System\.OutOfMemoryException(?::|$)", fatal=True),
    _message(r"Error(?: in .*)?: cannot allocate vector of size ", _REQUEST, fatal=True),  # R
    # PostgreSQL, Perl and .NET, and system tools such as `bash: fork: Cannot allocate memory`.
    _message(r"(?:\S.* )?(?:ERROR|FATAL|PANIC): +out of memory$"),
    _message(r"Out of memory(?:!$|\.$| in perl:)"),
    _message(_NOT_A_DEVICE + r"(?:.*[:\]] )?Cannot allocate memory(?:$|[:,(]| \()"),
    _message(
        _NOT_A_DEVICE + r"(?!\S*(?:Error|Exception|Warning): )(?:[\w./+-]+: (?:[^:]+: )*)?"
        r"(?:x\w*alloc: cannot allocate \d+ bytes|(?:virtual )?memory exhausted$"
        r"|[Oo]ut of memory(?:$|, malloc failed| allocating \d+ bytes))"
    ),
)


def find_message(line: str) -> OutOfMemoryMessage | None:
    """Return the message that ``line`` is, if it says that its program is out of memory."""
    return next((message for message in MESSAGES if message.pattern.match(line)), None)
