"""pyVoIP's RTP side as ``bench media`` measures it: ``python -m bench.media_pyvoip SECONDS CORE``.

Reads the callers' ports, prints its own, plays for so long, and prints CPU time and keys. A process of its own:
pyVoIP is GPL-3.0, and its threads are what is measured.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress
from functools import partial

from pyVoIP.RTP import PayloadType, RTPClient, TransmitType


def play(callers: list[int], seconds: float) -> None:
    """Plays to all of them."""
    keys = [""] * len(callers)

    def press(caller: int, key: str) -> None:
        keys[caller] += key

    assoc = {0: PayloadType.PCMU, 101: PayloadType.EVENT}
    clients = [
        RTPClient(assoc, "127.0.0.1", 0, "127.0.0.1", port, TransmitType.SENDRECV, dtmf=partial(press, index))
        for index, port in enumerate(callers)
    ]
    audio = bytes(range(1, 127)) * (int(8000 * (seconds + 2)) // 126)
    for client in clients:
        client.write(audio)
        client.start()
    print("ports", *(client.sin.getsockname()[1] for client in clients), flush=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
    time.sleep(seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu_s": cpu_s, "keys": keys}), flush=True)
    os._exit(0)  # its threads do not all end when asked


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    play([int(line) for line in sys.stdin.read().split()], float(sys.argv[1]))
