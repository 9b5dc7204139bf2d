"""Reproduce a kill at the cap and say who did it: attempts, one run with a flight recorder, and a conclusion.

``attempts`` runs a cell at its cap, at lower ones, or with more and more of what ``escalation`` doubles;
``flight.record_kill`` once more with an instrument that survives the kill; ``stacks`` reads what was noted of threads
and objects, and ``conclusion.conclusion`` puts it into a sentence. ``reproducing.reproduce`` is all of it.
"""

from __future__ import annotations
