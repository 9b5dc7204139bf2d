"""What to do about poor figures. Pure. Python 3.8+, standard library only."""

from __future__ import annotations

from typing import List, Mapping, Tuple

# The metric, the limit beyond which advice is given, whether more is worse, and the advice.
ADVICE: Tuple[Tuple[str, float, bool, str], ...] = (
    ("growth_mb", 100.0, True, "Bound what grows: look which component held most at the end, and close its sessions."),
    (
        "response_s",
        1.0,
        True,
        "Clean up less per cycle or merge more requests; look at the collector's time.",
    ),
    ("stability", 85.0, False, "See which deduction is the largest: errors, slow cycles, growth, or crises that last."),
    ("error_rate", 3.0, True, "Raise the cap, shed earlier, or admit less at once: requests found no room."),
    ("pressure", 93.0, True, "Raise the cap or start cleaning up at a lower pressure: only the emergency was left."),
    (
        "optimization_success",
        90.0,
        False,
        "What was let go did not return to the kernel: look for fragmentation.",
    ),
    ("health", 100.0, False, "A component's account is wrong: run its unit tests; a lock may be missing."),
    ("recovery_s", 5.0, True, "Make the emergency strategy cheaper: clear caches before stores are compacted."),
)


def recommendations(metrics: Mapping[str, float]) -> List[str]:
    """Return what to do about each metric that is beyond its limit, by the metric's name; empty if all is well."""
    found = []
    for name, limit, more_is_worse, text in ADVICE:
        value = metrics.get(name)
        if value is not None and (value > limit if more_is_worse else value < limit):
            found.append(f"{name} is {value:.4g}: {text}")
    return found
