"""What the names of suites, benchmarks, images and caps may look like: they become parts of ids and file names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

LONGEST_REFERENCE: Final = 200  # of the daemon's 255 for a name; ids with it are names of files
LONGEST_NAME: Final = 100  # four of them, and what is between them, are a file name
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]*", re.ASCII)
# As ids hold them: sizes such as `.5g` became `_5g`, images were named by references of any length.
_PART: Final = re.compile(r"[a-z0-9_]{1,255}", re.ASCII)
_IMAGE_ID: Final = re.compile(r"sha256:[0-9a-f]+", re.ASCII)
_VARIANT: Final = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*", re.ASCII)
_CAMPAIGN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,254}", re.ASCII)
_DEVICE: Final = re.compile(
    r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.ASCII
)  # a file of that name is a device on Windows


@dataclass(frozen=True, kw_only=True)
class CellName:
    """What the id of a cell says: ``suite.benchmark[.variant]-image-cap``."""

    suite: str
    benchmark: str
    variant: str  # empty for most
    image: str
    cap: str

    @property
    def full_benchmark(self) -> str:
        """Return ``suite.benchmark``."""
        return f"{self.suite}.{self.benchmark}"


def name_complaint(name: str) -> str:
    """Say what is wrong with ``name`` as the name of a suite, benchmark, image or cap; empty if nothing is.

    Ids read ``suite.benchmark-image-cap`` and become container and file names, so dots, dashes and blanks are out.
    """
    if len(name) > LONGEST_NAME:
        return (
            f"{name[:40]!r}… is too long for a name: it has {len(name)} characters, at most {LONGEST_NAME} are allowed"
        )
    if not _NAME.fullmatch(name):
        return f"{name!r} is not a name: use a-z, 0-9 and _, and begin with a letter or digit"
    return f"{name!r} is the name of a device on Windows; choose another" if _DEVICE.fullmatch(name) else ""


def image_name(reference: str) -> str:
    """Return the name that ids have of an image, whatever its tag or digest: ``shop/prod:1.4`` is ``shop_prod``.

    Empty for what is no reference.
    """
    text = reference.partition("@")[0]
    repository, colon, tag = text.rpartition(":")
    if colon and "/" not in tag and not _IMAGE_ID.fullmatch(text):
        text = repository
    name = slug(text)
    return name if is_stored_name(name) else tagged_image_name(reference)


def tagged_image_name(reference: str) -> str:
    """Return a name that tells the tags and digests of an image apart: ``shop/prod:1.4`` is ``shop_prod_1_4``."""
    text, _, digest = reference.partition("@")
    return slug(f"{text} {digest.partition(':')[2][:12]}")


def slug(text: str, joint: str = "_") -> str:
    """Return the letters and digits of ``text`` in lower case, with ``joint`` in place of whatever is between them."""
    return re.sub(r"[^a-z0-9]+", joint, text.lower()).strip(joint)


def new_campaign_id(started: datetime, label: str) -> str:
    """Return an id that no other campaign has; ids sort by time."""
    return f"{started:%Y%m%dT%H%M%S}-{label}-{os.urandom(2).hex()}"


def is_stored_name(name: str) -> bool:
    """Tell whether a suite, benchmark, image or cap in a file may be called so: files are named after it."""
    return _PART.fullmatch(name) is not None and not _DEVICE.fullmatch(name)


def is_stored_variant(variant: str) -> bool:
    """Tell whether a file that is read may call a variant of a cell so; most cells have none."""
    return not variant or _VARIANT.fullmatch(variant) is not None


def is_campaign_id(text: str) -> bool:
    """Tell whether ``text`` can be the id of a campaign: the name of its file, without a folder."""
    return _CAMPAIGN.fullmatch(text) is not None


def parse_cell_id(cell_id: str) -> CellName | None:
    """Return the parts of an id; None if it is none."""
    name, *image_and_cap = cell_id.rsplit("-", 2)
    suite, _, rest = name.partition(".")
    benchmark, _, variant = rest.partition(".")
    if len(image_and_cap) < 2 or not all(map(is_stored_name, (suite, *image_and_cap))):
        return None
    if not rest or not is_stored_variant(rest):
        return None
    image, cap = image_and_cap
    return CellName(suite=suite, benchmark=benchmark, variant=variant, image=image, cap=cap)


def cell_name(cell_id: str) -> CellName:
    """Return the parts of an id that was checked when it was read or made. Raises ValueError if it is none."""
    name = parse_cell_id(cell_id)
    if name is None:
        raise ValueError(f"{cell_id!r} is not the id of a cell")
    return name
