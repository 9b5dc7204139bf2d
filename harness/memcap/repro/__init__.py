"""Reproduce a kill at the cap and say who did it: attempts, one run with a flight recorder, and a verdict.

``attempts.make_attempts`` runs a cell as it is, ``flight.fly`` once more with an instrument that survives the kill,
``stacks.read_flight`` reads what was noted of threads and objects, ``verdict.verdict`` puts it into a sentence.
"""

from __future__ import annotations
