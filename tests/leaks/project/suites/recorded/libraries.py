"""Programs on libraries from PyPI: data, documents, caches."""

from __future__ import annotations

import io
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

from pace import block, paced

KIB = 1024


def array_views(copied: bool) -> Iterator[None]:
    """Keep one number of each array of 16 KiB: as a view, which keeps the array, or as a copy."""
    import numpy as np

    kept: deque[Any] = deque(maxlen=100 if copied else None)
    for number in paced():
        row = np.full(2048, float(number))
        kept.append(row[:1].copy() if copied else row[:1])
        yield


def frame_concat() -> Iterator[None]:
    """Append 16 KiB of rows to a frame of pandas each cycle."""
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame(np.zeros((256, 8)))
    for number in paced(5):
        frame = pd.concat([frame, pd.DataFrame(np.full((512, 8), float(number)))], ignore_index=True)
        yield


def frame_groupby() -> Iterator[None]:
    """Group a new frame of 20 000 rows each cycle."""
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(1)
    for _ in paced(4):
        frame = pd.DataFrame({"key": draw.integers(0, 50, 20_000), "value": draw.random(20_000)})
        frame.groupby("key")["value"].agg(["mean", "max"])
        yield


def frame_csv() -> Iterator[None]:
    """Write a frame of 3000 rows as CSV and read it, each cycle."""
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(2)
    for _ in paced(4):
        text = pd.DataFrame(draw.random((3000, 4))).to_csv()
        pd.read_csv(io.StringIO(text))
        yield


def xml_names(new: bool) -> Iterator[None]:
    """Parse a document with 150 elements a cycle, by lxml; ``new`` gives each element a name not used before."""
    from lxml import etree

    for number in paced():
        document = "".join(f"<n{number if new else 0}x{place}{'y' * 60}/>" for place in range(150))
        etree.fromstring(f"<root>{document}</root>")
        yield


def pictures() -> Iterator[None]:
    """Make a thumbnail of a JPEG picture each cycle, by Pillow."""
    from PIL import Image

    source = io.BytesIO()
    Image.effect_noise((640, 480), 60).convert("RGB").save(source, "JPEG")
    for _ in paced(5):
        with Image.open(io.BytesIO(source.getvalue())) as picture:
            picture.thumbnail((128, 128))
            picture.save(io.BytesIO(), "JPEG")
        yield


def json_documents() -> Iterator[None]:
    """Write and read a document of 500 orders each cycle, by orjson; each has a key of its own."""
    import orjson

    for number in paced():
        orders = [{"id": place, f"note-{number}-{place}": "x" * 20} for place in range(500)]
        orjson.loads(orjson.dumps(orders))
        yield


def cached(kind: str) -> Iterator[None]:
    """Cache 32 KiB for a new key each cycle, by cachetools: 500 keys (``lru``), 40 seconds (``ttl``), or forever."""
    import cachetools

    caches: dict[str, Any] = {
        "lru": lambda: cachetools.LRUCache(500),
        "ttl": lambda: cachetools.TTLCache(1_000_000, ttl=40),
        "forever": lambda: cachetools.LRUCache(float("inf")),
    }
    cache = caches[kind]()
    for number in paced():
        cache[number] = block(32 * KIB if kind != "forever" else 16 * KIB)
        yield


def cached_on_disk() -> Iterator[None]:
    """Cache 16 KiB for a new key each cycle on disk, by diskcache, and read another."""
    import diskcache

    with diskcache.Cache("/tmp/recorded", size_limit=8_000_000, cull_limit=20) as cache:
        for number in paced():
            cache[number] = block(16 * KIB)
            cache.get(number // 2)
            yield


def soup(copied: bool) -> Iterator[None]:
    """Keep the title of a page a cycle, by Beautiful Soup: its string knows its parent, and so the page."""
    from bs4 import BeautifulSoup

    titles: deque[Any] = deque(maxlen=100 if copied else None)
    for number in paced(5):
        rows = "".join(f"<p class='row'>line {place}</p>" for place in range(15))
        page = BeautifulSoup(f"<title>{number}</title>{rows}", "html.parser")
        titles.append(str(page.title.string) if copied else page.title.string)
        yield


def schemas() -> Iterator[None]:
    """Validate by a new schema each cycle, by jsonschema."""
    import jsonschema

    for number in paced():
        schema = {
            "$id": f"http://localhost/{number}",
            "type": "object",
            "properties": {f"p{place}": {"$ref": "#/$defs/text"} for place in range(20)},
            "$defs": {"text": {"type": "string", "maxLength": 100 + number}},
        }
        jsonschema.Draft202012Validator(schema).validate({f"p{place}": "text" for place in range(20)})
        yield


def models() -> Iterator[None]:
    """Make a model of pydantic each cycle, validate by it, and forget it."""
    from pydantic import create_model

    for number in paced(5):
        model = create_model(f"Made{number}", **{f"field{place}": (int, ...) for place in range(10)})
        model(**{f"field{place}": place for place in range(10)})
        yield


def marshmallow_schemas() -> Iterator[None]:
    """Make 4 schemas of marshmallow a cycle, and forget them: its registry of class names does not."""
    from marshmallow import Schema, fields

    for number in paced():
        for place in range(4):
            columns = {f"column{each}": fields.Integer() for each in range(3)}
            type(f"Made{number}x{place}", (Schema,), columns)
        yield


def attrs_classes() -> Iterator[None]:
    """Make a class of attrs a cycle, and forget it: ``linecache`` keeps the source of its methods."""
    import attr

    for number in paced(8):
        attr.make_class(f"Made{number}", [f"field{place}" for place in range(30)])
        yield


def dates() -> Iterator[None]:
    """Parse 40 dates a cycle with time zones, by dateutil."""
    from dateutil import parser, tz

    draw = random.Random(4)
    for _ in paced():
        for _ in range(40):
            text = f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}T12:00:{draw.randint(0, 59):02}+02:00"
            parser.parse(text).astimezone(tz.gettz("UTC"))
        yield
