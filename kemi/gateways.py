"""Which gateways are alive: Kamailio's dispatcher asks each of the directory's with OPTIONS, every two seconds.

A gateway that does not answer is tried last, not never: some switches do not answer OPTIONS, and it may be back before
the next probe. Any answer is a sign of life but the 408 that Kamailio makes itself (``kamailio/media.cfg``).
"""

import ipaddress
import os
import re
from pathlib import Path

from kemi import ksr, node
from kemi.launch import GATEWAY_GROUP, destinations
from rating.core import RatingCore
from rating.model import Route

_URI = re.compile(r"sips?:(\[[0-9a-fA-F:.]+\]|[0-9.]+)(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?")


def probed(uris: tuple[str, ...]) -> tuple[str, ...]:
    """Those that the dispatcher can take: with one that it cannot it would refuse the whole list."""
    return tuple(sorted({uri for uri in uris if _is_address(uri)}))


def _is_address(uri: str) -> bool:
    found = _URI.fullmatch(uri)
    try:
        return found is not None and bool(ipaddress.ip_address(found[1].strip("[]")))
    except ValueError:
        return False


class Probes:
    """Keeps the dispatcher's list as the directory is. In the process of the directory's timer."""

    def __init__(self) -> None:
        self._loaded = destinations(node.near().media_servers)  # as kemi.launch wrote it

    def refresh(self, core: RatingCore) -> None:
        """Loads the list when the gateways have changed. What is known of the old ones is forgotten for two probes."""
        if not node.edge().probe_gateways:
            return
        wanted = destinations(node.near().media_servers, probed(core.gateway_uris()))
        if wanted == self._loaded:
            return
        _replace(Path((ksr.get("$def(EDGE_DISPATCHER)") or "").strip('"')), wanted)
        if ksr.reload_destinations():  # otherwise in two seconds: it allows one reload in five
            self._loaded = wanted


def _replace(file: Path, content: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(content)
    os.replace(new, file)


def living_first(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """In their order, those last that are not known to live."""
    if len(routes) < 2 or not node.edge().probe_gateways:
        return routes
    return tuple(sorted(routes, key=lambda route: not ksr.destination_lives(GATEWAY_GROUP, route.uri)))
