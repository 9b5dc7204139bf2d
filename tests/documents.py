"""What the documents tell readers to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "images/*.md", "suites/*/*.md", "ci/**/*.md", "changelog.d/*.md")
    for path in ROOT.glob(pattern)
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def console_commands(document: str) -> Iterator[str]:
    """Yield the commands after a prompt in the console blocks of ``document``, without their comments."""
    for language, block in _BLOCK.findall((ROOT / document).read_text(encoding="utf-8")):
        if language == "console":
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield line[2:].split("  #")[0].strip()


def python_blocks(document: str) -> list[str]:
    """Return the blocks of Python of ``document``."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [block for language, block in _BLOCK.findall(text) if language == "python"]


def memcap_commands(document: str) -> Iterator[str]:
    """Yield every `memcap …` command of ``document``: after a prompt, on a line of a shell block, or as inline code."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for language, block in _BLOCK.findall(text):
        if language in ("console", "sh", "shell", "bash"):
            lines = (line.removeprefix("$ ").split("  #")[0].strip() for line in block.splitlines())
            yield from (line for line in lines if re.match(r"memcap [a-z-]", line))
    prose = _BLOCK.sub("", text)
    yield from (code for code in re.findall(r"`([^`\n]+)`", prose) if re.match(r"memcap [a-z-]", code))
