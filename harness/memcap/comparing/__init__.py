"""Two sides of the same benchmarks -> what one needs more than the other, and where. Pure: no files, no printing.

A side is an image of a result, one form of its benchmarks, or a whole result. Differences are those of the side that is
asked about (``against``) from the ``base``. docs/compare.md says what is compared.
"""

from memcap.comparing.match import Matched, match_forms, match_images, match_results
from memcap.comparing.parts import Part, part_bytes
from memcap.comparing.sides import ANSWER, Comparison, Difference, Pair, compare_sides
