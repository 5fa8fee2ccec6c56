"""The life of the media server's process: start every part, run until a signal, end in order."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from typing import Any

from mediasrv import dtmf_events
from mediasrv.call import Prompts
from mediasrv.metrics import HttpServer, Metrics
from mediasrv.orphans import end_orphans
from mediasrv.rtp.client import RtpClient, RtpSettings
from mediasrv.rtp.metrics import RtpCollector
from mediasrv.server import Conversation, Directory, MediaServer, Parts
from mediasrv.settings import MediaSettings

log = logging.getLogger("mediasrv")


async def run(
    settings: MediaSettings,
    rtp_settings: RtpSettings,
    *,
    prompts: Prompts,
    conversation: Conversation,
    access_numbers: Directory,
    metrics: Metrics | None = None,
) -> None:
    """Until SIGTERM or SIGINT (calls are ended), or SIGHUP (503 to new calls, returns after the last one has ended).

    Raises OSError when an address is taken.
    """
    metrics = metrics or Metrics()
    async with RtpClient(rtp_settings) as rtp:
        server = MediaServer(settings, Parts(rtp, prompts, conversation, access_numbers, metrics))
        async with _started(server, rtp), _hearing(server):
            log.info("ready: SIP on %s:%s, HTTP on %s:%s", *settings.sip, *settings.http)
            await _told_to_end(server)
            log.info("ending with %s calls", server.calls)


@contextlib.asynccontextmanager
async def _started(server: MediaServer, rtp: RtpClient) -> AsyncIterator[None]:
    metrics = server.parts.metrics
    metrics.watch("cardswitch_ivr_calls_active", "Calls in the IVR or bridged by it", lambda: server.calls)
    metrics.watch("cardswitch_ivr_draining", "1 while new calls get 503", lambda: server.draining)
    metrics.watch_stages(server.stages)
    metrics.registry.register(RtpCollector(rtp))

    def health() -> dict[str, Any]:
        ok = not server.draining and rtp.workers_running > 0
        return {"ok": ok, "calls": server.calls, "draining": server.draining, "rtp_workers": rtp.workers_running}

    await asyncio.to_thread(end_orphans, server.settings.edge_http, server.settings.sip)
    server.start()
    try:
        http = HttpServer(server.settings.http, metrics, health)
    except OSError:
        await server.stop()
        raise
    try:
        yield
    finally:
        await server.stop()
        http.close()


@contextlib.asynccontextmanager
async def _hearing(server: MediaServer) -> AsyncIterator[None]:
    """The keys of connected calls, where the settings say that rtpengine reports them."""
    address = server.settings.dtmf_events
    transport = await dtmf_events.listen(address, server.key_heard) if address else None
    try:
        yield
    finally:
        if transport:
            transport.close()


async def _told_to_end(server: MediaServer) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    loop.add_signal_handler(signal.SIGHUP, server.drain)
    waiting = [asyncio.ensure_future(told.wait()), asyncio.ensure_future(server.empty.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
