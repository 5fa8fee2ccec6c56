"""The call log: one JSON line a step, whoever writes beside, whatever becomes of the file."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from rating.calllog import CallLog

CALL = "c" * 32


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_step_is_one_line(tmp_path: Path) -> None:
    CallLog(tmp_path / "calls", "edge", "edge1").step(CALL, "try", carrier="Acmé\n", gateway=7)
    (step,) = lines(tmp_path / "calls" / "edge.jsonl")
    assert step.pop("t_us") > 1_700_000_000_000_000
    assert step == {
        "call": CALL, "step": "try", "carrier": "Acmé\n", "gateway": 7, "part": "edge", "node": "edge1",
    }  # fmt: skip


def test_a_file_that_was_rotated_away_is_left(tmp_path: Path) -> None:
    """Renamed, or removed: the next line goes to a new file."""
    log, file = CallLog(tmp_path, "keeper", "n"), tmp_path / "keeper.jsonl"
    log.step(CALL, "one")
    file.rename(tmp_path / "keeper.jsonl.1")
    log.step(CALL, "two")
    assert [step["step"] for step in lines(file)] == ["two"]
    file.unlink()
    log.step(CALL, "three")
    assert [step["step"] for step in lines(file)] == ["three"]
    assert [step["step"] for step in lines(tmp_path / "keeper.jsonl.1")] == ["one"]


def write_many(directory: Path, number: int) -> None:
    log = CallLog(directory, "edge", "n")
    for place in range(500):
        log.step(CALL, "step", writer=number, place=place, padding="x" * 500)


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Eight writers, and a rotation in the middle: every line is whole, none is lost."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, number)) for number in range(8)]
    for writer in writers:
        writer.start()
    writers[0].join(60)
    (tmp_path / "edge.jsonl").rename(tmp_path / "edge.jsonl.1")
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    found = [(step["writer"], step["place"]) for file in tmp_path.iterdir() for step in lines(file)]
    assert sorted(found) == [(number, place) for number in range(8) for place in range(500)]


@pytest.mark.parametrize("directory", [None, Path("/proc/nowhere")])
def test_what_cannot_be_written_is_said(directory: Path | None) -> None:
    """Nothing is raised into a call."""
    said: list[str] = []
    CallLog(directory, "edge", "n", said.append).step(CALL, "try")
    assert [json.loads(text)["step"] for text in said] == ["try"]
