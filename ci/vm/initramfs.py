"""Write an initramfs: a cpio archive in the kernel's "newc" format (Documentation/driver-api/early-userspace)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_FOLDER, _PROGRAM = 0o040755, 0o100755


def archive(*, folders: Sequence[str], programs: Mapping[str, bytes]) -> bytes:
    """Return the archive of empty ``folders`` and then ``programs``, name → content; parents come before children."""
    entries = [(name, _FOLDER, b"") for name in folders]
    entries += [(name, _PROGRAM, content) for name, content in programs.items()]
    members = [_entry(number, *entry) for number, entry in enumerate(entries, start=1)]
    return b"".join([*members, _entry(0, "TRAILER!!!", 0, b"")])


def _entry(inode: int, name: str, mode: int, content: bytes) -> bytes:
    path = name.encode() + b"\0"
    # inode, mode, uid, gid, links, time, size, device (2), device of a device file (2), size of name, checksum
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + path) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part + b"\0" * (-len(part) % 4)
