"""What stops a command of ``python -m ci``."""

from __future__ import annotations


class SetupError(Exception):
    """Something could not be made ready; the message says what failed and what to do.

    ``exit_code`` is the process's; 20 is what memcap itself uses for "no Docker daemon answers".
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
