"""Whether a function exists is read from the code, which is not imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.config.calls import check_call, top_level_names


@pytest.mark.parametrize(
    "code",
    [
        "def leak(): pass",
        "async def leak(): pass",
        "class leak: pass",
        "leak = 1",
        "leak: object = print",
        "a, (b, *leak) = f()",
        "import leak",
        "import leak.more",
        "import more as leak",
        "from more import leak",
        "from more import grow as leak",
        "if True:\n    def leak(): pass",
        "try:\n    import x\nexcept ImportError:\n    leak = None",
        "for leak in (): pass",
        "with open('x') as leak: pass",
        "if (leak := 1): pass",
        "from more import *",
        "def __getattr__(name): return print",
    ],
)
def test_a_name_at_the_top_level_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "work.py").write_text(code)
    assert check_call(tmp_path, "work:leak") is None


@pytest.mark.parametrize(
    "code",
    [
        "",
        "def other():\n    leak = 1\n    def leak(): pass",
        "class Other:\n    def leak(self): pass",
        "print(leak)",
        "import more.leak",
        "from leak import more",
        "f(leak=1)",
        "other = lambda leak: 1",
        "other.leak = 1",
    ],
)
def test_a_name_elsewhere_is_not(tmp_path: Path, code: str) -> None:
    (tmp_path / "work.py").write_text(code)
    complaint = check_call(tmp_path, "work:leak")
    assert complaint is not None
    assert complaint.message == "work.py has no 'leak' at its top level"


def test_modules_may_be_in_packages(tmp_path: Path) -> None:
    (tmp_path / "pack" / "sub").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("def a(): pass")
    (tmp_path / "pack" / "sub" / "work.py").write_text("def b(): pass")
    assert check_call(tmp_path, "pack:a") is None
    assert check_call(tmp_path, "pack.sub.work:b") is None
    missing = check_call(tmp_path, "pakc:a")
    assert missing is not None
    assert (missing.message, missing.suggestion) == ("the suite has no pakc.py", "pack")


def test_code_that_warns_is_read_all_the_same() -> None:
    assert top_level_names(b"leak = '\\d'").names == {"leak"}


@pytest.mark.parametrize("code", [b"def leak(:", b"\x00", b"# coding: nonsense\n", b"x = '\xff'"])
def test_what_is_not_python_is_said_of_the_module(tmp_path: Path, code: bytes) -> None:
    (tmp_path / "work.py").write_bytes(code)
    complaint = check_call(tmp_path, "work:leak")
    assert complaint is not None
    assert complaint.file == tmp_path / "work.py"
