"""Builds a release from a checkout: a tar file with our wheel and the wheels of everything it needs.

``build_release.py --project DIR --into DIR`` prints the release's id, which is made of the content: the same checkout
gives the same id, and what is there already is not built again. The requirements are fetched by their pinned hashes.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGES = ("rating", "kemi", "mediasrv", "console", "kamailio", "sql")
FILES = ("pyproject.toml", "README.md", "LICENSE", "requirements.txt", "requirements-build.txt")
SKIPPED = re.compile(r"__pycache__|\.pyc$|/typings/")
BUILD_TIMEOUT_S = 900


def sources(project: Path) -> list[Path]:
    """Every file that makes a difference, relative to the project, in order."""
    found = [Path(name) for name in FILES]
    for package in PACKAGES:
        found += [path.relative_to(project) for path in (project / package).rglob("*") if path.is_file()]
    return sorted(path for path in found if not SKIPPED.search(path.as_posix()))


def identity(project: Path) -> str:
    """``0.1.0-3f2a9c0d1e2b``: the version and the beginning of a hash over names and contents."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sources(project):
        content = (project / path).read_bytes()
        digest.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    version = re.search(r'(?m)^version = "([^"]+)"', (project / "pyproject.toml").read_text())
    return f"{version[1] if version else '0'}-{digest.hexdigest()[:12]}"


def build(project: Path, target: Path) -> None:
    """Writes the tar file, whole or not at all. Raises subprocess.CalledProcessError, TimeoutExpired."""
    target.parent.mkdir(parents=True, exist_ok=True)
    pins = (project / "requirements.txt").read_bytes() + (project / "requirements-build.txt").read_bytes()
    cache = target.parent / "wheels" / hashlib.sha256(pins).hexdigest()[:12]
    with tempfile.TemporaryDirectory(prefix="cardswitch-release-") as directory:
        work = Path(directory)
        run([sys.executable, "-m", "venv", str(work / "venv")])
        pip = [str(work / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        if not (cache / "complete").exists():
            fetch(project, cache, pip)
        tools = sorted(map(str, (cache / "build").glob("*.whl")))
        run([*pip, "install", "--no-index", "--no-deps", *tools])
        for path in sources(project):
            (work / "source" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project / path, work / "source" / path)
        wheels = work / "wheels"
        shutil.copytree(cache, wheels, ignore=lambda *_: {"complete", "build"})
        run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(work / "source")])
        unfinished = target.with_suffix(".new")
        with tarfile.open(unfinished, "w:gz", compresslevel=1) as tar:
            tar.add(wheels, arcname="wheels")
        unfinished.replace(target)


def fetch(project: Path, cache: Path, pip: list[str]) -> None:
    """The wheels of everything pinned, into ``cache``: fetched by hash once, PyICU compiled."""
    shutil.rmtree(cache, ignore_errors=True)
    tools = ["--require-hashes", "-r", str(project / "requirements-build.txt")]
    run([*pip, "download", "--only-binary=:all:", "-d", str(cache / "build"), *tools])
    run([*pip, "install", *tools])
    requirements = ["--require-hashes", "-r", str(project / "requirements.txt")]
    run([*pip, "wheel", "--no-build-isolation", "-w", str(cache), *requirements])
    (cache / "complete").touch()


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=BUILD_TIMEOUT_S, stdin=subprocess.DEVNULL)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--only-id", action="store_true")
    options = parser.parse_args()
    name = identity(options.project)
    target = options.into / f"{name}.tar.gz"
    if not options.only_id and not target.exists():
        build(options.project, target)
    print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
