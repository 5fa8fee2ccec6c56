"""``python -m rating.keeper [--config FILE]``: runs until SIGTERM, logs to standard error."""

import argparse
import logging
import signal
import sys

from rating.keeper.keeper import Keeper
from rating.keeper.monitor import serve
from rating.settings import SettingsError, host_and_port, load_settings


def main() -> int:
    """The process; 1 with one clear line when the settings are wrong or the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m rating.keeper", description=__doc__)
    parser.add_argument("--config", help="cardswitch.toml; default: what CARDSWITCH_CONFIG names")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(parser.parse_args().config)
        keeper = Keeper(settings)
        address = settings.table("keeper").get("http", "")
        server = serve(host_and_port(address), keeper.state, keeper.collector()) if address else None
    except (SettingsError, ValueError, OSError) as error:
        print(f"the keeper cannot start: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.stop())
    keeper.run()
    if server is not None:
        server.shutdown()
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
