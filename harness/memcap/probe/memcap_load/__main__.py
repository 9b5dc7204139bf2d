"""Start the client from the path of its folder, whatever the working directory is."""

if __name__ == "__main__":
    import importlib
    import sys

    sys.path.insert(0, __file__.rpartition("/memcap_load/")[0])
    if sys.argv[1:2] == ["--phases"]:
        sys.exit(importlib.import_module("memcap_load.leading").main(sys.argv[2]))
    sys.exit(importlib.import_module("memcap_load.client").main(sys.argv[1:]))
