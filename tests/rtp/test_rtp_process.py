"""The worker as a process: its ports, its death and its server's, its figures."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mediasrv.rtp.client import (
    CallClosedError,
    Closed,
    PortsExhaustedError,
    RtpClient,
    RtpError,
    RtpPort,
    RtpSettings,
)
from mediasrv.rtp.metrics import RtpCollector
from tests.rtp.caller import (
    DEADLINE_S,
    Caller,
    bound,
    keys_heard,
    next_event,
)
from tests.rtp.ports import free_port_range


async def test_ports_are_even_and_free_again_after_close_and_the_range_has_an_end(client: RtpClient) -> None:
    ports = [await client.open() for _ in range(20)]
    assert all(port.port % 2 == 0 for port in ports)
    assert len({port.port for port in ports}) == 20
    with pytest.raises(PortsExhaustedError):
        await client.open()
    await ports[7].close()
    await ports[7].close()
    assert (await client.open()).port == ports[7].port


async def test_a_caller_who_hangs_up_while_ports_are_opened_leaves_none_taken(client: RtpClient) -> None:
    opening = [asyncio.create_task(client.open()) for _ in range(20)]
    await asyncio.sleep(0)
    for task in opening:
        task.cancel()
    await asyncio.wait(opening)
    async with asyncio.timeout(DEADLINE_S):
        while (await client.stats())[0].calls_opened < 20 or (await client.stats())[0].calls:
            await asyncio.sleep(0.01)
    assert client.load == 0


async def test_a_port_that_another_process_has_is_left_out() -> None:
    first, last = free_port_range(8)
    with bound(first), bound(first + 3):
        async with RtpClient(RtpSettings("127.0.0.1", first, last)) as client:
            assert [(await client.open()).port for _ in range(2)] == [first + 4, first + 6]


async def test_a_closed_port_says_so(port: RtpPort) -> None:
    await port.close()
    assert await next_event(port) == Closed()
    with pytest.raises(CallClosedError):
        await port.stop()


@pytest.mark.parametrize(
    ("remote", "payload_type"), [(("not an address", 4000), 0), (("127.0.0.1", 0), 0), (("127.0.0.1", 4000), 18)]
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    port: RtpPort, caller: Caller, remote: tuple[str, int], payload_type: int
) -> None:
    with pytest.raises(RtpError):
        await port.connect(remote, payload_type=payload_type, event_payload_type=None)
    caller.press(port, "5")
    assert await keys_heard(port, 1) == "5"


async def test_calls_are_spread_over_the_workers() -> None:
    async with RtpClient(RtpSettings("127.0.0.1", *free_port_range(16), workers=2)) as client:
        for _ in range(6):
            await client.open()
        assert [stats.calls for stats in await client.stats()] == [3, 3]


async def test_when_a_worker_dies_its_calls_are_told_and_another_starts(client: RtpClient, port: RtpPort) -> None:
    (pid,) = client.pids
    os.kill(pid, signal.SIGKILL)
    event = await next_event(port)
    assert isinstance(event, Closed)
    assert event.reason == "the RTP worker ended with status -9"
    async with asyncio.timeout(DEADLINE_S):
        while not client.workers_running:
            await asyncio.sleep(0.01)
    assert client.restarts == 1
    assert client.pids != [pid]
    await (await client.open()).close()


async def test_a_worker_that_hangs_is_killed_and_another_starts() -> None:
    settings = RtpSettings("127.0.0.1", *free_port_range(4), answer_within_s=0.2)
    async with RtpClient(settings) as client:
        port = await client.open()
        os.kill(client.pids[0], signal.SIGSTOP)
        assert await next_event(port) == Closed("the RTP worker ended with status -9")
        async with asyncio.timeout(DEADLINE_S):
            while not client.workers_running:
                await asyncio.sleep(0.01)
        await client.open()


async def test_a_worker_ends_when_its_server_dies() -> None:
    """The server is a process of its own here, and is killed."""
    first, last = free_port_range(4)
    script = (
        "import asyncio\nfrom mediasrv.rtp.client import RtpClient, RtpSettings\n"
        "async def main():\n"
        f"    client = RtpClient(RtpSettings('127.0.0.1', {first}, {last}))\n"
        "    await client.start()\n    await client.open()\n    print(*client.pids, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert server.stdout
    worker = int(await asyncio.wait_for(server.stdout.readline(), DEADLINE_S))
    server.kill()
    await asyncio.wait_for(server.wait(), DEADLINE_S)
    async with asyncio.timeout(DEADLINE_S):
        while _runs(worker):
            await asyncio.sleep(0.01)


async def test_sigterm_ends_an_idle_worker_cleanly(client: RtpClient, port: RtpPort) -> None:
    os.kill(client.pids[0], signal.SIGTERM)
    event = await next_event(port)
    assert event == Closed("the RTP worker ended with status 0")


async def test_the_figures_reach_prometheus(client: RtpClient, port: RtpPort, caller: Caller) -> None:
    caller.press(port, "12")
    await keys_heard(port, 2)
    await caller.hear(3)
    registry = CollectorRegistry()
    registry.register(RtpCollector(client))
    await client.stats()
    text = generate_latest(registry).decode()
    assert 'cardswitch_rtp_digits_total{kind="rfc4733",worker="0"} 2.0' in text
    assert 'cardswitch_rtp_calls{worker="0"} 1.0' in text
    assert 'cardswitch_rtp_pacing_error_seconds_bucket{le="+Inf",worker="0"}' in text


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
