"""Programs in C: one way of using memory each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from truth.programs.host import bare_tree, find_program, run
from truth.programs.model import Program, Recipe, Workshop

from memcap.images.archive import Tree

SOURCES = Path(__file__).parent / "inside" / "c"


def _fill(_: Workshop) -> Tree:
    """Compile them into one static program: then the image has nothing else in it."""
    compiler = find_program("gcc")
    tree = bare_tree()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "programs")
        sources = sorted(path.name for path in SOURCES.glob("*.c"))
        run([str(compiler), "-O1", "-static", "-pthread", "-o", str(target), *sources], cwd=SOURCES)
        tree.add_file("programs", target.read_bytes(), executable=True)
    return tree


RECIPE = Recipe(name="c", fill=_fill)


def _program(call: str, what: str, *, slope: bool = False, patchy: bool = False, elsewhere: bool = False) -> Program:
    name, argv = f"c-{call.partition(' ')[0]}", ("/programs", *call.split())
    return Program(name=name, what=what, recipe=RECIPE, argv=argv, slope=slope, patchy=patchy, elsewhere=elsewhere)


PROGRAMS = (
    _program("blocks 24", "24 MiB of small blocks by malloc"),
    _program("holes 32 4", "32 MiB of blocks, every other freed, then 4 MiB"),
    _program("untouched 24 512", "calloc of 512 MiB, 24 touched"),
    _program("growing 32", "realloc doubles to 32 MiB"),
    _program("copying 32", "malloc, copy, free doubles to 32 MiB"),
    _program("spike 32 1000", "32 MiB for 1 ms"),
    _program("creeping 28", "28 MiB in steps of 256 KiB (m9)", elsewhere=True),
    _program("lazily-freed 32 32", "32 MiB, MADV_FREE, 32 MiB anew (m6)", elsewhere=True),
    _program("given-back 24 24", "24 MiB, MADV_DONTNEED, 24 MiB anew"),
    _program("locked 7 20", "7 MiB locked, 20 not"),
    _program("sparse 14", "14 MiB of pages, each with its page of page table", elsewhere=True),
    _program(
        "huge 64 24",
        "1 byte in each 2 MiB of 64 MiB, huge pages asked for, 24 MiB besides (m14)",
        patchy=True,
        elsewhere=True,
    ),
    _program("stack 7 20", "7 MiB of stack"),
    _program("replaced 40 24", "40 MiB, then exec of a program of 24 MiB"),
    _program("temporary 8 24", "8 MiB into a temporary file, 24 MiB of memory (m1)", elsewhere=True),
    _program("cache-then-spike 20 24", "20 MiB of page cache, then 24 MiB for 0.1 ms (m3)", elsewhere=True),
    _program("read-again 16 24", "a file of 16 MiB read again and again, 24 MiB of memory", slope=True),
    _program("mapped-shared 16 20", "16 MiB of a file written through a shared map, 20 MiB of memory", slope=True),
    _program("mapped-private 16 10", "16 MiB of a file written through a private map, 10 MiB of memory"),
    _program("locked-file 7 20", "7 MiB of a file locked, 20 MiB of memory", elsewhere=True),
    _program("spliced 24 4", "24 MiB of a file in pipes by splice (m5)", elsewhere=True),
    _program("piped 20 6", "20 MiB of bytes in pipes", elsewhere=True),
    _program("empty-files 24 20000", "20 000 empty files, 24 MiB of memory (m7)", elsewhere=True),
    _program("missing-files 24 50000", "50 000 names that do not exist, 24 MiB of memory"),
    _program("tmpfs 24 4", "24 MiB in /dev/shm", elsewhere=True),
    _program("tmpfs-deleted 12", "12 MiB in /dev/shm twice, the first deleted and open"),
    _program("memory-file 24 16", "24 MiB by memfd_create, half punched out, then 16 MiB"),
    _program("system-v 24", "24 MiB of System V shared memory"),
    _program("copied 16", "16 MiB, all of it written to in a child (copy on write)"),
    _program("shared 24", "24 MiB, read in a child"),
    _program("at-once 3 10", "10 children with 3 MiB each at once"),
    _program("in-turn 24 6", "6 children with 24 MiB each in turn"),
    _program("idle 8 300", "300 idle children, 8 MiB of memory (m15)", elsewhere=True),
    _program("ignored 24", "24 MiB in a child that nobody waits for (m8)"),
    _program("daemon 24", "24 MiB in a daemon"),
    _program("threads 24 64", "64 threads with heap and stack, 24 MiB in all"),
    _program("unix-sockets 12 8", "12 MiB in Unix sockets, 8 MiB of memory"),
    _program("tcp-sockets 24 8", "24 MiB in TCP connections, 8 MiB of memory (m4)", elsewhere=True),
    _program("descriptors 16 10000", "10 000 eventfds in an epoll, 16 MiB of memory"),
)
