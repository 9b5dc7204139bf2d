#!/bin/sh
# Measure the memory of a repository's suites, on any service or machine with Docker and Python 3.10 or newer.
# Called in the folder with limits.toml: sh memory.sh [short|long]; the exit code is that of `memcap run`.
#
#   BASE_REF  a git revision to compare with, such as origin/main, in place of the committed baselines
#   MEMCAP    what pip installs; by default memcap[report]==0.1.0
#   PYTHON    the Python that memcap runs on; by default python3
set -eu

case "${1:-short}" in
    short) profile=ci ;;
    long) profile=long ;;
    *)
        echo "usage: $0 [short|long]" >&2
        exit 2
        ;;
esac

if [ ! -x .memcap/bin/memcap ]; then
    "${PYTHON:-python3}" -m venv .memcap
    .memcap/bin/python -m pip install --quiet "${MEMCAP:-memcap[report]==0.1.0}"
fi
PATH="$PWD/.memcap/bin:$PATH"

memcap doctor
set -- --profile "$profile"
if [ -n "${BASE_REF:-}" ]; then
    set -- "$@" --base-ref "$BASE_REF" --until-decided
fi
memcap run "$@" --report junit=results/memcap-junit.xml --report html=results/memcap.html
