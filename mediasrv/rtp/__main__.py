"""``python -m mediasrv.rtp``: one RTP worker process, started by the media server (see ``client.py``).

It ends, with every call it has, when the media server closes the channel or dies; and on SIGTERM.
"""

import argparse
import resource
import signal
import socket
import sys

from mediasrv.rtp.worker import Worker, WorkerSettings


def main() -> int:
    """Runs the worker. Exits with 2 when the channel it is given is none."""
    options = _parse_arguments()
    try:
        channel = socket.socket(fileno=options.socket)
    except OSError as error:
        print(f"mediasrv.rtp: descriptor {options.socket} is not a socket: {error.strerror}", file=sys.stderr)
        return 2
    settings = WorkerSettings(options.address, options.port_min, options.port_max, not options.no_realtime)
    worker = Worker(channel, settings)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    # Ctrl-C in a terminal reaches the whole group; the media server decides when its calls end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _allow_many_sockets()
    worker.run()
    return 0


def _allow_many_sockets() -> None:
    """A call has two sockets; the usual soft limit of 1,024 descriptors would end at 500 calls."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mediasrv.rtp", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a connected SOCK_SEQPACKET socket")
    parser.add_argument("--address", default="127.0.0.1", help="IPv4 address the callers send to")
    parser.add_argument("--port-min", type=int, required=True)
    parser.add_argument("--port-max", type=int, required=True)
    parser.add_argument("--no-realtime", action="store_true", help="do not ask for real-time priority")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
