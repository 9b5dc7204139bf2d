"""Soaks: the looks of a long run → samples, a series and its verdict. Pure."""

from memcap.soaking.outcome import SoakKind, SoakOutcome

__all__ = ["SoakKind", "SoakOutcome"]
