"""A call's story from log files as they are found: rotated, compressed, with a line that is just being written."""

import gzip
import json
from pathlib import Path
from typing import Any

from console.trace import lines_of, story

CALL, OTHER = "3f9a1c" + "0" * 26, "3f9b00" + "0" * 26


def line(part: str, step: str, t_us: int, call: str = CALL, **facts: Any) -> str:
    return json.dumps({"call": call, "step": step, "t_us": t_us, "part": part, "node": "edge1", **facts}) + "\n"


def test_a_story_is_told_in_order_from_all_files(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "edge.jsonl.2.gz", "wt") as old:
        old.write(line("edge", "place", 1_000, kind="card", dnis="442071234567", ani=None, limit_s=60))
    (tmp_path / "edge.jsonl.1").write_text(
        line("edge", "try", 2_000, carrier="acme", gateway=7)
        + line("edge", "try", 2_500, OTHER, carrier="other", gateway=8)
        + line("edge", "reply", 3_000, status=486)
    )
    (tmp_path / "edge.jsonl").write_text(line("edge", "failed", 4_000, sip=486, cause=17) + '{"call":"3f9a1c')
    (tmp_path / "keeper.jsonl").write_text(
        line("keeper", "settled", 5_000, outcome="void", charge_micros=0, currency="USD", billable_s=0)
    )
    (tmp_path / "mediasrv.jsonl").write_text(line("mediasrv", "ask", 500, prompts=["pin_ask"], keys=12))
    told = [text.split(" s  ")[1] for text in lines_of(story(tmp_path, CALL[:6], None))]
    assert told == [
        "mediasrv ask prompts pin_ask, keys 12",
        "edge     caller   → edge          INVITE 442071234567 from anonymous; 60 s are paid for",
        "edge              edge → gateway  INVITE to acme, gateway 7",
        "edge              edge ← gateway  486",
        "edge     caller ← edge            486, cause 17",
        "keeper   settles (void): 0.000000 USD for 0 s",
    ]


def test_nothing_is_told_without_a_log(tmp_path: Path) -> None:
    assert story(None, CALL, None) == []
    assert story(tmp_path / "nowhere", CALL, None) == []
