"""The demo network: trunks, an access number, carriers, decks, products. A carrier would have set it up beforehand."""

from dataclasses import dataclass

from console.stack.plan import GATEWAY_HOST, OPEN_CALLER_HOST, ROOT, TRUSTED_CALLER_HOST
from rating.core import RatingCore
from rating.money import parse_amount

CURRENCY = "USD"
RETAIL_DECK = "retail"
DECKS = ROOT / "rating" / "data"
ACCESS_NUMBER = "12025550100"
TRUSTED_TRUNK, OPEN_TRUNK = "demo-trunk", "open-trunk"
PRODUCT, SHORT_PRODUCT = "Worldwide", "Pocket"
SHORT_WARNING_S = 6  # of the product whose cards run out while one watches
DESTINATION = "442079460123"  # London, of the range kept for drama
DEAR_DESTINATION = "421905123456"  # Slovakia, mobile: 0.443 a minute by the second
NOWHERE = "80812345678"  # international shared cost (+808): no deck has it


@dataclass(frozen=True, slots=True)
class DemoNetwork:
    """What was set up."""

    access_number: str
    destinations: int  # prefixes of the retail deck


def set_up(core: RatingCore, gateway_port: int) -> DemoNetwork:
    """Makes the demo network; where it is already, it is brought up to date (the gateway has a new port each time)."""
    for deck in ("carrier-atlantic", "carrier-meridian", RETAIL_DECK):
        core.import_deck(deck, DECKS / f"{deck}.csv", CURRENCY)
    core.add_trunk(TRUSTED_TRUNK, f"{TRUSTED_CALLER_HOST}/32", ani_trusted=True, country="US")
    core.add_trunk(OPEN_TRUNK, f"{OPEN_CALLER_HOST}/32", ani_trusted=False, country="US")
    core.add_access_number(ACCESS_NUMBER, "Demo, Washington", country="US", languages=("en", "es"))
    for name in ("atlantic", "meridian"):
        carrier = core.add_carrier(name, deck=f"carrier-{name}", currency=CURRENCY)
        core.add_gateway(carrier, f"sip:{GATEWAY_HOST}:{gateway_port}")
    products = {PRODUCT: 60, SHORT_PRODUCT: SHORT_WARNING_S}
    for name, warning_s in products.items():
        core.create_product(
            name, currency=CURRENCY, deck=RETAIL_DECK, languages=("en", "es"), calls_at_once=2, warning_s=warning_s
        )
    with (DECKS / "retail.csv").open() as file:
        prefixes = sum(1 for _ in file) - 1
    return DemoNetwork(ACCESS_NUMBER, prefixes)


def face_value(text: str) -> int:
    """An amount like ``"5"`` in micro-units."""
    return parse_amount(text)
