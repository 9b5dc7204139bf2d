"""A store of documents in segments, which leaves holes and closes them. Python 3.8+, standard library only."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Set, Tuple

from strategy import Strategy

SEGMENT = 1024 * 1024
WORTH_COMPACTING = 0.75  # segments of which less is alive are written anew


class Segment:
    """A stretch of memory with pieces of documents in it, some of them dead."""

    __slots__ = ("data", "live", "names")

    def __init__(self) -> None:
        self.data = bytearray()
        self.live = 0
        self.names: Set[str] = set()


Extent = Tuple[Segment, int, int]


class DocumentStore:
    """Keep documents in pieces; those that are ``pinned`` are in use and are never shed."""

    bounded = True

    def __init__(self) -> None:
        self._documents: Dict[str, List[Extent]] = {}
        self._pinned: Set[str] = set()
        self._segments: List[Segment] = [Segment()]

    @property
    def bytes(self) -> int:
        """Return what the segments take, dead pieces included."""
        return sum(len(segment.data) for segment in self._segments)

    @property
    def live_bytes(self) -> int:
        """Return what the documents take."""
        return sum(segment.live for segment in self._segments)

    def add(self, name: str, pieces: Iterable[bytes], pinned: bool = False) -> None:
        """Store a document piece by piece, so that it need never be in memory as a whole elsewhere."""
        self.remove(name)
        extents = self._documents[name] = []
        if pinned:
            self._pinned.add(name)
        for piece in pieces:
            extents.append(self._write(name, piece))

    def _write(self, name: str, piece: bytes) -> Extent:
        segment = self._segments[-1]
        if segment.data and len(segment.data) + len(piece) > SEGMENT:
            segment = Segment()
            self._segments.append(segment)
        offset = len(segment.data)
        segment.data += piece
        segment.live += len(piece)
        segment.names.add(name)
        return segment, offset, len(piece)

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the pieces of a document; nothing if it is not there."""
        for segment, offset, length in self._documents.get(name, ()):
            yield bytes(segment.data[offset : offset + length])

    def remove(self, name: str) -> None:
        """Forget a document. Its segments are freed when nothing else is in them."""
        self._pinned.discard(name)
        for segment, _, length in self._documents.pop(name, ()):
            segment.live -= length
            segment.names.discard(name)
        self._drop_dead()

    def unpin(self, name: str) -> None:
        """Say that the document is no longer in use."""
        self._pinned.discard(name)

    def shed(self, share: float) -> None:
        """Remove this share of the documents that are not in use, the oldest first."""
        loose = [name for name in self._documents if name not in self._pinned]
        for name in loose[: round(len(loose) * share)]:
            self.remove(name)

    def compact(self) -> None:
        """Write the living pieces of segments that are full of holes anew, one segment after the other."""
        for segment in self._segments[:-1]:
            if segment.live < WORTH_COMPACTING * len(segment.data):
                for name in sorted(segment.names):
                    self._documents[name] = [
                        self._write(name, bytes(extent[0].data[extent[1] : extent[1] + extent[2]]))
                        if extent[0] is segment
                        else extent
                        for extent in self._documents[name]
                    ]
                segment.live = 0
                self._drop_dead()

    def release(self, strategy: Strategy) -> int:
        """Close holes, and shed documents where the strategy says so; return the bytes."""
        before = self.bytes
        if strategy >= Strategy.SHED:
            self.shed(1.0 if strategy is Strategy.EMERGENCY else 0.5)
        if strategy >= Strategy.COMPACT:
            self.compact()
        return before - self.bytes

    def recount(self) -> int:
        """Return the bytes counted anew, for the health check."""
        alive = sum(length for extents in self._documents.values() for _, _, length in extents)
        return self.bytes + alive - self.live_bytes

    def _drop_dead(self) -> None:
        last = self._segments[-1]
        if last.live == 0 and last.data:
            self._segments[-1] = last = Segment()
        self._segments = [segment for segment in self._segments if segment.live or segment is last]

    def __contains__(self, name: object) -> bool:
        return name in self._documents

    def __len__(self) -> int:
        return len(self._documents)
