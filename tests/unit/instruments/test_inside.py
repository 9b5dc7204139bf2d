"""What goes into the container, run by this machine's Python: who is recorded, and that nothing else changes."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

INSIDE = Path(__file__).parents[3] / "harness" / "memcap" / "instruments" / "inside"
START = INSIDE / "start"

pytestmark = [
    pytest.mark.allow_processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="containers are Linux"),
]


def run(code: str, folder: Path, words: str, *search_path: Path) -> str:
    """Run ``code`` as a container would; return what it printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    environ |= {
        "PYTHONPATH": os.pathsep.join(map(str, (START, *search_path))),
        "MEMCAP_INSTRUMENT": words,
        "MEMCAP_ARTEFACTS": str(folder),
    }
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def rendered(folder: Path) -> dict[str, Any]:
    subprocess.run([sys.executable, INSIDE / "memcap_render.py", folder, "no-reports"], check=True, capture_output=True)
    found = json.loads((folder / "sites.json").read_text())
    assert isinstance(found, dict)
    return found


def imported(name: str) -> Any:
    """Return a file of the container as a module."""
    spec = importlib.util.spec_from_file_location(name, INSIDE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lines_that_tracemalloc_knows_get_function_and_text(tmp_path: Path) -> None:
    code = "def guilty():\n    return bytearray(8 << 20)\nkept = guilty()\n"
    run(code, tmp_path, "tracemalloc frames=4")
    found = rendered(tmp_path)

    (process,) = found["processes"]
    size, _, _, _, stack = process["sites"][0]
    assert size == pytest.approx(8 << 20, rel=0.001)
    assert [found["frames"][place][:3] for place in stack] == [["<string>", 2, "guilty"], ["<string>", 3, "<module>"]]
    assert found["sources"]["<string>:2"] == "return bytearray(8 << 20)"
    assert process["peak_bytes"] >= size
    assert process["command"][1:] == ["-c", code]


@pytest.mark.parametrize(("words", "recorded"), [("tracemalloc", 1), ("tracemalloc follow", 2)])
def test_children_are_recorded_if_asked_for(tmp_path: Path, words: str, recorded: int) -> None:
    code = (
        "import os, subprocess, sys\n"
        "print('PYTHONPATH' in os.environ, 'MEMCAP_INSTRUMENT' in os.environ)\n"
        "subprocess.run([sys.executable, '-c', 'pass'], check=True)\n"
    )
    printed = run(code, tmp_path, words)

    assert len(list(tmp_path.glob("process-*.txt"))) == recorded
    assert printed.split() == [str(recorded == 2)] * 2, "children inherit what leads to the instrument, or nothing"


def test_the_programs_own_sitecustomize_and_search_path_stay(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins\nbuiltins.mark = 'own'\n")
    folder = tmp_path / "artefacts"
    folder.mkdir()
    printed = run(
        "import sys; print(mark, sys.path, sys.modules['sitecustomize'].__file__)", folder, "tracemalloc", own
    )

    assert printed.startswith("own ")
    assert str(own / "sitecustomize.py") in printed
    assert str(INSIDE) not in printed


def test_a_tool_that_cannot_begin_leaves_the_program_alone_and_says_why(tmp_path: Path) -> None:
    assert run("print('done')", tmp_path, "tracemalloc frames=none") == "done\n"
    (path,) = tmp_path.glob("process-*.txt")

    assert ast.literal_eval(path.read_text())["error"].startswith("ValueError")


def test_without_its_words_nothing_begins(tmp_path: Path) -> None:
    run("pass", tmp_path, "")

    assert list(tmp_path.iterdir()) == []


FAKE_GREENLET = """\
import sys, types
greenlet = types.ModuleType("greenlet")
greenlet._greenlet = types.ModuleType("greenlet._greenlet")
greenlet._greenlet.settrace = lambda function: print("traced by", function.__name__)
sys.modules["greenlet"], sys.modules["greenlet._greenlet"] = greenlet, greenlet._greenlet
"""


def test_what_memray_says_when_greenlet_is_imported_is_not_said(tmp_path: Path) -> None:
    pytest.importorskip("memray")
    code = "import sys; sys.modules['memray']._memray.print_greenlet_warning(); print('rich' in sys.modules)"

    assert run(code, tmp_path, "memray") == "False\n"
    assert [path.name.partition("-")[0] for path in sorted(tmp_path.iterdir())] == ["capture", "process"]


@pytest.mark.parametrize("also", ["", "import rich, rich.progress\n"])
def test_attaching_to_a_program_that_has_greenlet(tmp_path: Path, also: str) -> None:
    pytest.importorskip("memray")
    code = FAKE_GREENLET + also + f"sys.path.insert(0, {str(INSIDE.parent / 'beside')!r})\n"
    code += f"sys.path.insert(0, {str(INSIDE)!r})\n"
    code += "import memcap_attach, memcap_instrument\n"
    code += "memcap_attach.instrument = lambda: memcap_instrument\n"
    code += f"memcap_attach.begin({str(tmp_path)!r}, 0.1)\n"

    printed = run(code, tmp_path, "")
    assert set(printed.splitlines()) == {"traced by greenlet_trace_function"}
    assert (tmp_path / "ended.txt").exists()


def test_a_stand_in_does_nothing_whatever_is_asked_of_it() -> None:
    module = imported("memcap_instrument")
    rich = module.stand_in("rich.progress")

    assert rich.TypedDict is typing.TypedDict
    with rich.Progress(rich.SpinnerColumn(), *rich.Progress.get_default_columns()) as progress:
        progress.update(progress.add_task("reading"), completed=1)
    assert not hasattr(rich, "__wrapped__")


EXEC = """\
import os, sys
if sys.argv[1:] == ["again"]:
    print("again", "MEMCAP_INSTRUMENT" in os.environ, os.environ.get("PYTHONPATH"))
    sys.exit()
if os.fork() == 0:
    os.execl(sys.executable, sys.executable, "-c", "import os; print('child', 'PYTHONPATH' in os.environ)")
os.wait()
sys.stdout.flush()
%s
"""


@pytest.mark.parametrize(
    ("words", "call", "path"),
    [
        ("tracemalloc", "os.execv(sys.executable, [sys.executable, sys.argv[0], 'again'])", "None"),
        ("tracemalloc", "os.execlp(sys.executable, sys.executable, sys.argv[0], 'again')", "None"),
        ("tracemalloc", "os.execve(sys.executable, ['p', sys.argv[0], 'again'], {b'PYTHONPATH': b'/own'})", "/own"),
        ("memray", "os.execv(sys.executable, [sys.executable, sys.argv[0], 'again'])", "None"),
    ],
)
def test_what_takes_the_place_of_the_process_is_recorded(tmp_path: Path, words: str, call: str, path: str) -> None:
    if words == "memray":
        pytest.importorskip("memray")
    program, folder = tmp_path / "program.py", tmp_path / "noted"
    program.write_text(EXEC % call)
    folder.mkdir()
    start = (
        f"import runpy, sys; sys.argv[:] = [{str(program)!r}]; runpy.run_path({str(program)!r}, run_name='__main__')"
    )

    assert run(start, folder, words).splitlines() == ["child False", f"again False {path}"]
    (noted,) = folder.glob("process-*.txt")
    assert ast.literal_eval(noted.read_text())["command"][-1] == "again"
    assert len(list(folder.glob("capture-*"))) == (2 if words == "memray" else 0)


@pytest.mark.parametrize(
    "ending",
    ["pass", "os._exit(0)", "os.execl(sys.executable, sys.executable, '-c', 'pass')", "raise SystemExit(0)"],
)
def test_totals_are_written_however_python_ends(tmp_path: Path, ending: str) -> None:
    memray = pytest.importorskip("memray")
    run(
        f"import os, sys\ndef load():\n    return bytearray(8 << 20)\nkept = load()\n{ending}",
        tmp_path,
        "memray aggregate",
    )
    first = min(tmp_path.glob("capture-*"), key=lambda path: len(path.name))
    reader = memray.FileReader(first)

    assert reader.metadata.file_format is memray.FileFormat.AGGREGATED_ALLOCATIONS
    largest = max(reader.get_high_watermark_allocation_records(), key=lambda record: record.size)
    assert (largest.size >> 20, largest.stack_trace()[0][0]) == (8, "load")


def test_children_of_multiprocessing_write_totals(tmp_path: Path) -> None:
    pytest.importorskip("memray")
    code = (
        "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=bytearray, args=(8 << 20,)).start()"
    )
    run(code, tmp_path, "memray aggregate follow")

    assert len(list(tmp_path.glob("capture-*"))) == 2
    assert rendered(tmp_path)["processes"][1]["peak_bytes"] >> 20 == 8


def test_reading_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    module = imported("memcap_render")
    monkeypatch.setattr(module, "QUIET_SECONDS", -1.0)
    reading = module.Reading([3000, 1000], with_reports=True)
    assert reading.total == 2 * 4000 + 5 * 4000
    reading.size = 3000
    with reading("spinner", *reading.get_default_columns()) as progress:
        task = progress.add_task("Calculating high watermark", total=None)
        for completed in (1, 300, 600, 900):
            progress.update(task, completed=completed)
            progress.refresh()
    for _ in range(9):
        with reading:
            pass

    assert capsys.readouterr().out.splitlines() == [
        "memcap: read 10", "memcap: read 21", "memcap: read 32", "memcap: read 42", "memcap: read 53",
        "memcap: read 64", "memcap: read 75", "memcap: read 85", "memcap: read 96",
    ]  # fmt: skip


FAKE_GEVENT = """\
import _thread, os, sys, threading, time, types
originals = {"start_new_thread": _thread.start_new_thread, "allocate_lock": _thread.allocate_lock}
originals.update(monotonic=time.monotonic, sleep=time.sleep)
monkey = sys.modules["gevent.monkey"] = types.ModuleType("gevent.monkey")
monkey.get_original = lambda module, name: originals[name]
time.sleep = threading.Thread.start = None
"""
WAIT_FOR_END = """\
for _ in range(600):
    if os.path.exists(%r):
        print("ended")
        break
    originals["sleep"](0.05)
"""


def test_attaching_to_a_program_whose_threads_are_of_gevent(tmp_path: Path) -> None:
    pytest.importorskip("memray")
    code = FAKE_GEVENT + f"sys.path[:0] = [{str(INSIDE.parent / 'beside')!r}, {str(INSIDE)!r}]\n"
    code += "import memcap_attach, memcap_instrument\n"
    code += "memcap_attach.instrument = lambda: memcap_instrument\n"
    code += f"memcap_attach.begin({str(tmp_path)!r}, 0.1)\n" + WAIT_FOR_END % str(tmp_path / "ended.txt")

    assert run(code, tmp_path, "") == "ended\n"
