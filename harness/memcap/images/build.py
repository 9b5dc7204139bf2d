"""Make sure that images are on the daemon: build folders with a Dockerfile, find or pull references."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.engine.docker_client import translated
from memcap.engine.docker_labels import image_labels
from memcap.errors import BuildError, ImageMissing
from memcap.images.bases import BaseFinder, BaseImage, BaseLine, parse_base
from memcap.images.context import build_arguments, context_digest, dockerfile_of
from memcap.images.debian_package import debian_package, make_package_image
from memcap.images.inspect import image_facts
from memcap.images.registry import IMAGE_LABEL, ORIGIN_LABEL, find_local, find_own, image_tag, pull
from memcap.model import ImageFacts, ImageSource
from memcap.units import format_seconds

if TYPE_CHECKING:
    from docker import DockerClient

_AT_ONCE = 2
_SHOWN_LINES = 20


def build_images(
    client: DockerClient, sources: Sequence[ImageSource], *, say: Callable[[str], None]
) -> tuple[ImageFacts, ...]:
    """Return the facts of all ``sources``, which are on the daemon then; ``say`` hears what is done about them.

    A folder is built if its contents or its base changed, two at a time; a reference is taken as it is, or pulled if
    missing; an image of a Debian package is made once. Raises BuildError (with the end of the build's output),
    ImageMissing or EngineError.
    """
    _refuse_missing(sources)
    finder = BaseFinder(client, say=say)
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="memcap-build") as pool:
        waiting = [pool.submit(_make, client, source, finder, say) for source in sources]
        try:
            return tuple(future.result() for future in waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def built_references(client: DockerClient, source: ImageSource) -> tuple[str, ...]:
    """Return the references of a folder's image and of its base if both are on the daemon and current, else nothing.

    That of a Debian package's image has no base. Nothing is built or pulled. Raises BuildError or EngineError.
    """
    if source.debian_package is not None:
        package = debian_package(client, source.debian_package, image=source.name)
        return () if find_own(client, package.tag) is None else (package.tag,)
    if source.directory is None or source.lacks_dockerfile:
        return ()
    line = _read_base(dockerfile_of(source, source.directory))
    base = BaseFinder(client, say=lambda _: None).find_existing(line) if line is not None else None
    if line is not None and base is None:
        return ()
    tag = _tag_of_folder(source, source.directory, base)
    if find_own(client, tag) is None:
        return ()
    return (tag,) if base is None else (tag, base.reference)


def _make(client: DockerClient, source: ImageSource, finder: BaseFinder, say: Callable[[str], None]) -> ImageFacts:
    started = time.monotonic()
    if source.directory is not None:
        facts = _from_folder(client, source, source.directory, finder, say)
    elif source.debian_package is not None:
        facts = _from_package(client, source.name, source.debian_package, say)
    else:
        facts = _from_reference(client, source, say)
    python = f"{facts.python.implementation} {facts.python.version}" if facts.python else "no Python"
    say(f"{source.name}: {python}, {facts.origin}, ready after {format_seconds(time.monotonic() - started)}")
    return facts


def _from_reference(client: DockerClient, source: ImageSource, say: Callable[[str], None]) -> ImageFacts:
    reference = source.reference
    if reference is None:
        raise ImageMissing(f"image {source.name!r} has neither a folder nor a reference")
    image = find_local(client, reference)
    if image is None:
        say(f"pulling {reference}")
        image = pull(client, reference)
    return image_facts(client, image, name=source.name, reference=reference, content_addressed=False)


def _from_package(client: DockerClient, name: str, package_name: str, say: Callable[[str], None]) -> ImageFacts:
    package = debian_package(client, package_name, image=name)
    image = find_own(client, package.tag) or make_package_image(client, package, say=say)
    return image_facts(client, image, name=name, reference=package.tag, content_addressed=False)


def _from_folder(
    client: DockerClient, source: ImageSource, directory: Path, finder: BaseFinder, say: Callable[[str], None]
) -> ImageFacts:
    name = source.name
    line = _read_base(dockerfile_of(source, directory))
    base = finder.find(line) if line is not None else None
    tag = _tag_of_folder(source, directory, base)
    image = find_own(client, tag)
    if image is None:
        say(f"building {tag}")
        overridden = base if line is not None and line.replaceable else None
        _run_build(client, source, directory, tag, labels=_labels(name, tag, base), base=overridden)
        image = find_local(client, tag)
        if image is None:
            raise BuildError(f"{tag} was built, but is gone", remedy="Build again; is something pruning images?")
    return image_facts(client, image, name=name, reference=tag, content_addressed=True)


def _refuse_missing(sources: Sequence[ImageSource]) -> None:
    """Raise BuildError, before anything is built, for images whose Dockerfile is not there."""
    missing = [f"image {source.name}: there is no file {source.dockerfile}" for source in sources
               if source.lacks_dockerfile]  # fmt: skip
    if missing:
        raise BuildError(
            "; ".join(missing), remedy="Correct `dockerfile` in limits.toml, or choose other images with --image."
        )


def _read_base(dockerfile: Path) -> BaseLine | None:
    try:
        return parse_base(dockerfile.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildError(f"could not read {dockerfile}: {error.strerror}", remedy="Put a Dockerfile there.") from error
    except BuildError as error:
        raise BuildError(f"{dockerfile}: {error.message}", remedy=error.remedy) from error


def _tag_of_folder(source: ImageSource, directory: Path, base: BaseImage | None) -> str:
    words = f"{source.name} {context_digest(source, directory)} {base.key if base else ''}"
    return image_tag(source.name, hashlib.sha256(words.encode()).hexdigest())


def _labels(name: str, tag: str, base: BaseImage | None) -> dict[str, str]:
    origin = base.origin if base is not None else "built from its Dockerfile"
    return {**image_labels(tag, kind="image"), IMAGE_LABEL: name, ORIGIN_LABEL: origin}


def _run_build(
    client: DockerClient,
    source: ImageSource,
    directory: Path,
    tag: str,
    *,
    labels: dict[str, str],
    base: BaseImage | None,
) -> None:
    """Build ``source`` as ``tag``; raises BuildError with the last lines of the output."""
    output: deque[str] = deque(maxlen=_SHOWN_LINES)
    with translated(f"build {tag}"), build_arguments(source, directory) as context:
        messages = client.api.build(
            **context,
            tag=tag,
            buildargs={"BASE": base.reference} if base is not None else None,
            labels=labels,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=None,  # a step may be silent for minutes
        )
        failure = ""
        for message in messages:  # read to the end, even after an error: the connection is given back only then
            output.extend(line for line in str(message.get("stream", "")).splitlines() if line.strip())
            failure = failure or str(message.get("error", ""))
    if failure:
        shown = "\n".join(f"  | {line}" for line in [*output, failure][-_SHOWN_LINES:])
        file = dockerfile_of(source, directory)
        raise BuildError(
            f"could not build {file}; the end of its output:\n{shown}",
            remedy=f"Fix the Dockerfile; `docker build -f {file} {directory}` shows all of the output.",
        )
