"""The files of a new project: whatever the repository is like, what is written can be used."""

from __future__ import annotations

import ast
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from memcap.config import load_config
from memcap.init import PlannedFile, Wishes, choose, limits_additions, look, plan_files

ROOT = Path(__file__).parents[3]
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
Check = Callable[[str, str], None]


def plan(root: Path, wishes: Wishes | None = None) -> tuple[PlannedFile, ...]:
    repository = look(root)
    return plan_files(repository, choose(repository, wishes or Wishes()))


def write(files: tuple[PlannedFile, ...]) -> None:
    for file in files:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        with file.path.open("a" if file.appends else "x", encoding="utf-8") as stream:
            stream.write(file.text)


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


# Quotes, colours, other alphabets, a lone dash: whatever names and values may hold.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n/\\"), min_size=1, max_size=30)
SPECIFIERS = st.sampled_from(["", ">=3.10", "^3.11", ">=3.8,<3.12", "==3.12.*", "!!", "<3"]) | TEXTS
MODULES = st.sampled_from(["", FASTAPI, "import click\ndef main(): pass\n", "if __name__ == '__main__': pass\n", "%&"])
FILES = st.dictionaries(
    st.sampled_from([
        "main.py", "shop/__init__.py", "shop/web.py", "src/store/__init__.py", "src/store/cli.py", "workloads.py",
        "manage.py", "api/app/main.py", "setup.py",
    ]),
    MODULES,
)  # fmt: skip
OTHERS = st.dictionaries(
    st.sampled_from([
        ".gitignore", ".gitlab-ci.yml", ".github/x", ".python-version", "setup.cfg", "requirements.txt",
        "requirements-prod.txt", "images/logo.txt", "images/icons/shop.png", "Dockerfile",
        "docker/Dockerfile.prod", "suites.txt", "results/x.json",
    ]),
    st.sampled_from([
        "", "fastapi==0.100\n", "flask>=2\n", "3.12\n", "FROM python:3.12\n", "/results/*", "[metadata]\nname = [x]\n",
    ]) | TEXTS,
)  # fmt: skip


@st.composite
def repositories(draw: st.DrawFn) -> dict[str, str]:
    """Return the files of a repository."""
    files = {**draw(FILES), **draw(OTHERS)}
    if draw(st.booleans()):
        name, python, script = draw(TEXTS), draw(SPECIFIERS), draw(TEXTS)
        files["pyproject.toml"] = (
            f"[project]\nname = {quoted(name)}\nrequires-python = {quoted(python)}\n"
            f'[project.scripts]\n{quoted(script)} = "store.cli:main"\n'
        )
    return files


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


SERVICES = st.sampled_from([None, "github", "gitlab", "none"])
REFERENCES = st.sampled_from([None, "shop/prod:1.0", "reg.example.org:5000/x/y@sha256:" + "0" * 64])


@settings(max_examples=60)
@given(repositories(), SERVICES, REFERENCES)
def test_what_is_written_loads_and_is_complete(
    files: dict[str, str], service: str | None, reference: str | None
) -> None:
    wishes = Wishes(service=service, reference=reference)
    with tempfile.TemporaryDirectory() as folder:
        root = put(Path(folder), files)
        planned = plan(root, wishes)
        write(planned)

        config = load_config(root)
        [suite] = config.suites.values()
        profile = config.profiles["quick"]

        assert len(suite.benchmarks) == 1
        assert profile.images[0] in config.images
        assert set(suite.benchmarks[0].cap_names) <= set(config.caps)
        assert plan(root, wishes) == ()
        for file in planned:
            if file.path.suffix == ".py":
                ast.parse(file.text)
            if file.path.suffix == ".yml":
                yaml.safe_load(file.text)


def test_the_tolerances_are_those_of_this_repository(tmp_path: Path) -> None:
    write(plan(tmp_path))

    assert load_config(tmp_path).rules.tolerances == load_config(ROOT).rules.tolerances


def test_images_are_those_of_this_repository(tmp_path: Path) -> None:
    write(plan(tmp_path, Wishes(running_python="3.12")))

    for name in ("py312", "py313"):
        own = ROOT / "images" / name / "Dockerfile"
        assert (tmp_path / "images" / name / "Dockerfile").read_text() == own.read_text(encoding="utf-8")


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    own = {
        ".gitignore": "*.pyc",
        "images/py311/Dockerfile": "FROM mine\n",
        ".github/workflows/memory.yml": "on: push\n",
    }
    put(tmp_path, own)

    write(plan(tmp_path, Wishes(running_python="3.11")))

    assert (tmp_path / "images/py311/Dockerfile").read_text() == "FROM mine\n"
    assert (tmp_path / ".github/workflows/memory.yml").read_text() == "on: push\n"
    assert (tmp_path / ".gitignore").read_text().startswith("*.pyc")


@pytest.mark.parametrize("before", ["*.pyc\n", "results/\n", "/results/*\n!/results/baselines/\nresults\n", "*.json"])
def test_only_results_are_ignored(tmp_path: Path, before: str) -> None:
    put(tmp_path, {".gitignore": before})

    [ignore] = [file for file in plan(tmp_path) if file.path.name == ".gitignore"]

    assert ignore.appends
    assert ignore.text.splitlines()[-4:] == [
        "!/results/",
        "/results/*",
        "!/results/baselines/",
        "!/results/baselines/*",
    ]


@pytest.mark.allow_processes
@pytest.mark.parametrize("before", ["results/", "results", "*.json\n", "/results/*\n!/results/baselines/\nresults\n"])
def test_git_keeps_the_baselines(tmp_path: Path, before: str) -> None:
    api = put(tmp_path / "api", {"main.py": FASTAPI, ".gitignore": before})
    put(tmp_path, {".gitignore": before})
    git = ("git", "-C", str(tmp_path))
    subprocess.run((*git, "init", "--quiet"), check=True)
    write(plan(api))
    put(api, {"results/baselines/api.json": "", "results/1.json": ""})

    shown = subprocess.run((*git, "ls-files", "--others", "--exclude-standard"), check=True, capture_output=True)

    found = [path for path in shown.stdout.decode().split() if "results" in path]
    assert found == ["api/results/baselines/api.json"]


@pytest.mark.allow_processes
def test_git_keeps_files_of_others_in_results(tmp_path: Path) -> None:
    """A package that is called results was hidden from git."""
    own = ("results/__init__.py", "results/report.py", "results/data/1.json")
    put(tmp_path, {"main.py": FASTAPI, ".gitignore": "*.json\n!/results/data/*\n", **dict.fromkeys(own, "")})
    git = ("git", "-C", str(tmp_path))
    subprocess.run((*git, "init", "--quiet"), check=True)
    write(plan(tmp_path))
    campaign = "20260101T000000-quick-1a2b"
    of_memcap = (f"{campaign}.json", f"{campaign}.base.json", f"{campaign}.json.journal", "memcap.html", "repro/a/b")
    put(tmp_path, {f"results/{name}": "" for name in (*of_memcap, "baselines/api.json")})

    shown = subprocess.run((*git, "ls-files", "--others", "--exclude-standard"), check=True, capture_output=True)

    found = [path for path in shown.stdout.decode().split() if path.startswith("results/")]
    assert found == sorted((*own, "results/baselines/api.json"))
    assert not [file for file in plan(tmp_path) if file.path.name == ".gitignore"]


@pytest.mark.parametrize("name", ["20260101T000000-quick-1a2b.json", "baselines/api.json", ".hidden"])
def test_results_of_memcap_alone_are_ignored_together(tmp_path: Path, name: str) -> None:
    put(tmp_path, {f"results/{name}": ""})
    [ignore] = [file for file in plan(tmp_path) if file.path.name == ".gitignore"]
    assert "/results/*" in ignore.text.splitlines()


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "main.py", "Dockerfile", "requirements.txt"):
        os.mkfifo(tmp_path / name)

    assert plan(tmp_path)


def test_the_last_line_of_a_file_in_another_encoding_stays_one(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes("# für git\n.env".encode("latin-1"))

    write(plan(tmp_path))

    assert b"\n.env\n" in (tmp_path / ".gitignore").read_bytes()
    assert not [file for file in plan(tmp_path) if file.path.name == ".gitignore"]


class TestMonorepo:
    @pytest.fixture
    def api(self, tmp_path: Path) -> Path:
        (tmp_path / ".git").mkdir()
        return put(tmp_path / "services" / "api", {"main.py": FASTAPI})

    def test_files_of_ci_are_at_the_top_and_lead_back(self, tmp_path: Path, api: Path) -> None:
        write(plan(api, Wishes(service="github")))

        workflow = yaml.safe_load((tmp_path / ".github/workflows/memory-services-api.yml").read_text())
        job = workflow["jobs"]["memory"]

        assert job["defaults"] == {"run": {"working-directory": "services/api"}}
        assert job["steps"][-1]["with"]["path"] == "services/api/results/*\n!services/api/results/baselines\n"
        assert (api / "limits.toml").is_file()
        assert (api / ".gitignore").is_file()
        assert not (tmp_path / ".gitignore").exists()

    def test_a_name_is_no_pattern(self, tmp_path: Path) -> None:
        api = put(tmp_path / "api[1]*", {"main.py": FASTAPI})
        (tmp_path / ".git").mkdir()
        for service in ("github", "gitlab"):
            write(plan(api, Wishes(service=service)))

        steps = yaml.safe_load((tmp_path / ".github/workflows/memory-api-1.yml").read_text())["jobs"]["memory"]["steps"]
        job = yaml.safe_load((tmp_path / ".gitlab/memory-api-1.yml").read_text())["memory-api-1"]

        assert steps[-1]["with"]["path"] == "api[[]1][*]/results/*\n!api[[]1][*]/results/baselines\n"
        assert job["artifacts"]["paths"] == ["api[[]1][*]/results"]

    def test_on_gitlab(self, tmp_path: Path, api: Path) -> None:
        write(plan(api, Wishes(service="gitlab")))

        job = yaml.safe_load((tmp_path / ".gitlab/memory-services-api.yml").read_text())["memory-services-api"]

        assert job["script"][1] == "cd services/api"
        assert job["artifacts"]["paths"] == ["services/api/results"]
        assert yaml.safe_load((tmp_path / ".gitlab-ci.yml").read_text()) == {
            "include": [{"local": "/.gitlab/memory-services-api.yml"}]
        }


class TestExistingProject:
    LIMITS = '[caps]\n512m = "512MiB"\n[profiles.quick]\n'

    def test_its_owner_hears_what_to_add(self, tmp_path: Path) -> None:
        repository = look(put(tmp_path, {"limits.toml": self.LIMITS, "main.py": FASTAPI}))
        choice = choose(repository, Wishes())

        write(plan_files(repository, choice))

        assert (tmp_path / "limits.toml").read_text() == self.LIMITS
        assert limits_additions(repository, choice).splitlines()[1] == 'package = "."'
        assert load_config(tmp_path).suites.keys() == {look(tmp_path).root.name.replace("-", "_").lower()[:40]}

    def test_a_suite_that_is_there_is_enough(self, tmp_path: Path) -> None:
        suite = '[benchmarks.own]\ncommand = ["true"]\n'
        put(tmp_path, {"limits.toml": self.LIMITS, "suites/mine/suite.toml": suite, "main.py": FASTAPI})

        write(plan(tmp_path))

        assert list(load_config(tmp_path).suites) == ["mine"]


@pytest.mark.parametrize("kind", ["application", "command", "package", "example"])
def test_workloads_read_well(tmp_path: Path, golden: Check, kind: str) -> None:
    pyproject = '[project]\nname = "shop"\n[project.scripts]\nshop = "shop.cli:main"\n'
    files = {
        "application": {"shop/__init__.py": "", "shop/web.py": FASTAPI},
        "command": {"pyproject.toml": pyproject, "shop/__init__.py": "", "shop/cli.py": "import argparse\n"},
        "package": {"shop/__init__.py": ""},
        "example": {"pyproject.toml": pyproject},
    }[kind]
    root = put(tmp_path / "shop", files)

    golden(f"init/{kind}.py.txt", next(file.text for file in plan(root) if file.path.suffix == ".py"))


@pytest.mark.parametrize("kind", ["python", "dockerfile", "reference"])
def test_the_rest_reads_well(tmp_path: Path, golden: Check, kind: str) -> None:
    root = put(tmp_path / "shop", {"shop/web.py": FASTAPI})
    if kind == "dockerfile":
        put(root, {"Dockerfile": "FROM python:3.12-slim\n"})
    reference = "shop/prod:1.0" if kind == "reference" else None
    for service in ("github", "gitlab"):
        wishes = Wishes(reference=reference, service=service, running_python="3.12")
        for file in plan(root, wishes):
            if file.path.name in ("limits.toml", "memory.yml"):
                golden(f"init/{kind}-{service}-{file.path.name}", file.text)


def test_the_files_of_services_end_with_a_verdict(tmp_path: Path) -> None:
    """A reference is judged by baselines, code in the repository by the base of the pull request."""
    put(tmp_path, {"main.py": FASTAPI})

    def runs(**wishes: str) -> str:
        files = plan(tmp_path, Wishes(service="github", **wishes))
        return next(file.text for file in files if file.path.name == "memory.yml")

    assert "memcap run --base-ref HEAD^1 --until-decided" in runs()
    assert 'memcap run --image "prod=$IMAGE"' in runs(reference="shop/prod:1.0")
    assert "IMAGE: shop/prod:${{ github.sha }}" in runs(reference="shop/prod:1.0")
