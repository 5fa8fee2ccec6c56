"""``python -m mediasrv``: the media server of a node. SIGTERM ends it and its calls, SIGHUP lets it drain."""

import argparse
import asyncio
import logging
import sys

from mediasrv import process, steps
from mediasrv.call import Call
from mediasrv.ivr.conversation import conversation
from mediasrv.ivr.talk import manners_of
from mediasrv.measured import MeasuredSwitch
from mediasrv.metrics import Metrics
from mediasrv.prompts.catalogue import LANGUAGES, load
from mediasrv.prompts.espeak import SpeechError, demand_engine
from mediasrv.prompts.store import PromptStore
from mediasrv.rtp.client import RtpError, RtpSettings
from mediasrv.settings import MediaSettings
from rating.core import RatingCore
from rating.settings import Settings, SettingsError, load_settings


def main() -> int:
    """0 after an orderly end, 1 with one line on stderr when it cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m mediasrv", description=__doc__)
    parser.add_argument("--config", help="cardswitch.toml; otherwise CARDSWITCH_CONFIG names it")
    try:
        asyncio.run(_run(load_settings(parser.parse_args().config)))
    except (SettingsError, SpeechError, RtpError, OSError) as error:
        print(f"mediasrv: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    ours = MediaSettings.read(settings)
    steps.keep_as(settings)
    try:
        rtp = RtpSettings.from_table(settings.table("mediasrv"))
    except (KeyError, ValueError) as error:
        raise SettingsError(f"{settings.path}: [mediasrv]: {error}") from error
    demand_engine(load(language).voice for language in LANGUAGES)
    metrics = Metrics()
    switch = MeasuredSwitch(RatingCore.from_settings(settings), ours.ledger_threads, metrics)
    manners = manners_of(settings)

    async def talk(call: Call) -> None:
        await conversation(call, switch, manners)

    try:
        await process.run(
            ours,
            rtp,
            prompts=PromptStore(ours.recordings_dir, ours.prompt_cache_dir),
            conversation=talk,
            access_numbers=switch.access_numbers,
            metrics=metrics,
        )
    finally:
        switch.close()


if __name__ == "__main__":
    sys.exit(main())
