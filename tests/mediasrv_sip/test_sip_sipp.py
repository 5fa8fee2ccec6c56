"""SIPp on both sides of the real process: another stack than ours, and RTP digits on the wire."""

import asyncio
from pathlib import Path

from sip_far_end import LOCAL, SOON_S, free_ports, media_server

SCENARIOS = Path(__file__).parent / "scenarios"


async def sipp(scenario: str, port: int, directory: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "sipp", "-sf", str(SCENARIOS / scenario), "-i", LOCAL, "-p", str(port), "-m", "1", "-nostdin", "-timeout", "40",
        "-trace_err", "-error_file", str(directory / f"{scenario}.errors"), *arguments,
        cwd=directory, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def test_a_sipp_caller_keys_a_number_is_connected_taken_back_and_hung_up_on(tmp_path: Path) -> None:
    caller_port, edge_port, media_port = free_ports(3)
    async with media_server(tmp_path, edge_port, "--caller", str(caller_port)) as server:
        callee = await sipp("callee.xml", edge_port, tmp_path)
        media = ["-mi", LOCAL, "-mp", str(media_port)]
        caller = await sipp("caller.xml", caller_port, tmp_path, *media, f"{LOCAL}:{server.sip}")
        ended = await asyncio.wait_for(asyncio.gather(caller.wait(), callee.wait()), 5 * SOON_S)
        errors = {file.name: file.read_text()[:6000] for file in tmp_path.glob("*.errors")}
        assert ended == [0, 0], (errors, server.log.read_text())
        assert [step["step"] for step in server.steps()] == [
            "invite", "answer", "play", "ask", "bridge", "connected", "bridged", "ask", "hang_up",
        ]  # fmt: skip
        assert "4412" not in server.log.read_text().replace("hold", "").split('"bridge"')[0]


async def test_sipp_agrees_on_session_timers(tmp_path: Path) -> None:
    """Refused when too small, kept by us by UPDATE or re-INVITE, and the end of a call whose caller does not keep it.

    The shortest interval is 4 s here instead of RFC 4028's 90.
    """
    ports = dict(zip(("refreshed.xml", "expired.xml"), free_ports(2), strict=True))
    known = [part for port in ports.values() for part in ("--caller", str(port))]
    async with media_server(tmp_path, free_ports(1)[0], "--min-se", "4", "--patience", "30", *known) as server:
        callers = [
            await sipp(scenario, port, tmp_path, "-mi", LOCAL, "-mp", str(free_ports(1)[0]), f"{LOCAL}:{server.sip}")
            for scenario, port in ports.items()
        ]
        ended = await asyncio.wait_for(asyncio.gather(*(caller.wait() for caller in callers)), 5 * SOON_S)
        errors = {file.name: file.read_text()[:6000] for file in tmp_path.glob("*.errors")}
        assert ended == [0, 0], (errors, server.log.read_text())
        await server.step("hang_up", 2)
