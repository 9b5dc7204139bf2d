"""How tests are named in ids of cells."""

from __future__ import annotations

import hashlib

from memcap.model.names import slug

SUITE = "pytest"
_LONGEST_NAME = 80


def cell_name(nodeid: str) -> str:
    """Return the name of a test as ids of cells allow it; a hash tells apart what reads the same then.

    It begins with the name of the file, without its folders. A slash among the parameters is none of a path.
    """
    path, separator, test = nodeid.partition("::")
    name = f"{path.rpartition('/')[2]}{separator}{test}".replace(".py::", "::")
    words = slug(name)
    return f"{words[:_LONGEST_NAME] or 'test'}_{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"
