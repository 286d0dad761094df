"""What is shipped: the wheel has everything a person needs, the sdist everything a packager does."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from llmpool import __version__

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow  # .ci/run builds both
SHARE = f"llmpool-{__version__}.data/data/share"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both from this checkout, without the network."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> list[str]:
    """Name what is in the wheel."""
    with zipfile.ZipFile(built / f"llmpool-{__version__}-py3-none-any.whl") as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def sdist(built: Path) -> list[str]:
    """Name what is in the sdist, without its top directory."""
    with tarfile.open(built / f"llmpool-{__version__}.tar.gz") as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def test_the_wheel_has_every_module_and_every_data_file(wheel: list[str]) -> None:
    """All that lies in the package is shipped, typed, with its data."""
    package = [p for p in (ROOT / "llmpool").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {str(p.relative_to(ROOT)) for p in package} == {
        name for name in wheel if name.startswith("llmpool/")
    }
    assert {"llmpool/py.typed", "llmpool/data/presets.toml"} <= set(wheel)
    schemas = "llmpool/data/schemas"
    assert {f"{schemas}/llmpool.schema.json", f"{schemas}/output/models-list.json"} <= set(wheel)


def test_the_wheel_has_every_page_and_completion(wheel: list[str]) -> None:
    """Man pages and completions go where man and the shells look for them."""
    pages = {f"{SHARE}/{page.relative_to(ROOT).as_posix()}" for page in ROOT.glob("man/man?/*")}
    completions = {
        f"{SHARE}/bash-completion/completions/llmpool",
        f"{SHARE}/zsh/site-functions/_llmpool",
        f"{SHARE}/fish/vendor_completions.d/llmpool.fish",
    }
    assert {f"{SHARE}/man/man1/llmpool.1", f"{SHARE}/man/man5/llmpool.toml.5"} <= pages
    assert pages | completions == {name for name in wheel if name.startswith(SHARE)}


def test_the_wheel_has_a_licence_and_an_entry_point_and_no_tests(wheel: list[str]) -> None:
    """Nothing but the package, its metadata and the shared data is in it."""
    info = f"llmpool-{__version__}.dist-info"
    assert {f"{info}/licenses/LICENSE", f"{info}/entry_points.txt"} <= set(wheel)
    known = ("llmpool/", f"{info}/", f"{SHARE}/")
    assert not [name for name in wheel if not name.startswith(known) or "test" in name]


def test_the_sdist_has_all_that_builds_and_tests_need(sdist: list[str]) -> None:
    """From the sdist alone the wheel can be built, tested and documented."""
    for name in ("README.md", "LICENSE", "pyproject.toml", "llmpool/__main__.py", "tests/conftest.py"):
        assert name in sdist
    for pattern in ("man/man?/*", "completions/*", "tests/**/*.py"):
        assert {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)} <= set(sdist)
    assert not [
        name for name in sdist if name.endswith((".pyc", ".pyo")) or name.startswith((".git/", ".ci"))
    ]
