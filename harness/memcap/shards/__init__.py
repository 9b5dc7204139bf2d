"""A plan divided into shards that several machines measure, and their results as one. Pure.

Why so: docs/decisions/0016-shards.md.
"""

from __future__ import annotations

from memcap.shards.alike import NamedResult
from memcap.shards.dividing import Division, divide, known_seconds, parse_shard
from memcap.shards.merging import ShardsMissing, merge, merge_bases

__all__ = [
    "Division",
    "NamedResult",
    "ShardsMissing",
    "divide",
    "known_seconds",
    "merge",
    "merge_bases",
    "parse_shard",
]
