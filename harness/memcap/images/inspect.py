"""Ask an image about itself: its configuration, and the Python that is in it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from memcap.engine.docker_client import already_gone, translated
from memcap.engine.docker_labels import container_labels, fresh_name, own_reference
from memcap.errors import FileFormatError, MemcapError
from memcap.images.foreign import refuse_what_cannot_run
from memcap.images.registry import ORIGIN_LABEL
from memcap.model import ImageFacts, PythonFacts
from memcap.strict import MOST_CONFIG_BYTES, read_object, read_text

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.images import Image

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_ANSWER_SECONDS = 60
# The status code of a program that is not there, or is none, is 400, 404 or 500, depending on the daemon's age; these
# are the words of runc and of crun. A mere "permission denied" may be about anything, such as a limit.
_NO_PROGRAM = re.compile(r'exec: "[^"]*": |executable file|open executable|command that was not found', re.IGNORECASE)
# Raise this when the question changes; answers to older ones are not used then.
_QUESTION_VERSION = 1
# Python 2 must be able to read it, to say that it is one. musl names itself when its loader is called.
_QUESTION = """
import json, os, platform, sys
def libc():
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION")
        if name:
            return name
    except (AttributeError, OSError, ValueError):
        pass
    import glob, re, subprocess
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        said = subprocess.Popen([loader], stderr=subprocess.PIPE).communicate()[1].decode("ascii", "replace")
        version = re.search(r"Version ([0-9.]+)", said)
        return "musl " + version.group(1) if version else "musl"
    return ""
print(json.dumps({
    "executable": sys.executable,
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "build": sys.version,
    "libc": libc(),
}))
"""


def image_facts(
    client: DockerClient, image: Image, *, name: str, reference: str, content_addressed: bool
) -> ImageFacts:
    """Return what is known of ``image``, and which Python is in it.

    ``content_addressed``: the reference is a tag that memcap derived from the contents, so it cannot move.
    Raises PlanError for an image that the daemon's machine cannot run, BuildError for one that memcap cannot, or
    EngineError.
    """
    config: dict[str, Any] = image.attrs.get("Config") or {}
    digests: list[str] = image.attrs.get("RepoDigests") or []
    labels: dict[str, str] = config.get("Labels") or {}
    made_by_memcap = labels.get(ORIGIN_LABEL) if own_reference(labels, image.tags) else None  # it may be inherited
    variables = dict(str(pair).split("=", 1) for pair in config.get("Env") or () if "=" in str(pair))
    architecture = _architecture(image)
    refuse_what_cannot_run(client, image, reference=reference, architecture=architecture)
    return ImageFacts(
        name=name,
        reference=reference,
        id=str(image.id),
        # Podman gives even its own builds a digest, which changes with the time of building.
        digest=digests[0] if digests and not content_addressed else None,
        origin=made_by_memcap or ("registry" if digests else "local image"),
        architecture=architecture,
        python=python_facts(client, image),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        user=config.get("User") or "",
        working_directory=config.get("WorkingDir") or "",
        sets_home=bool(variables.get("HOME")),  # Docker takes an empty one for none
        python_path=variables.get("PYTHONPATH", ""),
        stop_signal=config.get("StopSignal") or "",
        mutable=not (content_addressed or _names_contents(reference, image)),
    )


def python_facts(client: DockerClient, image: Image) -> PythonFacts | None:
    """Return the Python that ``python`` or ``python3`` starts in ``image``, or None. Raises EngineError.

    The answer is kept in the user's cache folder: an image id always means the same contents.
    """
    kept = user_cache_path("memcap") / "pythons" / f"{str(image.id).replace(':', '-')}.json"
    known, facts = _read(kept)
    if known:
        return facts
    sure = True
    for program in ("python", "python3"):
        answer = _ask(client, image, program)
        if answer is None:
            continue
        facts = _parse(answer)
        if facts is not None and not facts.version.startswith("2."):
            break
        sure = sure and facts is not None
        facts = None
    if facts is not None or sure:
        _write(kept, facts)
    return facts


def _architecture(image: Image) -> str:
    """Return the architecture in the kernel's words (x86_64), or Docker's where they are not known."""
    named = str(image.attrs.get("Architecture", "unknown"))
    return _ARCHITECTURES.get(named, named)


def _names_contents(reference: str, image: Image) -> bool:
    return "@sha256:" in reference or reference.startswith("sha256:") or str(image.id).startswith(f"sha256:{reference}")


def _ask(client: DockerClient, image: Image, program: str) -> str | None:
    """Return what ``program`` printed, or None if the image has no such program."""
    name = fresh_name("question")
    with translated(f"ask {image.id} which Python it has"):
        container: Container = client.containers.create(
            str(image.id),
            entrypoint=[program],
            command=["-c", _QUESTION],
            network_mode="none",
            working_dir="/",
            name=name,
            labels=container_labels(name, kind="question"),
        )
    try:
        try:
            with translated(f"start {program} in {image.id}"):
                container.start()
        except MemcapError as error:
            if _NO_PROGRAM.search(error.message):
                return None
            raise
        with translated(f"wait for {program} in {image.id}"):
            container.wait(timeout=_ANSWER_SECONDS)
            return container.logs(stdout=True, stderr=False).decode("utf-8", "replace")
    finally:
        with translated(f"remove {container.id}"), already_gone():
            container.remove(force=True, v=True)


def _parse(text: str) -> PythonFacts | None:
    """Return the facts of the last line of ``text``, or None if it is not an answer: start-up hooks may print too."""
    lines = text.strip().splitlines()
    if not lines:
        return None
    try:
        return PythonFacts(**{key: str(value) for key, value in read_object("the answer", lines[-1]).items()})
    except (FileFormatError, TypeError):
        return None


def _read(kept: Path) -> tuple[bool, PythonFacts | None]:
    """Return whether an answer is kept, and the answer; a file that cannot be read is as good as none."""
    try:
        answer = read_object(kept, read_text(kept, most_bytes=MOST_CONFIG_BYTES))
        if answer["question"] != _QUESTION_VERSION:
            return False, None
        known = answer["python"]
        return True, None if known is None else PythonFacts(**{key: str(value) for key, value in known.items()})
    except (FileFormatError, TypeError, KeyError, AttributeError):
        return False, None


def _write(kept: Path, facts: PythonFacts | None) -> None:
    answer = {"question": _QUESTION_VERSION, "python": None if facts is None else asdict(facts)}
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=kept.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        Path(temporary).replace(kept)
    except OSError:
        return  # without a cache folder it is asked again next time
