"""Reproduce a kill at the cap and say who did it: attempts, one run with a flight recorder, and a verdict.

``attempts`` runs a cell at its cap, at lower ones, or with more and more of what ``load`` doubles; ``flight.fly`` once
more with an instrument that survives the kill; ``stacks`` reads what was noted of threads and objects, and
``verdict.verdict`` puts it into a sentence. ``reproducing.reproduce`` is all of it.
"""

from __future__ import annotations
