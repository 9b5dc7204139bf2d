"""Find what keeps an object alive: the shortest chains of references to it from a module or a running function."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType

from memcap.probe import memcap_holders


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What holds an object: each step names a holder and the place in it, the last one the object itself.

    A chain that is not ``rooted`` begins with something that no Python object refers to: C code holds that.
    """

    steps: tuple[str, ...]
    rooted: bool = True

    def __str__(self) -> str:
        return " -> ".join(self.steps if self.rooted else ("(code outside Python)", *self.steps))


def chains_to(target: object, *, most: int, asking: FrameType | None = None) -> tuple[Chain, ...]:
    """Return the shortest chain through each of the first direct holders of ``target``: the ``most`` shortest of them.

    The variable by which the call ``asking`` has it does not count. Holders in mere cycles of garbage are left out.
    """
    found = memcap_holders.chains_to(target, most=most, asking=asking)
    return tuple(Chain(steps=steps, rooted=rooted) for rooted, steps in found)


memcap_holders.OWN_FILES.add(__file__)
