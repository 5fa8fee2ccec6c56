"""``cardswitch products``: what all cards of a kind share."""

from typing import Annotated, Any

import typer

from console.commands.common import DEFAULT_RUN_DIR, AsJson, Config, RunDir, core_of, on_off
from console.commands.output import Column, column, print_fields, print_rows, when
from console.commands.status import EXIT_STATUSES
from rating.administration import InputError
from rating.administration.values import ProductView
from rating.money import format_amount, parse_amount

app = typer.Typer(help="Products: what all cards of a kind share.", no_args_is_help=True, epilog=EXIT_STATUSES)

COLUMNS = (
    column("name", "name"),
    column("currency", "currency"),
    column("deck", "deck"),
    Column("languages", lambda product: ",".join(offer.code for offer in product.languages)),
    column("longest call s", "longest_call_s", right=True),
    column("calls at once", "calls_at_once", right=True),
    column("refillable", "refillable"),
    column("voucher", "voucher"),
)
Name = Annotated[str, typer.Argument(help="The product's name.")]
Deck = Annotated[str | None, typer.Option(help="Rate deck of its calls; made, empty, when it is not there.")]
Languages = Annotated[
    str | None, typer.Option(help="Offered in this order, an extra fee behind a colon: en,es,hi:0.05.")
]
Seconds = Annotated[int | None, typer.Option(min=0, help="0: no limit.")]
Amount = Annotated[str | None, typer.Option(help="As 0.50; 0: none.")]
Number = Annotated[int | None, typer.Option(min=0, max=65_535, help="0: no limit.")]
YesNo = Annotated[str | None, typer.Option(metavar="yes|no")]


@app.command("list")
def list_products(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists all products."""
    print_rows(core_of(run_dir, config).list_products(), COLUMNS, as_json=as_json, nothing="no products yet")


@app.command("show", epilog="Example: cardswitch products show Worldwide")
def show_product(
    name: Name, *, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False
) -> None:
    """Shows a product's terms."""
    _print(core_of(run_dir, config).show_product(name), as_json)


@app.command(
    "create", epilog="Example: cardswitch products create Night --currency USD --deck retail --languages en,es"
)
def create(
    name: Name,
    *,
    currency: Annotated[str, typer.Option(help="ISO 4217, as USD; it stays.")],
    deck: Annotated[str, typer.Option(help="Rate deck of its calls; made, empty, when it is not there.")],
    languages: Languages = None,
    longest_call_s: Seconds = None,
    calls_at_once: Number = None,
    warning_s: Number = None,
    minimum_balance: Amount = None,
    valid_days: Number = None,
    maintenance_fee: Amount = None,
    maintenance_days: Number = None,
    refillable: YesNo = None,
    voucher: YesNo = None,
    caller_ids_max: Number = None,
    attestation: Annotated[str | None, typer.Option(help="Least STIR/SHAKEN level for no PIN: A, B, C.")] = None,
    calls_per_hour: Number = None,
    spend_per_day: Amount = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Makes a product; terms that are not given are the usual ones."""
    core = core_of(run_dir, config)
    core.create_product(name, currency=currency.upper(), deck=deck, replace=False, **_terms(locals()))
    _print(core.show_product(name), as_json)


@app.command("change", epilog="Example: cardswitch products change Night --warning-s 30 --spend-per-day 5")
def change(
    name: Name,
    *,
    deck: Deck = None,
    languages: Languages = None,
    longest_call_s: Seconds = None,
    calls_at_once: Number = None,
    warning_s: Number = None,
    minimum_balance: Amount = None,
    valid_days: Number = None,
    maintenance_fee: Amount = None,
    maintenance_days: Number = None,
    refillable: YesNo = None,
    voucher: YesNo = None,
    caller_ids_max: Number = None,
    attestation: Annotated[str | None, typer.Option(help="Least STIR/SHAKEN level for no PIN: A, B, C.")] = None,
    calls_per_hour: Number = None,
    spend_per_day: Amount = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Changes the terms that are given; calls that run keep theirs."""
    changes = _terms(locals()) | ({} if deck is None else {"deck": deck})
    if not changes:
        raise InputError("nothing to change: name at least one term, as --warning-s 30")
    _print(core_of(run_dir, config).change_product(name, **changes), as_json)


_AMOUNTS = ("minimum_balance", "maintenance_fee", "spend_per_day")
_PLAIN = (
    "longest_call_s", "calls_at_once", "warning_s", "valid_days", "maintenance_days", "caller_ids_max", "attestation",
    "calls_per_hour",
)  # fmt: skip


def _terms(given: dict[str, Any]) -> dict[str, Any]:
    """The terms that were given, as the rating core names them."""
    terms = {name: given[name] for name in _PLAIN if given[name] is not None}
    terms |= {f"{name}_micros": _amount(name, given[name]) for name in _AMOUNTS if given[name] is not None}
    for name in ("refillable", "voucher"):
        value = on_off(given[name], f"--{name}")
        if value is not None:
            terms[name] = value
    if given["languages"] is not None:
        terms["languages"] = _offers(given["languages"])
    if terms.get("attestation", "") not in ("", "A", "B", "C"):
        raise InputError(f"--attestation is A, B or C, not {terms['attestation']!r}")
    return terms


def _amount(name: str, text: str) -> int:
    micros = parse_amount(text)
    if micros < 0:
        raise InputError(f"--{name.replace('_', '-')} is not negative")
    return micros


def _offers(text: str) -> dict[str, int]:
    offers: dict[str, int] = {}
    for each in text.split(","):
        code, _, fee = each.strip().partition(":")
        if not code.replace("-", "").isalpha() or len(code) > 8:
            raise InputError(f"{code!r} is not a language; write them as en,es,hi:0.05")
        offers[code] = _amount("languages", fee) if fee else 0
    return offers


def _print(product: ProductView, as_json: bool) -> None:
    def money(micros: int) -> str:
        return format_amount(micros, product.currency) if micros else "none"

    languages = (
        f"{each.code} ({money(each.fee_micros)})" if each.fee_micros else each.code for each in product.languages
    )
    print_fields(
        product,
        {
            "name": product.name,
            "currency": product.currency,
            "deck": product.deck,
            "languages": ", ".join(languages),
            "longest call": f"{product.longest_call_s} s",
            "calls at once": str(product.calls_at_once or "no limit"),
            "warning": f"{product.warning_s} s before the limit" if product.warning_s else "none",
            "minimum balance": money(product.minimum_balance_micros),
            "valid until": when(product.valid_until_us) or "no end",
            "valid days": str(product.valid_days or "no end"),
            "maintenance fee": money(product.maintenance_fee_micros)
            + (f" every {product.maintenance_days} days" if product.maintenance_fee_micros else ""),
            "refillable": "yes" if product.refillable else "no",
            "voucher": "yes" if product.voucher else "no",
            "CallerIDs": f"up to {product.caller_ids_max}",
            "attestation": product.attestation or "none needed",
            "calls per hour": str(product.calls_per_hour or "no limit"),
            "spend per day": money(product.spend_per_day_micros) if product.spend_per_day_micros else "no limit",
        },
        as_json=as_json,
    )
