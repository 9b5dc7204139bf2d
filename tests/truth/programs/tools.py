"""Programs of a Debian system: those that are installed on this machine, with the libraries that they need."""

from __future__ import annotations

import os
from pathlib import Path

from truth.programs.host import add_folder, add_libraries, add_programs, bare_tree, find_program, run
from truth.programs.model import Program, Recipe, UnavailableError, Workshop

from memcap.images.archive import Tree

SHELL_SCRIPTS = Path(__file__).parent / "inside" / "shell"
USUAL = (
    "awk", "bash", "cat", "chmod", "gawk", "grep", "gzip", "head", "mawk", "mkdir", "perl", "rm", "seq", "sh",
    "sleep", "sort", "sqlite3", "tail", "tar", "test", "uniq", "wc", "xz", "zstd",
)  # fmt: skip
INPUT_LINES = 400_000
C_COMPILER = ("as", "gcc")


def tools_tree() -> Tree:
    """Return a small Debian: a shell, usual programs, the scripts, and a file of numbers to work on."""
    tree = bare_tree()
    add_programs(tree, [find_program(name) for name in USUAL])
    tree.add_link("bin", "usr/bin")
    lines = (f"{number * 2654435761 % 4294967296} line {number}\n" for number in range(INPUT_LINES))
    tree.add_file("input.txt", "".join(lines).encode())
    for script in sorted(SHELL_SCRIPTS.glob("*.sh")):
        tree.add_file(f"programs/{script.name}", script)
    add_folder(tree, Path("/usr/share/perl/5.36.0/unicore"))
    return tree


def _git(_: Workshop) -> Tree:
    tree = tools_tree()
    add_programs(tree, [find_program("git")])
    # All commands of it are the one program by other names; its children are started by the first.
    tree.add_link("usr/lib/git-core", "../bin")
    return tree


def _compiler(_: Workshop) -> Tree:
    tree = tools_tree()
    gcc = find_program("gcc")
    parts = [Path(run([str(gcc), f"-print-prog-name={part}"]).strip()) for part in ("cc1",)]
    add_programs(tree, [gcc, find_program("as", "binutils"), *parts])
    return tree


def _stress(_: Workshop) -> Tree:
    tree = bare_tree()
    add_programs(tree, [find_program("stress-ng")])
    return tree


def _language(name: str, *folders: str, package: str = "") -> Recipe:
    """Return the recipe of an interpreter with its libraries; the folders must be there."""

    def fill(_: Workshop) -> Tree:
        tree = bare_tree()
        add_programs(tree, [find_program(name, package)])
        for folder in map(Path, folders):
            if not folder.is_dir():
                raise UnavailableError(f"{folder} is not there")
            add_folder(tree, folder)
            add_libraries(tree, sorted(path for path in folder.rglob("*.so") if os.access(path, os.R_OK)))
        return tree

    return Recipe(name=name.replace(".", "-"), fill=fill)


TOOLS = Recipe(name="tools", fill=lambda _: tools_tree())
GIT = Recipe(name="git", fill=_git)
COMPILER = Recipe(name="compiler", fill=_compiler)
STRESS = Recipe(name="stress", fill=_stress)
LUA = _language("lua5.4")
PHP = _language("php", package="php-cli")
BUSYBOX = _language("busybox")


def _shell(name: str, what: str, command: str, *, slope: bool = False, recipe: Recipe = TOOLS) -> Program:
    argv = ("sh", "-c", command)
    return Program(name=name, what=what, recipe=recipe, argv=argv, slope=slope, env={"HOME": "/scratch", "LC_ALL": "C"})


def _direct(name: str, what: str, recipe: Recipe, *argv: str) -> Program:
    return Program(name=name, what=what, recipe=recipe, argv=argv, env={"HOME": "/scratch", "LC_ALL": "C"})


_BUSYBOX_SORT = "busybox seq 250000 -1 1 | busybox sort -n > out"
_LUA_TABLE = "t = {} for i = 1, 200000 do t[i] = 'name ' .. i end"
_PHP_ARRAY = "ini_set('memory_limit', -1); for ($i = 0; $i < 200000; $i++) $a[] = \"name $i\"; usleep(50000);"
_SQL = (
    "pragma temp_store = memory; create table t as with recursive n(i) as (select 1 union all select i + 1 from n "
    "limit 150000) select i, 'name ' || (i * 7919 % 150000) as name from n; "
    "create index i on t(name); select count(*) from t where name like 'name 1%';"
)

PROGRAMS = (
    _shell("sort", "sort of 9 MB in memory", "sort -S 64M --parallel=1 /input.txt | tail -c 1 > /dev/null"),
    _shell("sort-files", "sort of 9 MB with 8 MiB", "sort -S 8M --parallel=1 -T . /input.txt > out", slope=True),
    _shell("gawk", "gawk, an array of 200 000", "gawk 'NR <= 200000 {a[$1] = $0} END {print length(a)}' /input.txt"),
    _shell("mawk", "mawk, an array of 200 000", "mawk 'NR <= 200000 {a[$1] = $0} END {print length(a)}' /input.txt"),
    _shell("perl", "perl, a hash of 400 000", "perl -ne '$h{$_} = $.; END {print scalar %h}' /input.txt"),
    _shell("bash", "bash, an array of 50 000", "bash -c 'mapfile -n 100000 a < /input.txt; echo ${#a[@]}'"),
    _shell("xz", "xz -6 of 1.5 MB", "head -c 1500000 /input.txt | xz -6 -T1 -c > out.xz"),
    _shell("xz-threads", "xz -1, two threads", "head -c 2000000 /input.txt | xz -1 -T2 --block-size=1MiB > out.xz"),
    _shell("zstd", "zstd -9 and back", "zstd -9 -q --single-thread /input.txt -o out && zstd -dq out -o back"),
    _shell("sqlite3", "sqlite3, a table and its index in memory", f"sqlite3 :memory: \"{_SQL}\""),
    _shell("git", "git commit and repack of 9 MB", "sh /programs/git.sh", recipe=GIT),
    _shell("gcc", "gcc -O2 of 200 functions", "sh /programs/compile.sh", recipe=COMPILER),
    _direct("busybox-sort", "busybox sort", BUSYBOX, "busybox", "sh", "-c", _BUSYBOX_SORT),
    _direct("lua", "Lua, a table of strings", LUA, "lua5.4", "-e", _LUA_TABLE),
    _direct("php", "PHP, an array of strings", PHP, "php", "-n", "-r", _PHP_ARRAY),
    _direct(
        "stress-ng-vm", "stress-ng --vm", STRESS, "stress-ng", "-q", "--oomable", "--vm", "1", "--vm-bytes", "24M",
        "--vm-ops", "2000", "--vm-method", "zero-one",
    ),
    _direct(
        "stress-ng-bigheap", "stress-ng --bigheap", STRESS, "stress-ng", "-q", "--oomable", "--bigheap", "1",
        "--bigheap-growth", "64K", "--bigheap-ops", "500",
    ),
    _direct(
        "stress-ng-pthread", "stress-ng --pthread", STRESS, "stress-ng", "-q", "--oomable", "--pthread", "1",
        "--pthread-max", "100", "--pthread-ops", "500",
    ),
)  # fmt: skip
