"""A document as a page that needs nothing else: no network, no JavaScript, no packages."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from memcap.report.document import (
    Advice,
    Badge,
    Block,
    Cell,
    Chart,
    Code,
    Column,
    Curve,
    Document,
    Dots,
    Facts,
    Fold,
    Level,
    Lines,
    Link,
    Mono,
    Note,
    Output,
    Paragraph,
    Span,
    Table,
    Text,
    spans,
)
from memcap.report.svg import THEMES, css, inline, mini
from memcap.untrusted import printable, printable_output

TEMPLATES: Final = Path(__file__).parent / "templates"
TONES: Final = {Level.BAD: "bad", Level.WARN: "warn", Level.UNSURE: "warn", Level.GOOD: "good", Level.PLAIN: "plain"}
_CURVE: Final = 24


def to_html(document: Document) -> str:
    """Return ``document`` as a page: the first paragraph is its heading."""
    first, *others = document.blocks
    answer = first.text if isinstance(first, Paragraph) else document.title
    level = first.level if isinstance(first, Paragraph) else Level.PLAIN
    blocks = others if isinstance(first, Paragraph) else document.blocks
    plain = "".join(span if isinstance(span, str) else getattr(span, "text", "") for span in spans(answer))
    return page(
        f"{plain} · {document.title}",
        f'<header class="top answer">\n<p class="brand">{html.escape(printable(document.title))}</p>\n'
        f'<h1 class="{TONES[level]}">{_text(answer)}</h1>\n</header>\n'
        f'<main class="document">\n{blocks_html(blocks)}\n</main>',
    )


def page(title: str, body: str) -> str:
    """Return a page that loads nothing, and runs nothing."""
    return "".join(page_parts(title, (body,)))


def page_parts(title: str, body: Iterable[str], script: str = "") -> Iterator[str]:
    """Yield a page that loads nothing, and runs nothing but ``script``, with each piece of ``body``."""
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    scripts, element = (f" script-src 'sha256-{hashed}';", f"<script>{script}</script>\n") if script else ("", "")
    policy = (
        f"default-src 'none';{scripts} style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(printable(title))}</title>\n"
        f'<link rel="icon" href="data:,">\n<style>\n{_style()}</style>\n</head>\n<body>\n'
    )
    yield from body
    yield f"\n{element}</body>\n</html>\n"


@lru_cache(maxsize=1)
def _style() -> str:
    """Return the one style sheet of all pages, with the colours of both themes."""
    light, dark = (
        "".join(f" --{name}: {value};" for name, value in THEMES[theme].items()) for theme in ("light", "dark")
    )
    themes = f":root {{{light} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n"
    return f"{themes}{(TEMPLATES / 'report.css').read_text(encoding='utf-8')}{css()}"


def blocks_html(blocks: Iterable[Block]) -> str:
    """Return ``blocks`` as the content of a page."""
    return "\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            tone = f' class="told {TONES[block.level]}"' if block.level is not Level.PLAIN else ""
            return f"<p{tone}>{_text(block.text)}</p>"
        case Table():
            return _table(block)
        case Facts():
            items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in block.items)
            return f"{_title(block.title)}<dl>{items}</dl>"
        case Code():
            return f'{_title(block.title)}<pre tabindex="0" aria-label="code">{_lines(block.text)}</pre>'
        case Output():
            return f'{_title(block.title)}<pre tabindex="0" aria-label="output">{_lines(block.text)}</pre>'
        case Note():
            return _note(block)
        case Chart():
            words = f"<figcaption>{html.escape(printable(block.words))}</figcaption>" if block.title else ""
            return f"{_title(block.title)}<figure>{inline(block.drawing, block.words)}{words}</figure>"
        case Fold():
            summary = f"<summary>{_text(block.title)}</summary>"
            return f'<details class="fold">{summary}\n{blocks_html(block.blocks)}\n</details>'


def _title(title: Text) -> str:
    return f"<h2>{_text(title)}</h2>\n" if title else ""


def _lines(text: str) -> str:
    return html.escape(printable_output(text))


def _table(table: Table) -> str:
    heads = "".join(
        f'<th scope="col"{_side(column)}>{html.escape(printable(column.name))}</th>' for column in table.columns
    )
    rows = "\n".join("<tr>" + "".join(map(_td, cells, table.columns)) + "</tr>" for cells in table.rows)
    return (
        f'{_title(table.title)}<div class="scroll" tabindex="0">'
        f"<table>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _td(cell: Cell, column: Column) -> str:
    if isinstance(cell, Lines):
        first, *others = map(_text, cell.texts)
        more = "".join(f'<br><span class="quiet">{line}</span>' for line in others)
        return f"<td{_side(column)}>{first}{more}</td>"
    return f"<td{_side(column)}>{_text(cell)}</td>"


def _side(column: Column) -> str:
    return ' class="figure"' if column.right else ""


def _note(note: Note) -> str:
    facts = "".join(f"<p>{_text(fact)}</p>" for fact in note.facts)
    remedy = f'<p class="remedy">→ {_text(Advice(note.remedy))}</p>' if note.remedy else ""
    inner = f"{facts}{remedy}{blocks_html(note.blocks)}"
    return f'<section class="told {TONES[note.level]}"><p><strong>{_text(note.title)}</strong></p>{inner}</section>'


def _text(text: Text) -> str:
    return "".join(map(_span, spans(text)))


def _span(span: Span) -> str:
    match span:
        case str():
            return html.escape(printable(span))
        case Mono():
            return f"<code>{html.escape(printable(span.text))}</code>"
        case Advice():
            return "".join(map(_span, span.parts()))
        case Badge():
            return f'<span class="badge {TONES[span.level]}">{html.escape(printable(span.text))}</span>'
        case Link():
            return f'<a href="{quote(span.address, errors="replace")}">{html.escape(printable(span.text))}</a>'
        case Curve():
            return span.drawn(_CURVE)
        case Dots():
            return mini(span.values)
