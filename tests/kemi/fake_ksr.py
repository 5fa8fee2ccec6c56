"""A fake ``KSR`` with the functions of ``kamailio/typings/KSR.pyi``: what the server would not take fails here, too.

Pseudo-variables are a dictionary; what the code does is in ``calls``. Answers that a test needs are set by name.
"""

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from kemi.stubgen import STUB

KINDS: dict[str, type] = {"str": str, "int": int, "bool": bool}


def signatures() -> dict[str, tuple[str, ...]]:
    """ "module.function" to the types of its parameters, out of the stub."""
    found: dict[str, tuple[str, ...]] = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef):
                    found[f"{node.name.removeprefix('_')}.{member.name}"] = _kinds(member)
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = _kinds(node)
    return found


def _kinds(function: ast.FunctionDef) -> tuple[str, ...]:
    return tuple(ast.unparse(argument.annotation) for argument in function.args.posonlyargs if argument.annotation)


@dataclass
class FakeKsr:
    """``pv``: pseudo-variables; ``answers``: by function, a value or a callable; everything else answers 1."""

    pv: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    tables: dict[tuple[str, str], Any] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of ``name``."""
        return [arguments for called, arguments in self.calls if called == name]

    def install(self) -> "FakeKsr":
        """Becomes the module ``KSR`` that kemi/ksr.py uses."""
        module = sys.modules.get("KSR") or ModuleType("KSR")
        sys.modules["KSR"] = module
        for name, kinds in signatures().items():
            holder, _, function = name.rpartition(".")
            target: Any = module
            if holder:
                if not hasattr(module, holder):
                    setattr(module, holder, ModuleType(f"KSR.{holder}"))
                target = getattr(module, holder)
            setattr(target, function, self._function(name, kinds))
        return self

    def _function(self, name: str, kinds: tuple[str, ...]) -> Callable[..., Any]:
        def function(*arguments: Any) -> Any:
            if len(arguments) != len(kinds) or any(
                type(a) is not KINDS[k] for a, k in zip(arguments, kinds, strict=True)
            ):
                raise SystemError(f"KSR.{name}{arguments}: the server takes {kinds}")
            self.calls.append((name, arguments))
            return self._answer(name, arguments)

        return function

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in self.answers:
            answer = self.answers[name]
            return answer(*arguments) if callable(answer) else answer
        match name:
            case "pv.get":
                value = self.pv.get(arguments[0])
                return value.decode() if isinstance(value, bytes) else value  # as the server: UnicodeDecodeError
            case "pv.sets" | "pv.seti":
                self.pv[arguments[0]] = arguments[1]
            case "dialog.var_sets":
                self.pv[f"$dlg_var({arguments[0]})"] = arguments[1]
            case "htable.sht_get":
                return self.tables.get(arguments[:2])
            case "htable.sht_sets" | "htable.sht_seti":
                self.tables[arguments[:2]] = arguments[2]
            case "is_method":
                return self.pv.get("$rm") in arguments[0].split("|")
        return 1
