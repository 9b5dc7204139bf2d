"""Programs with a runtime of their own: node and Java."""

from __future__ import annotations

import tempfile
from pathlib import Path

from truth.programs.host import add_folder, add_libraries, add_programs, bare_tree, find_program, run
from truth.programs.model import Program, Recipe, UnavailableError, Workshop

from memcap.images.archive import Tree

INSIDE = Path(__file__).parent / "inside"
NOT_OF_THE_JVM = frozenset({"jmods", "src.zip", "ct.sym", "man", "docs", "include", "legal"})
# Without these its heap and its threads follow the cap and the number of CPUs.
JVM_OPTIONS = (
    "-Xms40m",
    "-Xmx40m",
    "-XX:MaxDirectMemorySize=32m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:off",
)
NODE_OPTIONS = ("--max-old-space-size=200", "--max-semi-space-size=8", "--single-threaded-gc")


def _node(_: Workshop) -> Tree:
    tree = bare_tree()
    node = find_program("node", "nodejs")
    add_programs(tree, [node])
    tree.add_file("programs/programs.js", INSIDE / "node" / "programs.js")
    return tree


def _java(_: Workshop) -> Tree:
    """Take the whole runtime at the path that it has here, and the program compiled by its compiler."""
    java = find_program("java", "openjdk-17-jdk-headless").resolve()
    compiler = java.with_name("javac")
    if not compiler.is_file():
        raise UnavailableError("javac is not installed (on Debian: apt-get install openjdk-17-jdk-headless)")
    home = java.parent.parent
    tree = bare_tree()
    add_programs(tree, [java])
    for part in ("conf", "lib"):
        add_folder(tree, home / part, is_wanted=lambda path: path.name not in NOT_OF_THE_JVM)
    wanted = ("libjvm", "libjava", "libjimage", "libnio", "libnet", "libzip", "libjli")
    add_libraries(tree, [path for path in sorted((home / "lib").rglob("*.so")) if path.stem in wanted])
    tree.add_link("usr/bin/java", str(java))
    with tempfile.TemporaryDirectory() as folder:
        run([str(compiler), "-d", folder, str(INSIDE / "java" / "Programs.java")])
        for compiled in sorted(Path(folder).glob("*.class")):
            tree.add_file(f"programs/{compiled.name}", compiled.read_bytes())
    return tree


NODE = Recipe(name="node", fill=_node)
JAVA = Recipe(name="java", fill=_java)


def _in_node(name: str, what: str) -> Program:
    argv = ("node", *NODE_OPTIONS, "/programs/programs.js", name)
    return Program(name=f"node-{name}", what=what, recipe=NODE, argv=argv)


def _in_java(name: str, what: str, *options: str, call: str = "") -> Program:
    argv = ("java", *JVM_OPTIONS, *options, "-cp", "/programs", "Programs", call or name)
    return Program(name=f"java-{name}", what=what, recipe=JAVA, argv=argv)


PROGRAMS = (
    _in_node("buffers", "node, 24 buffers of 1 MiB"),
    _in_node("objects", "node, 300 000 objects"),
    _in_node("json", "node, JSON printed and parsed"),
    _in_node("workers", "node, three worker threads with 8 MiB each"),
    _in_java("heap", "Java, a HashMap on a heap of 40 MiB"),
    _in_java("direct", "Java, 24 direct buffers of 1 MiB"),
    _in_java("threads", "Java, 100 threads"),
    _in_java("pretouch", "Java, a heap touched at the start", "-XX:+AlwaysPreTouch", call="heap"),
)  # fmt: skip
