"""Check the interpreter, then hand over. Written so that an old Python gets a sentence instead of a traceback."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - pip has not checked yet
    sys.exit("memcap needs Python 3.10 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")

from ci.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
