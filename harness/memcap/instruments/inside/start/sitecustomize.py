"""Start memcap's instrument in every Python that has this folder on PYTHONPATH, then the image's own sitecustomize."""

import sys

_HERE = __file__.rpartition("/")[0]
_OWN = sys.modules.pop("sitecustomize")
sys.path[:] = [entry for entry in sys.path if entry != _HERE]
sys.path.insert(0, _HERE.rpartition("/")[0])
try:
    __import__("memcap_instrument").start(_HERE)
finally:
    sys.path.remove(_HERE.rpartition("/")[0])
try:
    __import__("sitecustomize")
except ImportError as error:
    if error.name != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = _OWN
