from __future__ import annotations

from pathlib import Path

from memcap.images.host_base import parse_ldd

GLIBC = """\
/usr/bin/python3.12:
\tlinux-vdso.so.1 (0x00007ffc3a1f2000)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f2b9fc2f000)
\tlibgone.so.1 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2b9f61e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2b9fd27000)
/usr/lib/python3.12/lib-dynload/_ssl.so:
\tlinux-vdso.so.1 (0x00007ffc3a1f2000)
\tlibssl.so.3 => /opt/with a space/libssl.so.3 (0x00007f2b9f61e000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2b9f61e000)
/usr/bin/tiny:
\tnot a dynamic executable
"""
MUSL = """\
\t/lib/ld-musl-x86_64.so.1 (0x7f5e1a2b3000)
\tlibpython3.12.so.1.0 => /usr/lib/libpython3.12.so.1.0 (0x7f5e19e00000)
\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f5e1a2b3000)
"""


def test_libraries_and_the_loader_are_read_from_ldd() -> None:
    libc = "/lib/x86_64-linux-gnu/libc.so.6"
    assert parse_ldd(GLIBC) == {
        "libm.so.6": Path("/lib/x86_64-linux-gnu/libm.so.6"),
        "libc.so.6": Path(libc),
        "libssl.so.3": Path("/opt/with a space/libssl.so.3"),
        "/lib64/ld-linux-x86-64.so.2": Path("/lib64/ld-linux-x86-64.so.2"),
    }


def test_ldd_of_musl_is_read_too() -> None:
    assert set(parse_ldd(MUSL)) == {"/lib/ld-musl-x86_64.so.1", "libpython3.12.so.1.0", "libc.musl-x86_64.so.1"}
