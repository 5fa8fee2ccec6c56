"""``cardswitch test`` on a machine where tests hang or fail."""

from collections.abc import Sequence

import pytest

from console import check, show


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(show, "plain", lines.append)
    monkeypatch.setattr(check, "LINGER_S", 0.2)
    return lines


def test_a_run_that_does_not_end_is_ended_with_all_it_started(told: list[str]) -> None:
    endless = "import subprocess, time; subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
    assert check._run(["timeit", "-n1", "-r1", endless], 1.0) == check.TIMED_OUT
    assert any("has not ended" in line for line in told)
    (left,) = [line for line in told if line.startswith("left behind")]
    assert left.endswith("sleep 600 ")


def test_what_a_run_leaves_behind_is_named_and_ended(told: list[str]) -> None:
    assert check._run(["timeit", "-n1", "-r1", "import subprocess; subprocess.Popen(['sleep', '601'])"], 30.0) == 0
    assert [line for line in told if line.startswith("left behind") and "sleep 601" in line]


class Runs:
    """In the place of pytest: each run's exit status and failed tests, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *runs: tuple[int, Sequence[str]]) -> None:
        self.todo, self.done = list(runs), 0
        monkeypatch.setattr(check, "_run", self.run)
        monkeypatch.setattr(check, "_last_failed", lambda: list(runs[self.done - 1][1]))

    def run(self, *_: object) -> int:
        self.done += 1
        return self.todo.pop(0)[0]


def test_what_fails_once_is_run_again_and_named(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    runs = Runs(monkeypatch, (1, ["a", "b"]), (1, ["b"]))
    assert check._run_all_tests() == 1
    assert runs.done == 2
    assert told[1:] == ["UNSTABLE, wants mending: a", "FAILED TWICE: b"]


def test_what_passes_at_the_second_try_is_named_all_the_same(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    Runs(monkeypatch, (1, ["a"]), (0, []))
    assert check._run_all_tests() == 0
    assert told[1:] == ["UNSTABLE, wants mending: a"]


def test_many_failures_are_not_run_again(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    runs = Runs(monkeypatch, (1, [f"t{number}" for number in range(check.AGAIN_MAX + 1)]))
    assert check._run_all_tests() == 1
    assert runs.done == 1


def test_a_run_that_timed_out_is_not_run_again(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    runs = Runs(monkeypatch, (check.TIMED_OUT, ["a"]))
    assert check._run_all_tests() == check.TIMED_OUT
    assert runs.done == 1
