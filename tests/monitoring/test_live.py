"""Real Prometheus on a live stack: what it shows is what Kamailio and the ledger say, and every panel has data."""

import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.demo.network import ACCESS_NUMBER, DESTINATION
from console.monitoring.__main__ import BOARDS
from console.monitoring.alerts import ALERTS
from console.monitoring.panel import Panel, Query
from console.stack.probe import http_get
from rating.money import format_amount
from tests.monitoring.catalogue import NOT_IN_TESTS, PARTS, PREFIX, SUFFIXES
from tests.monitoring.others import Secret, has, refused_calls
from tests.monitoring.watched import TARGETS, UP, Watched
from tests.support.stack import RunningStack, await_true, cardswitch

pytestmark = pytest.mark.timeout(240)  # calls of their real length, scrapes every two seconds


def test_targets_answer(watched: Watched) -> None:
    """All parts are scraped, and Prometheus took every rule."""
    await_true(lambda: watched.prometheus.number(f"count({UP} == 1)") == len(TARGETS), "all targets answer")
    groups = watched.prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {alert.name for alert in ALERTS}


def test_concurrent_calls_agree_at_three_moments(watched: Watched, tmp_path: Path) -> None:
    """3 calls, then 5, then none: the gauge, Kamailio's dialogs and the ledger's open calls say the same."""
    first = watched.callers(3, 22_000, tmp_path / "first")
    watched.await_calls(3)
    second = watched.callers(2, 8_000, tmp_path / "second")
    watched.await_calls(5)
    assert [caller.wait() for caller in (first, second)] == [0, 0]
    watched.await_calls(0)


def test_spend_is_the_sum_of_the_charges_whatever_is_restarted(watched: Watched, tmp_path: Path) -> None:
    """The counters equal the call records to the micro-unit, also when every process was ended or killed between."""
    assert watched.callers(2, 1_200, tmp_path / "before").wait() == 0
    before = watched.await_spend()
    watched.restart({"kamailio": SIGTERM, "mediasrv": SIGKILL, "prometheus": SIGKILL, "keeper": SIGKILL})
    assert watched.callers(2, 2_300, tmp_path / "after").wait() == 0
    charged, cost = watched.await_spend()
    assert charged > before[0] > 0
    assert cost > before[1] > 0


def test_refused_calls_are_counted(watched: Watched, tmp_path: Path) -> None:
    """A number without a rate, and a caller from nowhere."""
    refused_calls(watched, tmp_path)
    for outcome in ("NO_RATE", "UNKNOWN_SOURCE"):
        await_true(lambda: has(watched, f'sum(cardswitch_edge_calls_total{{outcome="{outcome}"}})'), outcome)  # noqa: B023


def test_a_caller_of_the_ivr_is_seen_at_every_stage(watched: Watched, pin: Secret) -> None:
    """A wrong PIN, the right one, a call, a hang-up; another caller gives up at the PIN. No PIN in any metric."""
    given_up = 'sum(cardswitch_ivr_ended_total{stage="pin",by="caller"})'
    await_true(lambda: has(watched, given_up), "who gave up is counted")
    assert all(pin.value not in text for text in shown(watched.stack).values())
    watched.await_calls(0)


def test_trace_tells_a_calls_whole_story(watched: Watched, pin: Secret) -> None:
    """SIP, IVR and money of one call id, in order; keys are counted only."""
    record = next(row for row in reversed(watched.core.cdrs()) if row["access_number"])
    done = cardswitch("trace", record["call_id"][:12], "--run-dir", str(watched.stack.run.path))
    assert done.returncode == 0, done.stderr
    told = iter(done.stdout.splitlines())
    for wanted in (
        f"caller → edge → mediasrv INVITE {ACCESS_NUMBER}",
        "mediasrv answer",
        "prompts pin_ask",
        "ledger   hold",
        "mediasrv bridge",
        f"INVITE {DESTINATION}",
        "edge → gateway  INVITE",
        "edge     caller ← edge ← gateway  connected",
        "BYE by caller",
        f"keeper   settles (captured): {format_amount(record['charge_micros'], 'USD')}",
        f"ledger   charged {format_amount(record['charge_micros'], 'USD')}",
    ):
        assert any(wanted in line for line in told), f"{wanted!r} is not told in its place:\n{done.stdout}"
    logs = [file.read_text(errors="replace") for file in (watched.stack.run.path / "logs").rglob("*") if file.is_file()]
    assert not any(pin.value in text for text in (done.stdout, *logs))
    assert cardswitch("trace", "f" * 32, "--run-dir", str(watched.stack.run.path)).returncode == 1


def shown(stack: RunningStack) -> dict[str, str]:
    """What each part of ours shows."""
    texts = {}
    for part in PARTS:
        answer = http_get(stack.http(part), "/metrics", timeout_s=5)
        assert answer is not None
        assert answer[0] == 200
        texts[part] = answer[1]
    return texts


@pytest.mark.parametrize("part", PARTS)
def test_metrics_are_those_of_the_catalogue(watched: Watched, pin: Secret, part: str) -> None:
    """After all those calls: every metric with the labels that are listed, and no more series than its bound."""
    unknown, wrong = [], []
    for family in text_string_to_metric_families(shown(watched.stack)[part]):
        if not family.name.startswith(PREFIX) or family.name.endswith("_created"):
            continue
        listed = PARTS[part].get(family.name.removeprefix(PREFIX))
        if listed is None:
            unknown.append(family.name)
            continue
        labels = {tuple(sorted(set(sample.labels) - {"le", "quantile"})) for sample in family.samples}
        if labels - {tuple(sorted(listed.labels))} or len(family.samples) > listed.bound:
            wrong.append((family.name, labels, len(family.samples)))
    assert (unknown, wrong) == ([], [])
    ever = set(watched.prometheus.get("label/__name__/values"))
    never = {name for name in PARTS[part] if not ever & {f"{PREFIX}{name}{suffix}" for suffix in SUFFIXES}}
    assert never <= NOT_IN_TESTS.keys(), "listed, but never shown"


def test_every_panel_has_data(watched: Watched, pin: Secret, tmp_path: Path) -> None:
    """Every query of every panel, over the time since the stack started."""
    assert watched.callers(2, 1_500, tmp_path / "last").wait() == 0  # counters must be seen to move
    watched.await_spend()
    _, empty = watched.await_panels(watched.started_s)
    assert not empty, "no data:\n" + "\n".join(empty)


def test_every_query_is_understood(watched: Watched) -> None:
    """And every rule is evaluated without an error."""
    queries = [(panel, query) for board in BOARDS for panel in board.panels for query in panel.queries]
    for panel, query in [*queries, *((one_number(), Query(alert.expr)) for alert in ALERTS)]:
        watched.prometheus.has_data(panel, query, watched.started_s, time.time())

    def healthy() -> bool:
        groups = watched.prometheus.get("rules")["groups"]
        return all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    await_true(healthy, "every rule is evaluated")


def one_number() -> Panel:
    return BOARDS[0].panels[0]
