"""Call a workload inside the container: start ``memcap_runner.py``, which says how, from its compiled form.

Python compiles the program that it is given in every run, and keeps none of it. For all of the runner that would cost
each workload half a MiB, another figure on each version of Python; a module that is imported is compiled with the
layer.
"""

if __name__ == "__main__":
    import sys

    sys.path.insert(0, __file__.rpartition("/")[0])  # not there with PYTHONSAFEPATH; the runner takes it out again
    sys.exit(__import__("memcap_runner").main(sys.argv[1:]))
