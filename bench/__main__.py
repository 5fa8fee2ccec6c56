"""``python -m bench`` (or ``./cardswitch bench``): lists the benchmarks, or runs one by name.

A benchmark is a module of this package with ``main(argv: list[str]) -> int``. It prints a table for people, then one
JSON object with its figures as its last line. The first line of its docstring is what the listing shows.
"""

import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """Names of the benchmarks with the first line of their docstrings. Reads the files, imports none of them."""
    found = {}
    for file in sorted(FOLDER.glob("[a-z]*.py")):
        tree = ast.parse(file.read_text())
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[file.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def run_bench(name: str | None, arguments: Sequence[str]) -> int:
    """Runs one, or lists them all when there is no name. Returns its exit status; 2 for a name that is none."""
    known = benchmarks()
    if name is None:
        for known_name, line in known.items():
            print(f"{known_name:<20} {line}")
        return 0
    if name not in known:
        print(f"no benchmark {name!r}; there are: {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    sys.path.insert(0, str(FOLDER.parent))  # sippy's wheel brings a package "tests" of its own, found before ours
    status: int = importlib.import_module(f"bench.{name}").main(list(arguments))
    return status


if __name__ == "__main__":
    sys.exit(run_bench(sys.argv[1] if len(sys.argv) > 1 else None, sys.argv[2:]))
