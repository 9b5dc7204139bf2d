"""Data in memory, as programs of the standard library alone have it: `data.py NAME`."""

import sys
import time


def main(programs):
    """Call the program named, and hold what it returns for a moment."""
    held = programs[sys.argv[1]]()
    time.sleep(0.05)
    return held


def json_document():
    """Print and parse a document of some MB."""
    import json

    rows = [{"id": n, "name": "name %d" % n, "tags": ["a", "b%d" % (n % 10)], "value": n / 7} for n in range(40_000)]
    text = json.dumps(rows)
    del rows
    return json.loads(text)


def pickled():
    """Pickle and unpickle objects."""
    import pickle

    things = {n: (str(n), [n] * 5) for n in range(60_000)}
    packed = pickle.dumps(things)
    return things, pickle.loads(packed)


def csv_table():
    """Write a table as CSV and read it as dictionaries."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["a", "b", "c", "d"])
    writer.writerows((n, n * n, "text %d" % n, n / 3) for n in range(40_000))
    text.seek(0)
    return list(csv.DictReader(text))


def xml_tree():
    """Build, print and parse a tree."""
    from xml.etree import ElementTree

    root = ElementTree.Element("root")
    for number in range(20_000):
        child = ElementTree.SubElement(root, "item", id=str(number))
        child.text = "text %d" % number
    text = ElementTree.tostring(root)
    return root, ElementTree.fromstring(text)


def decimals():
    """Numbers with many digits."""
    from decimal import Decimal, getcontext

    getcontext().prec = 2000
    return [Decimal(n) / 7 for n in range(12_000)]


def cached_function():
    """A cache that stops growing."""
    from functools import lru_cache

    @lru_cache(maxsize=20_000)
    def text(number):
        return ("%d " % number) * 60

    for number in range(100_000):
        text(number)
    return text


def regular_expressions():
    """Match lists of a large text."""
    import re

    text = " ".join("word%d=%d;" % (n, n * n) for n in range(60_000))
    return [match.groupdict() for match in re.finditer(r"(?P<name>word\d+)=(?P<value>\d+);", text)]


def counted():
    """A dictionary that grows: at each growth old and new table are there."""
    from collections import Counter

    return Counter(n * 2654435761 % 300_007 for n in range(600_000))


def parsed():
    """Parse and compile a large module."""
    import ast

    source = "\n".join("def f%d(a, b=%d):\n    return [a + b * x for x in range(%d)]" % (n, n, n) for n in range(8000))
    tree = ast.parse(source)
    return tree, compile(tree, "large.py", "exec")


def joined():
    """Strings joined, encoded and split."""
    text = ",".join(map(str, range(1_200_000)))
    return text.encode("utf-32").decode("utf-32").split(",", 200_000)


def garbage():
    """Cycles with something in them, which only the collector frees."""
    for _ in range(4_000):
        one = [bytearray(30_000)]
        one.append(one)


def grown():
    """A bytearray that is appended to."""
    buffer = bytearray()
    for _ in range(400):
        buffer += b"x" * 100_000
    return buffer


if __name__ == "__main__":
    main(
        {
            "json": json_document,
            "pickle": pickled,
            "csv": csv_table,
            "xml": xml_tree,
            "decimal": decimals,
            "lru-cache": cached_function,
            "re": regular_expressions,
            "counter": counted,
            "ast": parsed,
            "strings": joined,
            "cycles": garbage,
            "bytearray": grown,
        }
    )
