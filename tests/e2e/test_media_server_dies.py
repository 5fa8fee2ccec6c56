"""The media server is killed in a connected call: nobody pays for what nobody ends."""

import contextlib
import os
import signal
from pathlib import Path

from console.demo.network import ACCESS_NUMBER, DESTINATION
from console.stack.plan import OPEN_CALLER_HOST
from tests.e2e.callers import Baresip
from tests.support.stack import RunningStack, await_true


def part_pid(stack: RunningStack, name: str) -> int:
    return next(int(part["pid"]) for part in stack.status()["parts"] if part["name"] == name)


def connected(stack: RunningStack) -> int:
    """How many callers were, since the stack was started."""
    file = stack.run.calls / "mediasrv.jsonl"  # made with the first line
    return file.read_text().count('"step":"connected"') if file.exists() else 0


def test_a_killed_media_server_ends_its_second_legs_when_it_is_back(stack: RunningStack, tmp_path: Path) -> None:
    card, card_id = stack.issue(5_000_000)
    with contextlib.closing(Baresip(OPEN_CALLER_HOST, stack.edge, "13035550177", tmp_path / "phone")) as phone:
        before = connected(stack)
        phone.dial(ACCESS_NUMBER)
        phone.press(f"1{card.pin}#011{DESTINATION}#")
        await_true(lambda: connected(stack) > before, "the caller is connected", timeout_s=30)
        killed = part_pid(stack, "mediasrv")
        os.kill(killed, signal.SIGKILL)
        record = stack.await_record(card_id, timeout_s=30)  # the caller has not hung up, nor has the callee
        assert record["ended_by"] == "platform"
        assert record["seconds"] == record["billable_s"] < 30
        assert stack.card(card_id).held_micros == 0
        assert stack.core.check().ok
        phone.hang_up()
        await_true(lambda: part_pid(stack, "mediasrv") != killed, "there is a new one")
        phone.dial(ACCESS_NUMBER)  # and takes calls
        phone.hang_up()
