"""A caller may change his mind at any moment: CANCEL and BYE, each at thirty of them, against the real process."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from sip_far_end import ACCESS, CALL_HEADERS, LOCAL, SOON_S, FarEnd, Server, media_server, session, soon

from mediasrv.sip.message import user_of

MOMENTS = 30

REQUEST = (
    "{method} sip:{access}@127.0.0.1:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{branch}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:15551234@127.0.0.1>;tag=moment\r\nTo: <sip:{access}@127.0.0.1>{tag}\r\n"
    "Call-ID: {call}\r\nCSeq: {cseq}\r\nContact: <sip:15551234@127.0.0.1:{port}>\r\n{headers}"
    "Content-Length: {length}\r\n\r\n{body}"
)


@dataclass
class Impatient(asyncio.DatagramProtocol):
    """A telephone of few words: what is sent is written out, what comes is kept by Call-ID and CSeq."""

    heard: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode()
        call, cseq = (found[1] for name in ("Call-ID", "CSeq") if (found := re.search(rf"(?m)^{name}: (.*)\r$", text)))
        self.heard.setdefault((call, cseq), []).append(text)
        if text.startswith("BYE"):
            kept = "".join(f"{line}\r\n" for line in text.split("\r\n") if re.match("Via|From|To|Call-ID|CSeq", line))
            self.transport.sendto(f"SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n".encode(), addr)

    def send(self, sip: int, method: str, call: str, *, cseq: str = "", tag: str = "", body: str = "") -> None:
        headers = "".join(f"{name}: {value}\r\n" for name, value in CALL_HEADERS) if body else ""
        headers += "Content-Type: application/sdp\r\n" if body else ""
        branch = f"{call}{method}" if method in ("ACK", "BYE") else call
        text = REQUEST.format(
            method=method, access=ACCESS, sip=sip, port=self.port, branch=branch, tag=tag, call=call,
            cseq=cseq or f"1 {method}", headers=headers, length=len(body), body=body,
        )  # fmt: skip
        self.transport.sendto(text.encode(), (LOCAL, sip))

    def finals(self, call: str, cseq: str) -> list[str]:
        """The different final answers, by status."""
        answers = self.heard.get((call, cseq), [])
        return sorted({text[8:11] for text in answers if text.startswith("SIP/2.0 ") and text[8] >= "2"})


@contextlib.asynccontextmanager
async def impatient(edge: int = 0) -> AsyncIterator[Impatient]:
    loop = asyncio.get_running_loop()
    transport, phone = await loop.create_datagram_endpoint(Impatient, local_addr=(LOCAL, edge))
    yield phone
    transport.close()


async def empty(server: Server) -> None:
    async with asyncio.timeout(SOON_S):
        while '"calls": 0' not in (await server.get("/healthz"))[1]:
            await asyncio.sleep(0.05)


async def test_a_cancel_comes_at_any_moment(tmp_path: Path) -> None:
    """Half a millisecond later each time: the INVITE has one end, 487 or 200, and no call remains."""
    ends: list[str] = []
    async with impatient() as phone, media_server(tmp_path, phone.port) as server:
        for moment in range(MOMENTS):
            call = f"cancel-{moment}"
            phone.send(server.sip, "INVITE", call, body=session(4000))
            await asyncio.sleep(moment * 0.0005)
            phone.send(server.sip, "CANCEL", call)
            await soon(lambda call=call: phone.finals(call, "1 INVITE") and phone.finals(call, "1 CANCEL"))
            (end,) = phone.finals(call, "1 INVITE")
            tag = re.search(r"(?m)^To: [^;]*(;tag=\S+)\r$", phone.heard[call, "1 INVITE"][-1])
            assert tag
            phone.send(server.sip, "ACK", call, cseq="1 ACK", tag=tag[1])
            if end == "200":
                phone.send(server.sip, "BYE", call, cseq="2 BYE", tag=tag[1])
                await soon(lambda call=call: phone.finals(call, "2 BYE") == ["200"])
            ends.append(end)
        assert set(ends) <= {"200", "487"}
        assert "487" in ends
        assert phone.finals("cancel-0", "1 CANCEL") == ["200"]
        await empty(server)


async def test_the_caller_of_a_second_leg_hangs_up_at_any_moment(tmp_path: Path) -> None:
    """The callee rings at once and answers 30 ms later, every caller hangs up 2 ms later than the one before."""
    edge = FarEnd(answer=session(4000, version=2))
    async with media_server(tmp_path, edge.port, "--patience", "30") as server:
        legs = [edge.call(server.sip, session(4000), CALL_HEADERS) for _ in range(MOMENTS)]
        assert all(await asyncio.wait_for(asyncio.gather(*(leg.answered for leg in legs)), SOON_S))
        for moment, leg in enumerate(legs):
            for key in f"44{moment:02}#":
                leg.send_info("application/dtmf", key)

        async def change_ones_mind() -> None:
            second = await edge.next_call()
            moment = int(user_of(second.invite.uri)[2:])
            second.ring()
            gives_up = asyncio.get_running_loop().time() + moment * 0.002
            await asyncio.wait([second.gone], timeout=min(moment * 0.002, 0.03))
            if moment * 0.002 > 0.03 and not second.gone.done():
                second.answer(session(5000))
                await asyncio.sleep(gives_up - asyncio.get_running_loop().time())
            await legs[moment].end()
            await asyncio.wait_for(second.gone, SOON_S)

        await asyncio.gather(*(change_ones_mind() for _ in legs))
        await server.step("hang_up", MOMENTS)
        await empty(server)
        outcomes = [step["outcome"] for step in server.steps() if step["step"] == "bridged"]
        assert outcomes == ["caller_left"] * MOMENTS
        await soon(lambda: edge.agent.legs == 0)
    edge.agent.close()


async def test_each_products_own_time_of_silence_ends_its_calls(tmp_path: Path) -> None:
    """Neither caller sends a packet; the stub's cards allow as many seconds as their number says."""
    edge = FarEnd()
    async with media_server(tmp_path, edge.port, "--patience", "30") as server:
        patient, strict = (
            edge.call(server.sip, session(4000), [*CALL_HEADERS, ("X-Cardswitch-Card", seconds)])
            for seconds in ("5", "1")
        )
        assert (await asyncio.wait_for(strict.gone, SOON_S)).remote
        assert patient.up
        assert (await asyncio.wait_for(patient.gone, SOON_S)).remote
        await server.step("hang_up", 2)
    edge.agent.close()
