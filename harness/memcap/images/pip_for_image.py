"""Run pip as if it ran in an image: ``python -m … VERSION IMPLEMENTATION MACHINE PIP-ARGUMENTS…``.

pip's ``--python-version`` and ``--platform`` choose wheels, but environment markers (``; python_version < "3.11"``)
are still answered for the interpreter that runs pip; a suite would then get the dependencies of this machine's Python
and system. The one function that answers them is replaced here; a test shows that it takes effect.
``wheels`` starts this as a program.
"""

from __future__ import annotations

import runpy
import sys


def marker_environment(version: str, implementation: str, machine: str) -> dict[str, str]:
    """Return the values of PEP 508's markers for a Linux with that Python; the kernel's version is left empty."""
    return {
        "implementation_name": implementation.lower(),
        "implementation_version": version,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": implementation,
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": "linux",
    }


def main() -> None:
    """Replace the markers' answers and run pip."""
    from pip._vendor.packaging import markers  # noqa: PLC0415 - only this program needs pip, the module does not

    version, implementation, machine, *arguments = sys.argv[1:]
    answers = marker_environment(version, implementation, machine)
    markers.default_environment = lambda: dict(answers)  # type: ignore[assignment,return-value,unused-ignore]
    sys.argv = ["pip", *arguments]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
