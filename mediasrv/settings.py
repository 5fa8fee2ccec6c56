"""``[mediasrv]`` of the settings file, and what the media server needs of its neighbours' tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rating.settings import Settings, SettingsError

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Calls are taken from ``edges`` only, whose X-Cardswitch headers are believed; each gets the second legs of the
    calls that came from it. ``edge`` is the one of [edge]."""

    sip: Address
    http: Address
    edge: Address
    edges: frozenset[Address]
    outbound: Address | None  # where all second legs go; None: each through the edge that its caller came through
    edge_http: tuple[str, ...]  # where the edges are asked for second legs of an earlier run, host:port
    dtmf_events: Address | None  # where rtpengine reports the digits of connected calls; None: nobody listens
    recordings_dir: Path | None
    prompt_cache_dir: Path
    calls_max: int
    ring_max_s: int
    ledger_threads: int

    @classmethod
    def read(cls, settings: Settings) -> "MediaSettings":
        """Raises SettingsError."""
        try:
            return _read(settings)
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"{settings.path}: [mediasrv]: missing or wrong setting {error}") from error


def _read(settings: Settings) -> MediaSettings:
    ours: dict[str, Any] = settings.table("mediasrv")
    edge = _address(settings.table("edge")["sip"])
    http = settings.table("edges").values() or filter(None, [settings.table("edge").get("http")])
    events = settings.table("rtpengine").get("dtmf_events")
    recordings = ours.get("recordings_dir")
    return MediaSettings(
        sip=_address(ours["sip"]),
        http=_address(ours["http"]),
        edge=edge,
        edge_http=tuple(map(str, http)),
        outbound=_address(ours["outbound"]) if "outbound" in ours else None,
        edges=frozenset(map(_address, ours.get("edges", []))) | {edge},
        dtmf_events=_address(events) if events else None,
        recordings_dir=Path(recordings) if recordings else None,
        prompt_cache_dir=Path(ours["prompt_cache_dir"]),
        calls_max=int(ours.get("calls_max", 1000)),
        ring_max_s=int(ours.get("ring_max_s", 120)),
        ledger_threads=int(ours.get("ledger_threads", 8)),
    )


def _address(text: str) -> Address:
    """ "127.0.0.1:5060" or "[::1]:5060"."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} (an address is written host:port)")
    return host.strip("[]"), int(port)
