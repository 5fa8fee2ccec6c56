"""Trunks and access numbers as the SIP workers know them: a copy in shared memory.

One process (the ``directory`` timer) reads the ledger every two seconds and writes what changed into Kamailio's shared
table; workers parse it when its version has moved. So no SIP worker ever waits for the ledger, a change needs no
restart, and with the ledger away the last state stays. The same process opens and closes the breaker: while it is open
new calls are refused at once.
"""

import ipaddress
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from kemi import ksr, metrics
from rating.core import RatingCore
from rating.model import AccessNumber, Trunk
from rating.outcome import LedgerUnavailableError

VERSION = "version"
CONTENT = "directory"
BREAKER = "breaker"
DRAINING = "draining"
REMEMBERED_MAX = 10_000  # source addresses
NO_HOLD = "0" * 32

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Directory:
    """``trunks`` are in order of the longest prefix first."""

    trunks: tuple[tuple[Network, Trunk], ...]
    access_numbers: dict[str, AccessNumber]
    found: dict[str, Trunk | None] = field(default_factory=dict, compare=False)  # by address, so far

    def trunk_of(self, address: str) -> Trunk | None:
        """The trunk with the longest prefix that has ``address``."""
        if address not in self.found:
            if len(self.found) >= REMEMBERED_MAX:
                self.found.clear()
            self.found[address] = self._search(address)
        return self.found[address]

    def _search(self, address: str) -> Trunk | None:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return None
        return next((trunk for network, trunk in self.trunks if found in network), None)

    def trunk_named(self, name: str) -> Trunk | None:
        return next((trunk for _, trunk in self.trunks if trunk.name == name), None)

    def access_number_for(self, country: str) -> AccessNumber | None:
        """The one of ``country``, else any: where a caller is sent who did not dial one but has to give a PIN."""
        numbers = sorted(self.access_numbers.values(), key=lambda number: (number.country != country, number.number))
        return numbers[0] if numbers else None


def to_json(trunks: tuple[Trunk, ...], access_numbers: dict[str, AccessNumber]) -> str:
    content = {
        "trunks": [asdict(trunk) for trunk in sorted(trunks, key=lambda trunk: trunk.trunk_id)],
        "access_numbers": [asdict(access_numbers[number]) for number in sorted(access_numbers)],
    }
    return json.dumps(content, separators=(",", ":"))


def from_json(text: str) -> Directory:
    content: dict[str, Any] = json.loads(text)
    trunks = [Trunk(**entry) for entry in content["trunks"]]
    networks = [(ipaddress.ip_network(trunk.cidr, strict=False), trunk) for trunk in trunks]
    networks.sort(key=lambda pair: pair[0].prefixlen, reverse=True)
    numbers = [AccessNumber(**{**entry, "languages": tuple(entry["languages"])}) for entry in content["access_numbers"]]
    return Directory(tuple(networks), {number.number: number for number in numbers})


class Cache:
    """This process's parsed copy of the shared directory."""

    def __init__(self) -> None:
        self._version = 0
        self._directory = Directory((), {})

    @property
    def ready(self) -> bool:
        """Whether the directory was read since the start; before, nobody can be told from a stranger."""
        return self._version > 0

    def current(self) -> Directory:
        version = ksr.shared_number(VERSION)
        if version != self._version:
            text = ksr.shared(CONTENT)
            if text:
                self._directory, self._version = from_json(text), version
        return self._directory


def refresh(core: RatingCore) -> None:
    """Reads the ledger, shares what changed, and sets the breaker by whether the ledger answered."""
    try:
        core.hold(NO_HOLD)  # the directory of the core goes on without the ledger, this does not
        text = to_json(core.trunks(), core.access_numbers())
    except LedgerUnavailableError as error:
        if not breaker_open():
            ksr.log_error(f"the ledger is away, new calls are refused: {error}")
        open_breaker()
        metrics.BREAKER_OPEN.set(1)
        return
    metrics.BREAKER_OPEN.set(0)
    if text != ksr.shared(CONTENT):
        ksr.share(CONTENT, text)
        ksr.share_number(VERSION, ksr.shared_number(VERSION) + 1)
        metrics.DIRECTORY_VERSION.set(ksr.shared_number(VERSION))
    if breaker_open():
        ksr.log_warning("the ledger is back")
        ksr.share_number(BREAKER, 0)


def breaker_open() -> bool:
    return ksr.shared_number(BREAKER) == 1


def open_breaker() -> None:
    """Also called by a worker that found the ledger away; the timer closes it again."""
    ksr.share_number(BREAKER, 1)


def draining() -> bool:
    """Whether this edge is about to be restarted: new calls are for the other edges."""
    return ksr.shared_number(DRAINING) == 1


def drain() -> None:
    """Until the end of this Kamailio."""
    ksr.share_number(DRAINING, 1)
