"""promtool on the alert rules: they are valid, and each fires when it should and is silent when it should not."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from console.monitoring.__main__ import FILES
from console.monitoring.alerts import ALERTS
from console.stack.plan import ROOT
from tests.monitoring.rule_cases import CASES, Case

RULES = sorted((FILES / "rules").glob("*.yml"))


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_rules_are_valid() -> None:
    done = promtool("check", "rules", *map(str, RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_firing_and_a_silent_case() -> None:
    assert {case.alert for case in CASES if case.fires} == {alert.name for alert in ALERTS}
    assert {case.alert for case in CASES if not case.fires} == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_its_page(alert: Any) -> None:
    page = (ROOT / alert.page).read_text()
    assert "**What it means.**" in page
    assert "**Look.**" in page
    assert "**Do.**" in page


def test_no_page_is_without_an_alert() -> None:
    pages = {file.name for file in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README.md"}
    assert pages == {Path(alert.page).name for alert in ALERTS}


def title_of(case: Case) -> str:
    return f"{case.alert}: {case.title}"


def as_unit_test(case: Case) -> dict[str, Any]:
    """A case as promtool reads it; JSON is YAML."""
    rule = {"eval_time": case.at, "alertname": case.alert, "exp_alerts": []}
    return {
        "interval": "1m",
        "name": title_of(case),
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [rule] if not case.fires else [],
        "promql_expr_test": []
        if not case.fires
        else [
            {
                "expr": f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})',
                "eval_time": case.at,
                "exp_samples": [{"labels": "{}", "value": case.fires}],
            }
        ],
    }


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What promtool says of all the cases: nothing but what failed, by title."""
    file = tmp_path_factory.mktemp("rules") / "cases.yml"
    document = {
        "rule_files": [str(rules) for rules in RULES],
        "evaluation_interval": "1m",
        "tests": [as_unit_test(case) for case in CASES],
    }
    file.write_text(json.dumps(document))
    done = promtool("test", "rules", str(file))
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}-{'fires' if case.fires else 'silent'}")
def test_alert(case: Case, outcome: str) -> None:
    assert "SUCCESS" in outcome or "FAILED" in outcome or not outcome, outcome  # it ran at all
    assert f"name: {title_of(case)}" not in outcome, outcome
