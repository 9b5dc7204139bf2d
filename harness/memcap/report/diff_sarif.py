"""The lines of a diff that allocate more, as SARIF 2.1.0 and as annotations of GitHub Actions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from memcap import __version__
from memcap.json_text import json_text
from memcap.model import Frame
from memcap.profile_diff import LineChange, ProfileDiff
from memcap.report.diff import remark, told
from memcap.report.github import Annotation, Place, annotations_text
from memcap.report.profile import NO_LINE
from memcap.report.profile_tree import place_text
from memcap.units import counted, format_bytes, signed
from memcap.untrusted import LONGEST_LINE, bounded, printable

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_GREW, _NEW = "memcap/allocates-more", "memcap/allocates-anew"
_RULES: Final = {
    _GREW: "This line allocates more than it did",
    _NEW: "This line allocates, and did not before",
}
_WORTH_TELLING: Final = 64 * 1024  # bytes; what an interpreter's own caches come to


def growing(diff: ProfileDiff, top: int) -> list[LineChange]:
    """Return the lines of Python that a reader of the code should look at, at most ``top``, the worst first."""
    grown = (line for line in diff.lines if line.after and line.delta_bytes >= _WORTH_TELLING)
    return sorted(grown, key=lambda line: -line.delta_bytes)[:top]


def render_diff_sarif(diff: ProfileDiff, *, top: int, places: Mapping[Frame, Place]) -> str:
    """Return a SARIF log with a result for each line that allocates at least 64 KiB more.

    ``places`` says where lines are in the repository. Others are named by their file in the container.
    """
    run = {
        "tool": {
            "driver": {
                "name": "memcap",
                "semanticVersion": __version__,
                "rules": [_rule(name, text) for name, text in _RULES.items()],
            }
        },
        "results": [_result(diff, line, places) for line in growing(diff, top)],
        "columnKind": "unicodeCodePoints",
        "properties": {"profiled": True, "sentence": told(diff), "deltaBytes": diff.delta_bytes},
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def render_diff_github(diff: ProfileDiff, *, top: int, places: Mapping[Frame, Place]) -> str:
    """Return a warning for each such line, as workflow commands; at most ten."""
    return annotations_text(diff_annotations(diff, top=top, places=places))


def diff_annotations(diff: ProfileDiff, *, top: int, places: Mapping[Frame, Place]) -> list[Annotation]:
    """Return a warning for each line that allocates at least 64 KiB more, the worst first."""
    return [
        Annotation(
            kind="warning",
            title=f"memcap: {signed(line.delta_bytes, format_bytes)} allocated here",
            message=_message(line, with_place=line.after not in places),
            place=places.get(line.after) if line.after else None,
        )
        for line in growing(diff, top)
    ]


def _rule(name: str, text: str) -> dict[str, Any]:
    shown = {"text": f"{text}."}
    return {
        "id": name,
        "shortDescription": shown,
        "fullDescription": {"text": f"{text}, by two allocation profiles of the same workload."},
        "help": {"text": "`memcap diff` shows what called it; if it is meant, nothing is to be done."},
        "defaultConfiguration": {"level": "warning"},
    }


def _result(diff: ProfileDiff, line: LineChange, places: Mapping[Frame, Place]) -> dict[str, Any]:
    frame = line.after
    assert frame is not None
    name = _NEW if line.word == "new" else _GREW
    found: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": list(_RULES).index(name),
        "level": "warning",
        "message": {"text": _escaped(_message(line, with_place=False))},
        "locations": [_location(frame, line.text_after, places.get(frame))],
        # By what it is and not where, so that a line that moves is the same alert.
        "partialFingerprints": {"memcapSite/v1": _fingerprint(frame, line.text_after)},
        "properties": {
            "deltaBytes": line.delta_bytes,
            "sizeBeforeBytes": line.old.size_bytes,
            "sizeAfterBytes": line.new.size_bytes,
            "countBefore": line.old.count,
            "countAfter": line.new.count,
        },
    }
    stack = next((each for each in diff.stacks if frame in each.stack and each.delta_bytes > 0), None)
    if stack is not None:
        frames = [{"location": _location(each, diff.after.source(each), places.get(each))} for each in stack.stack]
        found["stacks"] = [{"message": {"text": "Most of it came this way."}, "frames": frames}]
    return found


def _location(frame: Frame, text: str, where: Place | None) -> dict[str, Any]:
    # A line of compiled code may have no number; a region needs one from 1 on.
    number = where.line if where else frame.line
    uri = _uri(where.file) if where else _uri(frame.file)
    region = {"startLine": number, **({"snippet": {"text": printable(text)}} if text else {})}
    artifact = {"uri": uri, **({"uriBaseId": "%SRCROOT%"} if where else {})}
    physical = {"artifactLocation": artifact, **({"region": region} if number > 0 else {})}
    return {
        "physicalLocation": physical,
        "logicalLocations": [{"name": printable(frame.function) or "?", "kind": "function"}],
    }


def _uri(file: str) -> str:
    """Return a file's name as a URI: relative as it is, absolute ones with their scheme; anything odd is quoted."""
    quoted = quote(bounded(file, LONGEST_LINE).encode("utf-8", "backslashreplace"), safe="/")
    return f"file://{quoted}" if file.startswith("/") else quoted


def _fingerprint(frame: Frame, text: str) -> str:
    whole = "\0".join((frame.file, frame.function, text or str(frame.line)))
    return hashlib.sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _escaped(text: str) -> str:
    """Return ``text`` as a message without placeholders and links (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    return re.sub(r"[\\\[\]]", r"\\\g<0>", text).replace("{", "{{").replace("}", "}}")


def _message(line: LineChange, *, with_place: bool) -> str:
    sizes = f"{format_bytes(line.old.size_bytes)} before, {format_bytes(line.new.size_bytes)} after"
    counts = f"{line.old.count} and {counted(line.new.count, 'allocation')}"
    words = f"{signed(line.delta_bytes, format_bytes)} lived at the peak: {sizes} ({counts}, profiled)."
    said = remark(line)
    words += f" ({said})" if said else ""
    words += f" Allocated in {printable(place_text(line.inside))}." if line.inside else ""
    where = printable(place_text(line.after)) if line.after else NO_LINE
    return f"{where}: {words}" if with_place else words
