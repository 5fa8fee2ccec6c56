"""Carriers, gateways, trunks, access numbers: whom we buy from, who sends us calls, what callers dial.

Each listing is whole: there are hundreds of a kind at most. Adding what is there already changes it, unless
``replace`` is False.
"""

import ipaddress
import re
from typing import NoReturn

import pymysql

from rating.administration.base import ConflictError, InputError, NotFoundError, Operators, build, build_all, known
from rating.administration.values import CarrierView, GatewayView
from rating.model import AccessNumber, Trunk
from rating.store import configured, network

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{3,15}", re.ASCII)
_URI = re.compile(
    r"sips?:([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?", re.ASCII | re.IGNORECASE
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", re.ASCII)
_TECH_PREFIX = re.compile(r"[0-9*#]{0,16}", re.ASCII)
SMALL_MAX = 65_535  # of priorities and weights


class Network(Operators):
    """Verbs about whom calls come from and go to."""

    # carriers

    def add_carrier(
        self,
        name: str,
        *,
        deck: str,
        currency: str = "USD",
        priority: int = 100,
        weight: int = 100,
        loss_allowed: bool = False,
        enabled: bool = True,
        replace: bool = True,
    ) -> int:
        """The carrier's id. ``deck`` is what its calls cost us; made, empty, when it is not there yet."""
        _within(priority=priority, weight=weight)
        if not replace and configured.carrier(self._slow, name) is not None:
            raise ConflictError(f"there is a carrier {name!r} already; change it, or choose another name")
        row = self._slow.transaction(lambda connection: network.add_deck(connection, deck, currency))
        values = (_name(name), int(row["deck_id"]), priority, weight, loss_allowed, enabled)
        carrier_id = network.put_carrier(self._slow, values)
        self._changed()
        return carrier_id

    def change_carrier(
        self,
        name: str,
        *,
        deck: str | None = None,
        priority: int | None = None,
        weight: int | None = None,
        loss_allowed: bool | None = None,
        enabled: bool | None = None,
    ) -> CarrierView:
        """Changes what is given. Raises NotFoundError."""
        before = self.show_carrier(name)
        self.add_carrier(
            name,
            deck=before.deck if deck is None else deck,
            currency=before.currency,
            priority=before.priority if priority is None else priority,
            weight=before.weight if weight is None else weight,
            loss_allowed=before.loss_allowed if loss_allowed is None else loss_allowed,
            enabled=before.enabled if enabled is None else enabled,
        )
        return self.show_carrier(name)

    def remove_carrier(self, name: str) -> None:
        """With its gateways. Raises NotFoundError, and ConflictError when it carried calls: their records name it."""
        carrier = self.show_carrier(name)
        if configured.carrier_has_calls(self._slow, carrier.carrier_id):
            raise ConflictError(f"carrier {name} has carried calls, whose records name it: disable it instead")
        self._in_transaction(lambda connection: configured.remove_carrier(connection, carrier.carrier_id))

    def list_carriers(self) -> tuple[CarrierView, ...]:
        return build_all(CarrierView, configured.carriers(self._slow))

    def show_carrier(self, name: str) -> CarrierView:
        """Raises NotFoundError."""
        return build(CarrierView, known(configured.carrier(self._slow, name), f"carrier {name!r}"))

    # gateways

    def add_gateway(
        self,
        carrier_id: int,
        uri: str,
        *,
        tech_prefix: str = "",
        priority: int = 100,
        weight: int = 100,
        enabled: bool = True,
    ) -> int:
        """The gateway's id; ``uri`` as "sip:192.0.2.7:5060;transport=tcp". Raises InputError."""
        _check_gateway(uri, tech_prefix, priority, weight)
        gateway_id = network.put_gateway(self._slow, (carrier_id, uri, tech_prefix, priority, weight, enabled))
        self._changed()
        return gateway_id

    def change_gateway(
        self,
        gateway_id: int,
        *,
        uri: str | None = None,
        tech_prefix: str | None = None,
        priority: int | None = None,
        weight: int | None = None,
        enabled: bool | None = None,
    ) -> GatewayView:
        """Changes what is given. Raises NotFoundError, InputError, ConflictError."""
        before = self.show_gateway(gateway_id)
        values = (
            before.uri if uri is None else uri,
            before.tech_prefix if tech_prefix is None else tech_prefix,
            before.priority if priority is None else priority,
            before.weight if weight is None else weight,
            before.enabled if enabled is None else enabled,
        )
        _check_gateway(*values[:4])
        try:
            configured.change_gateway(self._slow, gateway_id, values)
        except pymysql.IntegrityError:
            raise ConflictError(f"carrier {before.carrier} has a gateway {uri} already") from None
        self._changed()
        return self.show_gateway(gateway_id)

    def remove_gateway(self, gateway_id: int) -> None:
        """Calls that run through it go on. Raises NotFoundError."""
        if not configured.remove_gateway(self._slow, gateway_id):
            raise NotFoundError(f"there is no gateway {gateway_id}")
        self._changed()

    def list_gateways(self, carrier: str = "") -> tuple[GatewayView, ...]:
        """Of all carriers, or one."""
        found = build_all(GatewayView, configured.gateways(self._slow))
        return tuple(gateway for gateway in found if not carrier or gateway.carrier == carrier)

    def show_gateway(self, gateway_id: int) -> GatewayView:
        """Raises NotFoundError."""
        return build(GatewayView, known(configured.gateway(self._slow, gateway_id), f"gateway {gateway_id}"))

    # trunks

    def add_trunk(self, name: str, cidr: str, *, ani_trusted: bool, country: str, replace: bool = True) -> None:
        """``cidr``: where its calls come from, an address or a network. Raises InputError, ConflictError."""
        values = (_network(cidr), ani_trusted, _country(country))
        try:
            if not (replace and network.change_trunk(self._slow, name, values)):
                network.add_trunk(self._slow, (_name(name), *values))
        except pymysql.IntegrityError:
            raise ConflictError(f"there is a trunk {name!r}, or one of the network {values[0]}, already") from None
        self._changed()

    def change_trunk(
        self, name: str, *, cidr: str | None = None, ani_trusted: bool | None = None, country: str | None = None
    ) -> Trunk:
        """Changes what is given. Raises NotFoundError, InputError, ConflictError."""
        before = self.show_trunk(name)
        self.add_trunk(
            name,
            before.cidr if cidr is None else cidr,
            ani_trusted=before.ani_trusted if ani_trusted is None else ani_trusted,
            country=before.country if country is None else country,
        )
        return self.show_trunk(name)

    def remove_trunk(self, name: str) -> None:
        """Calls from there are unknown from now on. Raises NotFoundError."""
        if not configured.remove_trunk(self._slow, name):
            raise NotFoundError(f"there is no trunk {name!r}")
        self._changed()

    def list_trunks(self) -> tuple[Trunk, ...]:
        return build_all(Trunk, configured.trunks(self._slow))

    def show_trunk(self, name: str) -> Trunk:
        """Raises NotFoundError."""
        return next((trunk for trunk in self.list_trunks() if trunk.name == name), None) or _missing(f"trunk {name!r}")

    # access numbers

    def add_access_number(
        self,
        number: str,
        name: str,
        *,
        country: str,
        languages: list[str] | tuple[str, ...],
        surcharge_micros: int = 0,
        replace: bool = True,
    ) -> None:
        """A number that leads to the IVR; ``languages`` are offered before a card is known. Raises InputError."""
        if not _NUMBER.fullmatch(number):
            raise InputError(f"access number {number!r}: write 3 to 15 digits, E.164 without +")
        for language in languages:
            if not _LANGUAGE.fullmatch(language):
                raise InputError(f"{language!r} is not a language code; write it as en or pt-BR")
        if not languages or surcharge_micros < 0:
            raise InputError("an access number has a language, and a surcharge of 0 or more")
        if not replace and any(each.number == number for each in self.list_access_numbers()):
            raise ConflictError(f"there is an access number {number} already")
        values = (number, _name(name), _country(country), ",".join(languages), surcharge_micros)
        network.put_access_number(self._slow, values)
        self._changed()

    def change_access_number(
        self,
        number: str,
        *,
        name: str | None = None,
        country: str | None = None,
        languages: list[str] | tuple[str, ...] | None = None,
        surcharge_micros: int | None = None,
    ) -> AccessNumber:
        """Changes what is given. Raises NotFoundError, InputError."""
        before = self.show_access_number(number)
        self.add_access_number(
            number,
            before.name if name is None else name,
            country=before.country if country is None else country,
            languages=before.languages if languages is None else languages,
            surcharge_micros=before.surcharge_micros if surcharge_micros is None else surcharge_micros,
        )
        return self.show_access_number(number)

    def remove_access_number(self, number: str) -> None:
        """Raises NotFoundError."""
        if not configured.remove_access_number(self._slow, number):
            raise NotFoundError(f"there is no access number {number}")
        self._changed()

    def list_access_numbers(self) -> tuple[AccessNumber, ...]:
        return tuple(
            build(AccessNumber, row | {"languages": tuple(filter(None, row["languages"].split(",")))})
            for row in configured.access_numbers(self._slow)
        )

    def show_access_number(self, number: str) -> AccessNumber:
        """Raises NotFoundError."""
        found = next((each for each in self.list_access_numbers() if each.number == number), None)
        return found or _missing(f"access number {number}")


def _missing(what: str) -> NoReturn:
    raise NotFoundError(f"there is no {what}")


def _name(name: str) -> str:
    if not 1 <= len(name) <= 64 or not name.isprintable() or name != name.strip():
        raise InputError(f"{name!r} is not a name: 1 to 64 printable characters, none of the outer ones a space")
    return name


def _country(country: str) -> str:
    if not _COUNTRY.fullmatch(country.upper()):
        raise InputError(f"{country!r} is not a country; write two letters, as US")
    return country.upper()


def _network(cidr: str) -> str:
    try:
        return str(ipaddress.ip_network(cidr))
    except ValueError as error:
        raise InputError(f"{cidr!r} is not an address or network: {error}") from None


def _check_gateway(uri: str, tech_prefix: str, priority: int, weight: int) -> None:
    if not _URI.fullmatch(uri) or len(uri) > 255:
        raise InputError(f"{uri!r} is not a gateway's URI; write it as sip:192.0.2.7:5060 or with ;transport=tcp")
    if not _TECH_PREFIX.fullmatch(tech_prefix):
        raise InputError(f"{tech_prefix!r} is not a tech prefix: up to 16 digits, * or #")
    _within(priority=priority, weight=weight)


def _within(**numbers: int) -> None:
    for name, number in numbers.items():
        if not 0 <= number <= SMALL_MAX:
            raise InputError(f"{name} is 0 to {SMALL_MAX}, not {number}")
