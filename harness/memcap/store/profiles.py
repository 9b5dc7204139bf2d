"""Files of allocation profiles. They are no results: nothing accepts or judges them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from memcap.errors import FileFormatError
from memcap.model import AllocationProfile
from memcap.store.codec import PROFILE_KEY, plain
from memcap.store.files import check_schema, write_atomically
from memcap.store.validate import validate
from memcap.strict import MOST_RESULT_BYTES, describe, read_object, read_text

# History of the schema: as with results, it goes up when an older memcap would misread a newer file.
# 1 - first version. Stacks are lists of places in "frames", which holds each frame once.
SCHEMA = 1
_SIGNED = ("cost", "line", "rest_bytes")  # the instrument may seem to need less than nothing
PROFILE_FILE = "profile.json"  # in the folder that `memcap profile --output` names


def save_profile(profile: AllocationProfile, path: Path, *, overwrite: bool = False) -> None:
    """Write ``profile`` to ``path`` atomically. Raises FileExistsAlready unless ``overwrite``."""
    document = plain(profile)
    frames: dict[str, int] = {}
    for site in document["sites"]:
        site["stack"] = [frames.setdefault(json.dumps(frame), len(frames)) for frame in site["stack"]]
    document["frames"] = [json.loads(frame) for frame in frames]
    text = json.dumps({PROFILE_KEY: {"schema": SCHEMA, **document}}, ensure_ascii=False, separators=(",", ":"))
    write_atomically(path, text + "\n", overwrite=overwrite)


def load_profile(path: Path) -> AllocationProfile:
    """Return the profile stored in ``path``, or in the folder ``path``.

    Raises FileFormatError for a file that is none of ours, NewerSchemaError for one of a newer memcap.
    """
    if path.is_dir():
        path = path / PROFILE_FILE
    ours = read_object(path, read_text(path, most_bytes=MOST_RESULT_BYTES), signed=_SIGNED).get(PROFILE_KEY)
    if not isinstance(ours, dict):
        raise FileFormatError(
            f'{path} is no profile of memcap: it has no object "{PROFILE_KEY}"',
            remedy="Make one: memcap profile CELL --output DIR, or memcap profile IMAGE --output DIR -- CMD",
        )
    check_schema(path, f"{PROFILE_KEY}.schema", ours.get("schema"), supported=SCHEMA)
    _put_frames_back(path, ours)
    return validate(AllocationProfile, path, json.dumps(ours), where=(PROFILE_KEY,))


def _put_frames_back(path: Path, ours: dict[str, Any]) -> None:
    frames, sites = ours.pop("frames", None), ours.get("sites")
    if not isinstance(frames, list) or not isinstance(sites, list):
        raise FileFormatError(f"{path}: {PROFILE_KEY}: frames and sites: expected lists, found {describe(frames)}")
    try:
        for site in sites:
            site["stack"] = [frames[place] for place in site["stack"]]
    except (KeyError, IndexError, TypeError) as error:
        raise FileFormatError(f"{path}: {PROFILE_KEY}.sites: a stack names a frame that is not there") from error
