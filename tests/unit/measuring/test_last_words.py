"""What a program said before it ended: which words name a cause, and which only begin alike."""

from __future__ import annotations

import pytest

from memcap.measuring.last_words import last_words
from memcap.model import PythonRun
from memcap.probe.report import Failure, WorkloadJournal

COMMAND = WorkloadJournal()
STARTED = PythonRun(implementation="cpython", version="3.12.7", flags={})
TRACEBACK = 'Traceback (most recent call last):\n  File "app.py", line 3, in <module>\n    work()\n'
CHAINED = "\nThe above exception was the direct cause of the following exception:\n\n"
HANDLING = "\nDuring handling of the above exception, another exception occurred:\n\n"
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "app.py", line 9, in <module>
  |     raise ExceptionGroup("many", errors)
  | ExceptionGroup: many (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "app.py", line 3, in work
    |     raise %s
    | %s
    +---------------- 2 ----------------
    | ValueError: x
    +------------------------------------
"""
TORCH = (
    "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
)
DATA_LOADER = (
    "RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that dataloader's "
    "workers are out of shared memory."
)
NODE = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"
NODE_GC = "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory"
JAVA = 'Exception in thread "main" java.lang.'
NODE_DUMP = "\n----- Native stack trace -----\n" + "".join(f" {n}: 0xaaaa node::Abort() [node]\n" for n in range(60))


def function_that_raised(kind: str, message: str) -> WorkloadJournal:
    return WorkloadJournal(start=STARTED, raised=Failure(type=kind, message=message))


@pytest.mark.parametrize(
    "line",
    [
        "MemoryError",
        "MemoryError: too much",
        "builtins.MemoryError: too much",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 512 TiB for an array with shape (9,)",
        "numpy.core._exceptions.MemoryError: Unable to allocate 8 TiB",
        "pyarrow.lib.ArrowMemoryError: malloc of size 1125899906842624 failed",
        "OSError: [Errno 12] Cannot allocate memory",
        "OSError: [Errno 12] Cannot allocate memory: '/dev/zero'",
        "duckdb.duckdb.OutOfMemoryException: Out of Memory Error: failed to allocate data of size 16.0 MiB",
        "_duckdb.OutOfMemoryException: Out of Memory Error: could not allocate block",
        TORCH,
        "RuntimeError: unable to mmap 800 bytes from file </torch_1>: Cannot allocate memory (12)",
        "bash: fork: Cannot allocate memory",
        "bash: xrealloc: cannot allocate 97857536 bytes",
        "sort: memory exhausted",
        "cc1plus: out of memory allocating 65536 bytes after a total of 1 bytes",
        "fatal: Out of memory, malloc failed (tried to allocate 524288001 bytes)",
        "virtual memory exhausted: Cannot allocate memory",
        "Out of memory!",
    ],
)
def test_out_of_memory_by_its_last_line(line: str) -> None:
    assert last_words(COMMAND, "", f"{TRACEBACK}{line}\n").out_of_memory == line
    assert last_words(COMMAND, f"{line}\n", "").out_of_memory == line, "standard output, where there is no other"


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("<--- Last few GCs --->\n", NODE, NODE_DUMP),
        ("", NODE_GC, NODE_DUMP),
        ("", f"{JAVA}OutOfMemoryError: Java heap space", "\tat java.util.ArrayList.grow(ArrayList.java:237)\n" * 90),
        (f"{JAVA}RuntimeException\n", "Caused by: java.lang.OutOfMemoryError", "\t... 1 more"),
        ("#\n", "# There is insufficient memory for the Java Runtime Environment to continue.", "# Native memory\n"),
        ("Error occurred\n", "Could not reserve enough space for 1048576KB object heap", ""),
        ("", "fatal error: runtime: out of memory", "\nruntime stack:\nruntime.throw()\n" + "goroutine 1:\n" * 200),
        ("", "runtime: cannot allocate memory", "fatal error\n"),
        ("", "fatal error: out of memory", "goroutine 1 [running]:\n"),
        ("", "memory allocation of 1099511627776 bytes failed", ""),
        ("", "terminate called after throwing an instance of 'std::bad_alloc'", "  what():  std::bad_alloc\n"),
        ("psql:x.sql:1: ", "ERROR:  out of memory", 'DETAIL:  Failed on request of size 1 in memory context "E".\n'),
        ("a.rb:1:in 'String#*': ", "failed to allocate memory (NoMemoryError)", "\tfrom a.rb:1:in '<main>'\n"),
        ("", "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)", ""),
        ("", "Unhandled exception. System.OutOfMemoryException: Exception of type", "   at Program.Main()\n"),
        ("", "Error: cannot allocate vector of size 74505.8 Gb", "Execution halted\n"),
    ],
)
def test_out_of_memory_with_a_dump_after_it(before: str, line: str, after: str) -> None:
    found = last_words(COMMAND, "", f"{before}{line}\n{after}").out_of_memory
    assert found is not None
    assert found.endswith(line)


@pytest.mark.parametrize(
    "output",
    [
        "MemoryError budget exceeded: quota of 3\n",
        f"{TRACEBACK}QuotaError: MemoryError budget exceeded\n",
        f"{TRACEBACK}MemoryErrors: 3\n",
        "MemoryError\nwas handled\n",
        f"{TRACEBACK}MemoryError\n" + "then it went on\n" * 20 + f"{TRACEBACK}ValueError: no such luck\n",
        "    raise MemoryError\n",
        "malloc(): invalid size (unsorted)\n",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.\n",
        "RuntimeError: CUDA error: out of memory\n",
        "ValueError: out of memory\n",
        "OSError: [Errno 12] inotify\n",
        "the java.lang.OutOfMemoryError was handled\n",
        "",
    ],
)
def test_what_only_begins_alike_is_not_out_of_memory(output: str) -> None:
    assert last_words(COMMAND, "", output).out_of_memory is None


@pytest.mark.parametrize("words", ["MemoryError", "OSError: [Errno 12] Cannot allocate memory"])
def test_the_cause_may_be_in_a_chain_or_in_a_group(words: str) -> None:
    for output in (
        f"{TRACEBACK}{words}\n{CHAINED}{TRACEBACK}RuntimeError: no rows\n",
        f"{TRACEBACK}{words}\n{HANDLING}{TRACEBACK}RuntimeError: no rows\nof two lines\n",
        GROUP % (words.partition(":")[0], words),
        f"{TRACEBACK}RuntimeError: Caught in worker 0.\nOriginal {TRACEBACK}{words}\n",
        f'pool._RemoteTraceback: \n"""\n{TRACEBACK}{words}\n"""\n{CHAINED}{TRACEBACK}RuntimeError: no\n',
    ):
        assert last_words(COMMAND, "", output).out_of_memory == words, output


def test_of_a_function_its_exception_and_what_led_to_that_count() -> None:
    raised = function_that_raised("RuntimeError", "no rows")
    own = f"{TRACEBACK}MemoryError\n{CHAINED}{TRACEBACK}RuntimeError: no rows\n"
    assert last_words(raised, "", own).out_of_memory == "MemoryError"
    assert last_words(raised, "", "RuntimeError: no rows\nMemoryError\n").out_of_memory is None
    assert last_words(raised, "", f"{TRACEBACK}MemoryError\n").out_of_memory is None, "another's traceback"
    numpy = "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 TiB"
    noted = function_that_raised("MemoryError", "")
    assert last_words(noted, "", f"{TRACEBACK}{numpy}\n").out_of_memory == numpy
    assert last_words(noted, "", "").out_of_memory == "MemoryError"


@pytest.mark.parametrize(
    "output",
    [
        f"{TRACEBACK}OSError: [Errno 28] No space left on device\n",
        f"{TRACEBACK}OSError: [Errno 28] No space left on device: '/dev/shm/x'\n",
        f"{TRACEBACK}OSError: [Errno 28] No space left on device\n{HANDLING}{TRACEBACK}RuntimeError: no\n",
        "cp: error writing '/tmp/x': No space left on device\n",
    ],
)
def test_storage_is_full(output: str) -> None:
    assert "No space left on device" in (last_words(COMMAND, "", output).storage_full or "")


@pytest.mark.parametrize(
    "output",
    [
        f"{TRACEBACK}OSError: [Errno 28] inotify watch limit reached\n",
        "Error: ENOSPC: System limit for number of file watchers reached, watch '/x'\n",
        f"{TRACEBACK.replace('app.py', 'inotify_c.py')}OSError: [Errno 28] No space left on device\n",
        "OSError: [Errno 28] No space left on device\nwas handled\n",
    ],
)
def test_what_has_no_space_may_be_no_storage(output: str) -> None:
    assert last_words(COMMAND, "", output).storage_full is None


@pytest.mark.parametrize(
    "line",
    [
        "RuntimeError: worker died: -7",
        "subprocess.CalledProcessError: Command 'x' died with <Signals.SIGBUS: 7>.",
        DATA_LOADER,
        "RuntimeError: child ended with exit code 135",
    ],
)
def test_a_child_died_of_sigbus(line: str) -> None:
    assert last_words(COMMAND, "", f"{TRACEBACK}{line}\n").bus_error == line
    kind, _, message = line.partition(": ")
    assert last_words(function_that_raised(kind, message), "", "").bus_error == line


@pytest.mark.parametrize("line", ["IndexError: index -7", "ValueError: worker 1-7", "RuntimeError: worker died: -9"])
def test_a_seven_is_no_signal_everywhere(line: str) -> None:
    assert last_words(COMMAND, "", f"{TRACEBACK}{line}\n").bus_error is None


def test_a_long_line_keeps_the_beginning_that_names_the_cause() -> None:
    found = last_words(COMMAND, "", f"MemoryError: {'x' * 5000}\n").out_of_memory
    assert found is not None
    assert found.startswith("MemoryError: xxx")
    assert len(found) == 300
