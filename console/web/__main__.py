"""``python -m console.web``: serves the console of the node whose settings CARDSWITCH_CONFIG names."""

import logging
import sys

from console.web.app import make_server
from rating.settings import SettingsError, load_settings


def main() -> int:
    """Until a signal. 1 when the settings are wrong or the port is taken."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        server = make_server(load_settings())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        server.run()
    except KeyboardInterrupt:  # uvicorn raises the signal again after an orderly end
        return 0
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
