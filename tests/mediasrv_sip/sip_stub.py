"""The media server's real process with a small conversation and no ledger: ``python sip_stub.py …``.

Welcome; a number ending in "#"; the second leg to it; back; again. An empty answer or "0" ends the call. A card's
number stands for the seconds of silence that its product allows.
"""

import argparse
import asyncio
import logging
import wave
from collections.abc import Sequence
from pathlib import Path

from mediasrv import process
from mediasrv.call import Call
from mediasrv.ivr.caller import Digits, HungUp, Question
from mediasrv.prompts.phrase import Phrase, say
from mediasrv.rtp.client import RtpSettings
from mediasrv.settings import MediaSettings
from mediasrv.sip import session_timer
from rating.model import AccessNumber, Authorised

ACCESS = AccessNumber("18005550100", "test", "US", ("en",))


class Tone:
    """The welcome is 200 ms of sound, every other phrase ``seconds``."""

    def __init__(self, directory: Path, seconds: float) -> None:
        self.welcome = self._write(directory / "welcome.wav", 0.2)
        self.phrase = self._write(directory / "phrase.wav", seconds)

    def _write(self, path: Path, seconds: float) -> Path:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\x00\x10\x00\xf0" * int(4000 * seconds))
        return path

    async def ready(self, phrases: Sequence[Phrase], language: str) -> list[Path]:  # noqa: ARG002
        return [self.welcome if phrase.prompt == "welcome" else self.phrase for phrase in phrases]


def authorised(call: Call, dnis: str, limit_s: int) -> Authorised:
    return Authorised(
        hold_id=dnis.rjust(32, "0"),
        call_id=call.call_id,
        card_id=1,
        dnis=dnis,
        ani=call.ani,
        limit_s=limit_s,
        held_micros=1,
        available_micros=0,
        currency="USD",
        language="en",
        warning_s=0,
        destination="test",
    )


async def converse(call: Call, options: argparse.Namespace) -> None:
    number = Question((say("number"),), max_digits=16, first_digit_s=options.patience, inter_digit_s=1.0, secret=True)
    try:
        await call.answer()
        await call.expect_media(call.card_id or options.silence)
        await call.play(say("welcome"), skippable=False)
        while True:
            answer = await call.ask(number)
            if not isinstance(answer, Digits) or answer.digits in ("", "0"):
                break
            await call.bridge(authorised(call, answer.digits, options.limit))
    except HungUp:
        pass
    finally:
        await call.hang_up()


async def run(options: argparse.Namespace) -> None:
    def address(port: int) -> tuple[str, int]:
        return "127.0.0.1", port

    settings = MediaSettings(
        sip=address(options.sip),
        http=address(options.http),
        edge=address(options.edge),
        edges=frozenset(address(port) for port in (options.edge, *options.caller)),
        outbound=address(options.edge),
        edge_http=(f"127.0.0.1:{options.edge_http}",) if options.edge_http else (),
        dtmf_events=address(options.dtmf_events) if options.dtmf_events else None,
        recordings_dir=None,
        prompt_cache_dir=options.directory,
        calls_max=options.calls_max,
        ring_max_s=options.ring_max,
        ledger_threads=1,
    )

    async def access_numbers() -> dict[str, AccessNumber]:
        return {ACCESS.number: ACCESS}

    async def talk(call: Call) -> None:
        await converse(call, options)

    rtp = RtpSettings("127.0.0.1", options.rtp, options.rtp + 99, realtime=False)
    prompts = Tone(options.directory, options.prompt)
    await process.run(settings, rtp, prompts=prompts, conversation=talk, access_numbers=access_numbers)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser()
    for name in ("sip", "http", "edge", "rtp"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--caller", type=int, action="append", default=[])
    parser.add_argument("--dtmf-events", type=int, default=0)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--calls-max", type=int, default=100)
    parser.add_argument("--ring-max", type=int, default=20)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--edge-http", type=int, default=0)
    parser.add_argument("--silence", type=int, default=0)
    parser.add_argument("--patience", type=float, default=5.0, help="seconds for the first digit")
    parser.add_argument("--prompt", type=float, default=0.2, help="seconds of the question")
    parser.add_argument("--min-se", type=int, default=90, help="shortest session interval, RFC 4028: 90 s")
    options = parser.parse_args()
    session_timer.MIN_SE_S = options.min_se
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
