# Every target is one line of `python -m ci`, so that everything works without make too.
PYTHON ?= python3
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup test test-vm bench truth fuzz leaks perf soaks lint reference clean

help:  ## Show this.
	@$(PYTHON) -m ci help

setup:  ## Make the virtual environment, Docker and the images ready.
	@$(PYTHON) -m ci setup

test:  ## Set up and run the tests; ARGS go to pytest.
	@$(PYTHON) -m ci test $(ARGS)

test-vm:  ## Test on cgroup v2, in a virtual machine with a Docker of its own; ARGS go to pytest.
	@$(PYTHON) -m ci test-vm $(ARGS)

bench:  ## Set up and measure the quick profile; ARGS go to `memcap run`.
	@$(PYTHON) -m ci bench $(ARGS)

truth:  ## Print known truth against what is measured; ARGS are options (ARGS="--only spikes", ARGS=--peers).
	@$(PYTHON) -m ci truth $(ARGS)

fuzz:  ## Give a million damaged files to all that reads files; ARGS are options (ARGS="--inputs 10000 --only results").
	@$(PYTHON) -m ci fuzz $(ARGS)

soaks:  ## Soak programs whose truth is known, and kill clients (30 minutes); ARGS are options (ARGS="--kills 0").
	@$(PYTHON) -m ci soaks $(ARGS)

leaks:  ## Judge thousands of memory series whose truth is known; ARGS are options (ARGS="--series 1000").
	@$(PYTHON) -m ci leaks $(ARGS)

perf:  ## Measure start-up, runs beside bare containers, and large results (20 minutes); ARGS are options (ARGS="--only start", ARGS="--cells 1000").
	@$(PYTHON) -m ci perf $(ARGS)

lint:  ## Check style and types.
	@$(PYTHON) -m ci lint

reference:  ## Write docs/reference-*.md anew from config/schema.py.
	@$(PYTHON) -m ci reference

clean:  ## Remove the virtual environment, caches and built files, but no results.
	@$(PYTHON) -m ci clean
