"""Which images words name: an image of the project, a reference to any, or NAME=REFERENCE. Pure.

Ids and baselines hold names, so that a new tag or digest of an image is judged by the same baselines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from memcap.errors import SelectionError
from memcap.model import ImageSource
from memcap.model.names import LONGEST_REFERENCE, image_name, is_stored_name, name_complaint, tagged_image_name
from memcap.units import counted


def image_by_word(word: str) -> ImageSource:
    """Return the image of a reference such as ``my/prod:1.4`` (called ``my_prod``), or of ``NAME=REFERENCE``.

    Raises SelectionError for what is no reference, or one that no daemon takes, and for a name that ids cannot hold.
    """
    name, separator, reference = word.rpartition("=")
    if separator and not is_stored_name(name):
        raise SelectionError(name_complaint(name) or f"{name!r} is not a name", remedy="Write it like prod=my/prod:1.4")
    if not image_name(reference) or len(reference) > LONGEST_REFERENCE:
        raise SelectionError(
            f"{reference[:60]!r} names no image: it has {counted(len(reference), 'character')}",
            remedy=f"A reference such as my/prod:1.4 has letters or digits, and {LONGEST_REFERENCE} of them at most.",
        )
    return ImageSource(name=name or image_name(reference), reference=reference)


def choose_images(words: Sequence[str], known: Mapping[str, ImageSource]) -> tuple[ImageSource, ...]:
    """Return the images that ``words`` name, in their order; ``known`` are those of the project by their names.

    References that would share a name keep their tags and digests in it. Raises SelectionError, also for names that
    two of the images have all the same.
    """
    chosen = {word: known.get(word) or image_by_word(word) for word in words}
    shared = {name for name, count in Counter(image.name for image in chosen.values()).items() if count > 1}
    images = tuple(
        replace(image, name=tagged_image_name(word)) if image.name in shared and word == image.reference else image
        for word, image in chosen.items()
    )
    if len({image.name for image in images}) < len(images):
        raise SelectionError(
            f"two of the images {', '.join(chosen)} would have the same name in cell ids",
            remedy="Give them names: NAME=REFERENCE, such as old=my/prod:1.4",
        )
    return images


def is_reference(word: str) -> bool:
    """Tell whether ``word`` cannot be a mere name: it has a tag, a registry or a digest, or binds a name."""
    return any(mark in word for mark in ":/@=")
