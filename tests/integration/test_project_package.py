"""`[project] package` of wheels: each image gets its own, what that mallocs is seen, and uv.lock pins what it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT
from integration.promises import require
from own_wheels import make_wheel

from memcap.images.host_python import find_host_python, wanted_python
from memcap.images.inventory import find_built, remove_built

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

MIB = 1024 * 1024
VERSIONS = ("3.10", "3.12")
EXTENSION = r"""
#include <Python.h>
#include <string.h>

char *kept; /* visible from outside, so that no compiler leaves the memory out */

/* malloc() MIB of memory, touch it, and keep it: Python's own allocator does not see it. */
static PyObject *hold(PyObject *self, PyObject *mib) {
    size_t size = PyLong_AsSize_t(mib) << 20;
    kept = memset(malloc(size), 7, size);
    return PyUnicode_FromString(PY_VERSION);
}

static PyMethodDef methods[] = {{"hold", hold, METH_O, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "holder", "", -1, methods};

PyMODINIT_FUNC PyInit_holder(void) { return PyModule_Create(&module); }
"""
# A backend of the package's own, so that no index is needed.
BACKEND = """\
import os, pathlib, subprocess, sys, sysconfig, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    file = "holder" + sysconfig.get_config_var("EXT_SUFFIX")
    include = "-I" + sysconfig.get_paths()["include"]
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", include, "holder.c", "-o", file], check=True)
    python = "cp%d%d" % sys.version_info[:2]
    tag = "%s-%s-linux_%s" % (python, python, os.uname().machine)
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / f"holder-1.0-{tag}.whl", "w") as wheel:
        wheel.write(file)
        wheel.writestr("holder-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: holder\\nVersion: 1.0\\n")
        wheel.writestr("holder-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: {tag}\\n")
        wheel.writestr("holder-1.0.dist-info/RECORD", "")
    return f"holder-1.0-{tag}.whl"
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
LIMITS = """\
[caps]
128m = "128MiB"
[profiles.quick]
images = ["py310", "py312"]
runs = 1
[project]
package = "wheelhouse"
"""
SUITE = """\
[benchmarks.holding]
call = "work:hold"
parameters = { mib = 32 }
[benchmarks.idle]
call = "work:hold"
parameters = { mib = 0 }
"""
WORK = """\
import sys
import holder

def hold(mib):
    assert holder.hold(mib) == sys.version.split()[0].rstrip("+")
"""


@pytest.fixture
def project(docker_client: DockerClient, tmp_path: Path) -> Iterator[Path]:
    """Yield a project whose package was built for two Pythons; the layers of its suite are removed."""
    require("gcc", available=shutil.which("gcc") is not None)
    source, suite = tmp_path / "source", f"test_{uuid.uuid4().hex[:12]}"
    for path, text in {
        source / "pyproject.toml": PYPROJECT,
        source / "backend.py": BACKEND,
        source / "holder.c": EXTENSION,
        tmp_path / "limits.toml": LIMITS,
        tmp_path / "suites" / suite / "suite.toml": SUITE,
        tmp_path / "suites" / suite / "work.py": WORK,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for version in VERSIONS:
        name = f"py{version.replace('.', '')}"
        shutil.copytree(ROOT / "images" / name, tmp_path / "images" / name)
        build_with(version, source, tmp_path / "wheelhouse")
    yield tmp_path
    for built in find_built(docker_client):
        if built.suite == suite:
            remove_built(docker_client, built)


def build_with(version: str, source: Path, folder: Path) -> None:
    wanted = wanted_python(f"python:{version}")
    python = find_host_python(wanted, environ=os.environ, home=Path.home()) if wanted else None
    require(f"python{version}", available=python is not None)
    assert python is not None
    command = [str(python.executable), "-m", "pip", "wheel", "--no-deps", "--no-index", "-q", "-w", str(folder), "."]
    subprocess.run(command, cwd=source, check=True)


def memcap(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memcap", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_each_python_gets_its_wheel_and_what_it_mallocs_is_measured(project: Path) -> None:
    ended = memcap(project, "run", "--json")

    assert ended.returncode == 0, ended.stderr
    cells = json.loads(ended.stdout)["cells"]
    assert {cell["image"] for cell in cells} == {"py310", "py312"}
    for name in ("py310", "py312"):
        assert f"{name} gets holder-1.0-{name.replace('py', 'cp')}-" in ended.stderr
        of_image = [cell for cell in cells if cell["image"] == name]
        peaks = {cell["id"].split(".")[1]: cell["metrics"]["unreclaimable_peak"]["summary"] for cell in of_image}
        holding, idle = (peaks[f"{benchmark}-{name}-128m"]["median"] for benchmark in ("holding", "idle"))
        assert abs(holding - idle - 32 * MIB) < MIB


def test_a_python_without_a_wheel_is_said_before_the_first_run(project: Path) -> None:
    [wheel] = (project / "wheelhouse").glob("*-cp312-cp312-*")
    wheel.unlink()

    ended = memcap(project, "run")

    assert ended.returncode != 0
    assert "no wheel of holder 1.0 is for CPython 3.12" in ended.stderr
    assert "cibuildwheel --only cp312-" in ended.stderr
    assert not (project / "results").exists()


def test_its_dependencies_have_the_versions_of_uv_lock(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project / "wheelhouse")
    (project / "wheelhouse").mkdir()
    index = tmp_path_factory.mktemp("index")
    make_wheel(project / "wheelhouse", "holder", requires="memcap_test_dependency")
    for version in ("1.0", "2.0"):
        make_wheel(index, "memcap_test_dependency", version=version)
    (project / "uv.lock").write_text('[[package]]\nname = "memcap-test-dependency"\nversion = "1.0"\n')
    [work] = (project / "suites").glob("*/work.py")
    work.write_text(
        "from importlib.metadata import version\n\ndef hold(mib):\n"
        "    assert version('memcap_test_dependency') == '1.0'\n"
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))

    ended = memcap(project, "run", "--image", "py312", "--json")

    assert ended.returncode == 0, ended.stderr
    assert "dependencies of py312: the versions in uv.lock" in ended.stderr
    assert [cell["endings"] for cell in json.loads(ended.stdout)["cells"]] == [{"completed": 1}] * 2
