"""What an alert is made of, and the YAML that Prometheus reads."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

WIDTH = 150  # of a line


class Severity(StrEnum):
    CRITICAL = "critical"  # money or all calls: wake somebody
    WARNING = "warning"  # look today


@dataclass(frozen=True, slots=True)
class Alert:
    """``wait`` is how long it has to hold. ``runbook`` is a page of docs/runbooks, without its ending."""

    name: str
    severity: Severity
    expr: str
    wait: str
    summary: str
    runbook: str

    @property
    def page(self) -> str:
        return f"docs/runbooks/{self.runbook}.md"


def to_yaml(group: str, alerts: Sequence[Alert]) -> str:
    """One group of rules. Every text is quoted as JSON does, which YAML reads."""
    lines = ["# Written by `python -m console.monitoring`.", "groups:", f"  - name: cardswitch-{group}", "    rules:"]
    for alert in alerts:
        lines += [
            f"      - alert: {alert.name}",
            *_folded("        expr: ", alert.expr),
            f"        for: {alert.wait}",
            "        labels:",
            f"          severity: {alert.severity}",
            "        annotations:",
            f"          summary: {_quoted(alert.summary)}",
            f"          runbook_url: {_quoted(alert.page)}",
        ]
    return "\n".join(lines) + "\n"


def _folded(key: str, text: str) -> list[str]:
    """A text without double spaces, on as many lines as it takes."""
    if len(key) + len(_quoted(text)) <= WIDTH:
        return [f"{key}{_quoted(text)}"]
    indent = " " * (len(key) - len(key.lstrip()) + 2)
    pieces = textwrap.wrap(text, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    return [f"{key}>-", *(f"{indent}{piece}" for piece in pieces)]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
