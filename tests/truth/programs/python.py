"""Programs in Python: the standard library's, and packages' from PyPI."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from integration.measuring import build_image, image
from truth.programs.host import bare_tree
from truth.programs.model import Program, Recipe, UnavailableError, Workshop

from memcap.errors import BuildError
from memcap.images.archive import Tree, add_folder_files
from memcap.images.wheels import resolve_dependencies

SCRIPTS = Path(__file__).parent / "inside" / "python"
PLACE = PurePosixPath("/programs")
PACKAGES = PurePosixPath("/packages")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PACKAGES)}


def _scripts(_: Workshop) -> Tree:
    tree = bare_tree()
    add_folder_files(tree, SCRIPTS, PLACE, is_wanted=lambda path: path.suffix == ".py")
    return tree


def _packages(workshop: Workshop) -> Tree:
    facts = build_image(workshop.client, image(workshop.python_image), say=lambda _: None)
    if facts.python is None:
        raise UnavailableError(f"image {facts.name} has no Python")
    try:
        folder = resolve_dependencies((SCRIPTS / "requirements.txt",), facts, facts.python)
    except BuildError as error:
        raise UnavailableError(error.message.splitlines()[0]) from error
    tree = _scripts(workshop)
    add_folder_files(tree, folder, PACKAGES, is_wanted=lambda path: path.name not in ("tests", "include"))
    return tree


STANDARD = Recipe(name="python", fill=_scripts, on_python=True)
WITH_PACKAGES = Recipe(name="packages", fill=_packages, on_python=True)


def _standard(call: str, what: str, *, slope: bool = False, elsewhere: bool = False) -> Program:
    script, name = call.split()
    argv = ("python", str(PLACE / script), name)
    return Program(name=f"py-{name}", what=what, recipe=STANDARD, argv=argv, slope=slope, elsewhere=elsewhere)


def _package(
    name: str, what: str, *, slope: bool = False, patchy: bool = False, env: dict[str, str] | None = None
) -> Program:
    argv = ("python", str(PLACE / "packages.py"), name)
    return Program(
        name=name,
        what=what,
        recipe=WITH_PACKAGES,
        argv=argv,
        slope=slope,
        patchy=patchy,
        env=ONE_THREAD if env is None else env,
    )


PROGRAMS = (
    _standard("data.py json", "json.dumps, json.loads"),
    _standard("data.py pickle", "pickle.dumps, pickle.loads"),
    _standard("data.py csv", "csv.DictReader"),
    _standard("data.py xml", "ElementTree built, printed, parsed"),
    _standard("data.py decimal", "decimals of 2000 digits"),
    _standard("data.py lru-cache", "lru_cache of 20 000 entries"),
    _standard("data.py re", "matches of regular expressions"),
    _standard("data.py counter", "a Counter that grows"),
    _standard("data.py ast", "a large module parsed and compiled"),
    _standard("data.py strings", "strings joined, encoded, split"),
    _standard("data.py cycles", "garbage in cycles"),
    _standard("data.py bytearray", "a bytearray appended to"),
    _standard("stored.py tempfile", "8 MiB into a temporary file", elsewhere=True),
    _standard("stored.py zipfile", "zipfile in memory"),
    _standard("stored.py tarfile", "tarfile on disk", slope=True),
    _standard("stored.py gzip", "gzip.compress, decompress"),
    _standard("stored.py bz2", "bz2.compress, decompress"),
    _standard("stored.py lzma", "lzma.compress, decompress"),
    _standard("stored.py sqlite-memory", "sqlite3 in memory"),
    _standard("stored.py sqlite-file", "sqlite3 in a file", slope=True),
    _standard("stored.py rotating-log", "RotatingFileHandler"),
    _standard("stored.py mmap", "a file mapped and searched", slope=True),
    _standard("stored.py shared-memory", "multiprocessing.shared_memory"),
    _standard("many.py pool", "multiprocessing.Pool of 4"),
    _standard("many.py executor", "ProcessPoolExecutor of 3, spawned"),
    _standard("many.py threads", "8 threads that fill a queue"),
    _standard("many.py subprocesses", "4 interpreters at once"),
    _standard("many.py captured", "20 MB of a child's output"),
    _standard("many.py asyncio", "16 asyncio connections that echo 1 MiB each", elsewhere=True),
    _standard("many.py http-server", "ThreadingHTTPServer, answers of 4 MiB"),
    _standard("many.py prefork", "3 workers that unshare a table by counting references"),
    _package("numpy-huge", "numpy, 1 byte in each 2 MiB of 64 MiB", patchy=True),
    _package("numpy-matmul", "numpy, product of matrices"),
    _package("numpy-unique", "numpy.unique"),
    _package("numpy-memmap", "numpy.memmap of 16 MB", slope=True),
    _package("numpy-fft", "numpy.fft"),
    _package("numpy-matmul-2", "numpy, product of matrices by two threads", env={"PYTHONPATH": str(PACKAGES)}),
    _package("pandas-groupby", "pandas, groupby of strings"),
    _package("pandas-csv", "pandas.read_csv"),
    _package("pyarrow-parquet", "pyarrow, a table to Parquet and back"),
    _package("pyarrow-freed", "pyarrow's allocator, 24 MiB freed and asked for anew"),
    _package("duckdb", "duckdb, a table of 1 000 000 rows, group by"),
    _package("sqlalchemy", "SQLAlchemy, 6000 objects"),
    _package("pillow", "Pillow, an image of 2400 x 1600 rotated"),
    Program(
        name="gunicorn",
        what="gunicorn --preload with 3 workers",
        recipe=WITH_PACKAGES,
        argv=("python", str(PLACE / "served.py")),
        env={"PYTHONPATH": f"{PACKAGES}:{PLACE}"},
    ),
)
