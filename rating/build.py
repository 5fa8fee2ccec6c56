"""Which Cardswitch this is."""

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@cache
def version() -> str:
    """Of the installed package, or of the tree this file is in."""
    try:
        return metadata.version("cardswitch")
    except metadata.PackageNotFoundError:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        return str(project["version"])
