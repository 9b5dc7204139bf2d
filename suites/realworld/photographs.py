"""Make thumbnails of large photographs with Pillow."""

from __future__ import annotations

import io
import random
from typing import Dict, List

from PIL import Image

THUMBNAILS = (1600, 800, 320)


def take_photograph(width: int, height: int, seed: int) -> bytes:
    """Return a JPEG of soft noise, as a camera would have sent it."""
    grain = Image.frombytes("RGB", (96, 64), random.Random(seed).randbytes(96 * 64 * 3))
    with io.BytesIO() as file:
        grain.resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
        return file.getvalue()


def make_thumbnails(photographs: int, width: int, height: int, keep_all: bool = False) -> Dict[str, float]:
    """Open each photograph and make three sizes of it; with ``keep_all`` keep the decoded photographs."""
    kept: List[Image.Image] = []
    written = pixels = 0
    for number in range(photographs):
        photograph = take_photograph(width, height, seed=number)
        image = Image.open(io.BytesIO(photograph))
        image.load()
        for edge in THUMBNAILS:
            size = (edge, round(edge * height / width))
            with io.BytesIO() as file:
                image.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG")
                written += len(file.getvalue())
        pixels += image.width * image.height
        if keep_all:
            kept.append(image)
        del image
    return {"photographs": photographs, "pixels": pixels, "bytes_written": written, "photographs_held": len(kept)}
