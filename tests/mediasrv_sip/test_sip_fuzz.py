"""Messages of a real call, damaged in thousands of ways: the agent goes on, and keeps nothing of them."""

import asyncio
import logging
import random

import pytest
from sip_far_end import FarEnd, session

from mediasrv.sip.stack import _Socket

PIECES = [b"\r\n", b"\r\n\r\n", b";", b",", b"<", b">", b"\x00", b"\xff", b'"', b":", b"@", b" ", b"9" * 21, b"-1",
          b"INVITE", b"CANCEL", b"ACK", b"BYE", b"tag=", b"SIP/2.0", b"%00", b"[", b"]", b"sip:", b"Contact: *\r\n",
          b"Require: 100rel\r\n", b"Content-Length: 99999\r\n"]  # fmt: skip
DATAGRAMS = 4000
SEED = 20261123


def damaged(dice: random.Random, message: bytes) -> bytes:
    data = bytearray(message)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at : at + dice.randint(0, 20)] = dice.choice(PIECES)
            case 1:
                data[at:at] = dice.choice(PIECES)
            case 2:
                del data[at : at + dice.randint(1, 40)]
            case _:
                data[at : at + 1] = bytes([dice.randrange(256)])
    return bytes(data)


async def a_call(caller: FarEnd, callee: FarEnd) -> None:
    out = caller.call(callee.port, session(4000))
    come = await callee.next_call()
    come.ring()
    come.answer(session(5000))
    assert await out.answered
    await out.offer(session(6000, version=2))
    await come.offer(session(7000, version=2))
    out.send_info("application/dtmf", "5")
    await out._request("UPDATE", [])
    await out.bye()
    await come.gone


async def test_damaged_messages_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caller, callee = FarEnd(answer=session(4000)), FarEnd(answer=session(5000))
    heard: list[bytes] = []
    take = _Socket._take
    with monkeypatch.context() as patch:
        patch.setattr(_Socket, "_take", lambda self, data, source: (heard.append(data), take(self, data, source)))
        await a_call(caller, callee)
    dice = random.Random(SEED)
    (port,) = callee.agent.stack.transactions.l4r.cache_l2s.values()
    for count in range(DATAGRAMS):
        port._take(damaged(dice, dice.choice(heard)), ("127.0.0.1", 9))
        while not callee.calls.empty():
            callee.calls.get_nowait().refuse(486)
        if count % 50 == 0:
            await asyncio.sleep(0)
    assert callee.agent.legs == 0
    for transaction in callee.agent.stack.transactions.tserver.values():
        timers = (transaction.teA, transaction.teD, transaction.teE, transaction.teF)
        assert any(timers), f"a {transaction.method} would never be forgotten"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    await a_call(caller, callee)
    caller.agent.close()
    callee.agent.close()
