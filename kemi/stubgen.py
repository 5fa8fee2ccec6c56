"""``python -m kemi.stubgen --rpc SOCKET``: writes the stub of ``KSR`` from a running Kamailio's own list.

Kamailio lists names and types, no parameter names. ``kamailio/typings/KSR.pyi`` is what mypy and the fake of the unit
tests go by; ``--check`` compares it with the server and fails when they disagree.
"""

import argparse
import json
import keyword
import os
import socket
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STUB = Path(__file__).parent.parent / "kamailio" / "typings" / "KSR.pyi"
HEADER = '"""Kamailio\'s functions for Python, written by kemi.stubgen from a running 5.6 server. Do not edit."""\n'
TYPES = {"none": "None", "str": "str", "int": "int", "bool": "bool", "xval": "str | int | None"}


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """``module`` is "" for functions of ``KSR`` itself; types are Python's."""

    module: str
    name: str
    parameters: tuple[str, ...]
    returns: str


def rpc(socket_path: Path, method: str, *params: str | int) -> Any:
    """One JSON-RPC call on Kamailio's unix datagram socket. Raises OSError, TimeoutError or RuntimeError."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind(os.path.join(directory, "reply"))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        client.settimeout(5)
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        client.sendto(json.dumps(request).encode(), str(socket_path))
        answer = json.loads(client.recv(1 << 20))
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]


def functions_of(api_list: dict[str, Any]) -> list[Function]:
    """The functions of an ``app_python.api_list`` answer, sorted."""
    found = []
    for method in api_list["methods"]:
        entry = method["func"]
        names = [name.strip() for name in entry["params"].split(",")]
        parameters = tuple(TYPES[name] for name in names if name != "none")
        found.append(Function(entry["module"], entry["name"], parameters, TYPES[entry["ret"]]))
    return sorted(found)


def stub_text(functions: list[Function]) -> str:
    """The stub: one class and one variable for each module, then the functions of KSR itself."""
    modules: dict[str, list[Function]] = defaultdict(list)
    for function in functions:
        modules[function.module].append(function)
    parts = [HEADER]
    for module, members in sorted(modules.items()):
        if module:
            parts.append(_module_text(module, members))
    parts.append("\n".join(_definition(function, "") for function in modules.get("", [])))
    return "\n".join(parts).rstrip() + "\n"


def _module_text(module: str, members: list[Function]) -> str:
    lines = [f"class _{module}:"]
    for function in members:
        lines += ["    @staticmethod", _definition(function, "    ")]
    if not keyword.iskeyword(module):  # `async` can only be had by getattr
        lines += ["", f"{module}: type[_{module}]"]
    return "\n".join(lines) + "\n"


def _definition(function: Function, indent: str) -> str:
    parameters = ", ".join(f"a{index}: {kind}" for index, kind in enumerate(function.parameters))
    slash = ", /" if parameters else ""
    return f"{indent}def {function.name}({parameters}{slash}) -> {function.returns}: ..."


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m kemi.stubgen", description=__doc__)
    parser.add_argument("--rpc", type=Path, required=True, help="Kamailio's JSON-RPC datagram socket")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the stub is not the server's")
    options = parser.parse_args(argv)
    text = stub_text(functions_of(rpc(options.rpc, "app_python.api_list")))
    if options.check:
        same = STUB.exists() and STUB.read_text() == text
        print("the stub agrees with the server" if same else f"{STUB} is not what the server offers: run stubgen")
        return 0 if same else 1
    STUB.parent.mkdir(exist_ok=True)
    STUB.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
