"""Signed calls: the product says what level of STIR/SHAKEN skips the PIN."""

from pathlib import Path

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up
from tests.edge.signer import Signer
from tests.edge.test_access import first_leg
from tests.edge.world import LONDON, EdgeWorld


@pytest.fixture
def signer(world: EdgeWorld, tmp_path: Path) -> Signer:
    return Signer(tmp_path / "carrier", world.certificates)


def is_connected(world: EdgeWorld, card_id: int, ani: str, identity: str) -> str:
    """Calls directly, without a PIN; the attestation on the record."""
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    world.all_as_written(world.caller([*calls(ani, extra=identity), *hangs_up(ani)]), gateway)
    return str(world.cdr(card_id)["attestation"])


def test_attestation_a_skips_the_pin_and_is_on_the_record(world: EdgeWorld, signer: Signer) -> None:
    card_id, ani = world.new_card(1_000_000, "Signed")
    assert is_connected(world, card_id, ani, signer.identity(ani, LONDON, "A")) == "A"


def test_attestation_c_asks_for_the_pin_where_the_product_demands_a(world: EdgeWorld, signer: Signer) -> None:
    _, ani = world.new_card(1_000_000, "Signed")
    told = first_leg(world, ani, LONDON, extra=signer.identity(ani, LONDON, "C"))
    assert told["X-Cardswitch-Attestation"] == "C"
    assert "X-Cardswitch-Card" not in told


def test_an_unsigned_call_asks_for_the_pin_where_the_product_demands_a(world: EdgeWorld) -> None:
    _, ani = world.new_card(1_000_000, "Signed")
    assert "X-Cardswitch-Card" not in first_leg(world, ani, LONDON)


def test_attestation_c_is_enough_where_the_product_demands_nothing(world: EdgeWorld, signer: Signer) -> None:
    card_id, ani = world.new_card(1_000_000)
    assert is_connected(world, card_id, ani, signer.identity(ani, LONDON, "C")) == "C"


@pytest.mark.parametrize("trick", ["another key", "another caller", "another destination", "an hour old", "torn"])
def test_a_signature_that_does_not_hold_is_worse_than_none(
    world: EdgeWorld, signer: Signer, tmp_path: Path, trick: str
) -> None:
    _, ani = world.new_card(1_000_000)
    identity = {
        "another key": lambda: Signer(tmp_path / "thief", tmp_path / "elsewhere").identity(ani, LONDON, "A"),
        "another caller": lambda: signer.identity("12125550001", LONDON, "A"),
        "another destination": lambda: signer.identity(ani, "33140000000", "A"),
        "an hour old": lambda: signer.identity(ani, LONDON, "A", age_s=3600),
        "torn": lambda: signer.identity(ani, LONDON, "A")[:80],
    }[trick]()
    told = first_leg(world, ani, LONDON, extra=identity)
    assert told["X-Cardswitch-Ani-Trusted"] == "no"
    assert "X-Cardswitch-Card" not in told
