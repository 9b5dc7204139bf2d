"""What people install from PyPI: `packages.py NAME`. Each takes well under a second once it is imported."""

import sys
import time

from data import main

MIB = 1024 * 1024


def numpy_huge_pages():
    """m14: numpy asks for huge pages for arrays of 4 MiB and more; one byte in each 2 MiB is touched."""
    import numpy

    array = numpy.empty(64 * MIB, dtype=numpy.uint8)
    array[:: 2 * MIB] = 1
    return array


def numpy_product():
    import numpy

    one = numpy.arange(700 * 700, dtype=float).reshape(700, 700)
    return one @ one.T


def numpy_sorted():
    import numpy

    return numpy.unique(numpy.random.default_rng(1).integers(0, 1 << 40, 1_500_000))


def numpy_mapped():
    """An array in a file: its pages are page cache."""
    import numpy

    array = numpy.memmap("array", dtype=float, mode="w+", shape=(2_000_000,))
    array[:] = 1.5
    return array, float(array.sum())


def numpy_transform():
    import numpy

    return numpy.fft.fft(numpy.random.default_rng(1).random(1 << 20))


def pandas_groups():
    import numpy
    import pandas

    numbers = numpy.random.default_rng(1)
    frame = pandas.DataFrame({"key": numbers.integers(0, 1000, 500_000), "value": numbers.random(500_000)})
    frame["name"] = "name " + frame["key"].astype(str)
    return frame, frame.groupby("name")["value"].agg(["sum", "mean"])


def pandas_csv():
    import pandas

    with open("table.csv", "w") as file:
        file.write("a,b,c\n")
        file.writelines("%d,%f,text %d\n" % (n, n / 3, n % 100) for n in range(100_000))
    return pandas.read_csv("table.csv")


def pyarrow_parquet():
    import numpy
    import pyarrow
    from pyarrow import parquet

    pyarrow.set_cpu_count(2)
    numbers = numpy.random.default_rng(1)
    table = pyarrow.table({"a": numbers.integers(0, 100, 800_000), "b": numbers.random(800_000)})
    parquet.write_table(table, "table.parquet")
    return parquet.read_table("table.parquet", use_threads=False, memory_map=False)


def pyarrow_freed():
    """Its allocator gives memory back late: some is freed, and as much asked for anew."""
    import numpy
    import pyarrow

    for _ in range(6):
        blocks = [pyarrow.allocate_buffer(MIB) for _ in range(24)]
        for block in blocks:
            numpy.frombuffer(block, dtype=numpy.uint8)[::4096] = 1
        del block, blocks
    time.sleep(0.05)


def duckdb_query():
    import duckdb

    database = duckdb.connect(config={"threads": 1, "memory_limit": "200MB"})
    database.execute("create table t as select i, i % 1000 as key, i * 0.5 as value from range(1000000) r(i)")
    return database, database.execute("select key, sum(value) from t group by key order by 2 desc").fetchall()


def sqlalchemy_rows():
    from sqlalchemy import Column, Integer, String, create_engine
    from sqlalchemy.orm import Session, declarative_base

    base = declarative_base()

    class Item(base):
        __tablename__ = "items"
        id = Column(Integer, primary_key=True)
        name = Column(String)

    engine = create_engine("sqlite://")
    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Item(name="item %d" % n) for n in range(6000)])
        session.commit()
        return session.query(Item).all()


def pillow_images():
    from PIL import Image

    image = Image.new("RGB", (2400, 1600), "navy")
    image.save("image.png")
    return Image.open("image.png").rotate(30).resize((1200, 800))


if __name__ == "__main__":
    main(
        {
            "numpy-huge": numpy_huge_pages,
            "numpy-matmul": numpy_product,
            "numpy-matmul-2": numpy_product,
            "numpy-unique": numpy_sorted,
            "numpy-memmap": numpy_mapped,
            "numpy-fft": numpy_transform,
            "pandas-groupby": pandas_groups,
            "pandas-csv": pandas_csv,
            "pyarrow-parquet": pyarrow_parquet,
            "pyarrow-freed": pyarrow_freed,
            "duckdb": duckdb_query,
            "sqlalchemy": sqlalchemy_rows,
            "pillow": pillow_images,
        }
    )
    sys.stdout.flush()
