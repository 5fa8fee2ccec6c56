"""``python -m rating.desk [--config FILE]``: authorises for the node's processes until SIGTERM; logs to standard error.

[desk] ``socket`` is where it listens, ``http`` where it shows its metrics, ``threads`` (2) how many
groups are under way.
"""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from prometheus_client import Gauge, start_http_server

from rating.build import version
from rating.core import RatingCore
from rating.desk.server import THREADS, Desk, serve
from rating.settings import SettingsError, host_and_port, load_settings


def main() -> int:
    """The process; 1 with one clear line when the settings are wrong or it cannot listen."""
    parser = argparse.ArgumentParser(prog="python -m rating.desk", description=__doc__)
    parser.add_argument("--config", help="cardswitch.toml; default: what CARDSWITCH_CONFIG names")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_settings(parser.parse_args().config)
        table = settings.table("desk")
        if "socket" not in table:
            raise SettingsError(f"{settings.path}: [desk] socket is missing")
        core = RatingCore.from_settings(settings, desk=False)
        late_s = settings.database.read_timeout_s
        desk = Desk(
            Path(table["socket"]), core.authorise_all, threads=int(table.get("threads", THREADS)), late_s=late_s
        )
        if table.get("http"):
            host, port = host_and_port(table["http"])
            # Not in figures.py: every part has one, and tests load several parts into one process.
            Gauge("cardswitch_build_info", "What runs", ["part", "version"]).labels("desk", version()).set(1)
            start_http_server(port, host)
    except (SettingsError, ValueError, OSError) as error:
        print(f"the desk cannot start: {error}", file=sys.stderr)
        return 1
    serve(desk, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
