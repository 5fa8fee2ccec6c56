"""The operators' commands on a running stack: the doctor finds it healthy; a call is seen, hung up, and explained."""

import json
from pathlib import Path

from console.demo.network import DESTINATION
from console.stack.plan import TRUSTED_CALLER_HOST
from tests.edge.parts import PROVISIONAL
from tests.edge.sipp import Sipp, ack, invite, receive, reply_in_dialog
from tests.support.stack import RunningStack, await_true, cardswitch

VALUE = 2_000_000


def on(stack: RunningStack, *arguments: str) -> tuple[int, str]:
    done = cardswitch(*arguments, "--run-dir", str(stack.run.path))
    return done.returncode, done.stdout + done.stderr


def test_the_doctor_finds_a_running_stack_healthy(stack: RunningStack) -> None:
    status, said = on(stack, "doctor", "--json")
    found = json.loads(said)
    faults = [each for each in found["findings"] if each["health"] == "fault"]
    assert (status, faults) == (0, [])
    looked_at = {each["part"] for each in found["findings"]}
    assert {"edge", "mediasrv", "rtpengine", "keeper", "ledger", "journal", "disk", "decks", "prompts"} <= looked_at


def test_a_call_is_seen_live_and_hung_up_by_an_operator(stack: RunningStack, tmp_path: Path) -> None:
    """The caller gets BYE, the CDR says who ended it, and the account's last line is its charge."""
    ani = "12025550191"
    card, card_id = stack.issue(VALUE, ani=ani)
    number = f"011{DESTINATION}"
    steps = [
        invite(number, ani),
        *PROVISIONAL,
        receive(200, rrs=True),
        ack(number, ani),
        receive("BYE", timeout_ms=60_000),
        reply_in_dialog(),
    ]
    # Two commands run while it lasts, each a process of its own: on a busy machine that takes a while.
    caller = Sipp("caller", steps, TRUSTED_CALLER_HOST, tmp_path, remote=stack.edge, timeout_s=60)
    caller.start()
    core = stack.core
    await_true(lambda: any(call.state == "connected" for call in core.card_live_calls(card_id)), "it is connected")
    items = json.loads(on(stack, "calls", "live", "--json")[1])["items"]
    (call,) = (call for call in items if call["serial"] == card.serial)
    assert (call["dnis"], call["ani"], call["state"]) == (DESTINATION, ani, "connected")
    status, said = on(stack, "calls", "hangup", str(call["call_id"]), "--yes")
    assert status == 0, said
    assert caller.wait() == 0, caller.trouble()
    record = stack.await_record(card_id)
    assert (record["outcome"], record["ended_by"]) == ("captured", "platform")
    status, said = on(stack, "ledger", "explain", card.serial, "--json")
    assert (status, json.loads(said)["entries"][-1]["amount_micros"]) == (0, -record["charge_micros"])
