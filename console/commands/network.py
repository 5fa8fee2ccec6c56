"""``cardswitch carriers``, ``gateways``, ``trunks``, ``access-numbers``: whom calls go to and come from."""

from dataclasses import asdict
from typing import Annotated

import typer

from console.commands.common import DEFAULT_RUN_DIR, AsJson, Config, RunDir, Yes, confirm, core_of, on_off
from console.commands.output import Column, column, print_done, print_rows
from console.commands.status import EXIT_STATUSES
from rating.money import format_amount, parse_amount

carriers = typer.Typer(help="Carriers: whom we buy from.", no_args_is_help=True, epilog=EXIT_STATUSES)
gateways = typer.Typer(help="Gateways: where carriers' calls are sent.", no_args_is_help=True, epilog=EXIT_STATUSES)
trunks = typer.Typer(help="Trunks: where calls come from.", no_args_is_help=True, epilog=EXIT_STATUSES)
access_numbers = typer.Typer(help="Access numbers: what leads to the IVR.", no_args_is_help=True, epilog=EXIT_STATUSES)

Name = Annotated[str, typer.Argument(help="Its name.")]
Number = Annotated[str, typer.Argument(help="E.164 digits without +.")]
Small = Annotated[int | None, typer.Option(min=0, max=65_535)]
YesNo = Annotated[str | None, typer.Option(metavar="yes|no")]
GatewayId = Annotated[int, typer.Argument(min=1, help="Its number, as `gateways list` shows it.")]
CARRIER_COLUMNS = (
    column("name", "name"),
    column("deck", "deck"),
    column("currency", "currency"),
    column("priority", "priority", right=True),
    column("weight", "weight", right=True),
    column("loss allowed", "loss_allowed"),
    column("enabled", "enabled"),
    column("gateways", "gateways", right=True),
)
GATEWAY_COLUMNS = (
    column("gateway", "gateway_id", right=True),
    column("carrier", "carrier"),
    column("uri", "uri"),
    column("tech prefix", "tech_prefix"),
    column("priority", "priority", right=True),
    column("weight", "weight", right=True),
    column("enabled", "enabled"),
)
TRUNK_COLUMNS = (
    column("name", "name"),
    column("network", "cidr"),
    column("CallerID trusted", "ani_trusted"),
    column("country", "country"),
)
ACCESS_COLUMNS = (
    column("number", "number"),
    column("name", "name"),
    column("country", "country"),
    column("languages", "languages"),
    Column("surcharge", lambda each: format_amount(each.surcharge_micros), right=True),
)


@carriers.command("list")
def list_carriers(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists all carriers."""
    print_rows(core_of(run_dir, config).list_carriers(), CARRIER_COLUMNS, as_json=as_json, nothing="no carriers yet")


@carriers.command("add", epilog="Example: cardswitch carriers add atlantic --deck carrier-atlantic --currency USD")
def add_carrier(
    name: Name,
    *,
    deck: Annotated[str, typer.Option(help="What calls cost us; made, empty, when it is not there.")],
    currency: Annotated[str, typer.Option(help="Of a new deck.")] = "USD",
    priority: Annotated[int, typer.Option(min=0, max=65_535, help="Lower is tried first.")] = 100,
    weight: Annotated[int, typer.Option(min=0, max=65_535)] = 100,
    loss_allowed: Annotated[bool, typer.Option("--loss-allowed", help="Also for calls that cost more.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Adds a carrier."""
    core = core_of(run_dir, config)
    core.add_carrier(name, deck=deck, currency=currency.upper(), priority=priority, weight=weight,
                     loss_allowed=loss_allowed, replace=False)  # fmt: skip
    print_done(asdict(core.show_carrier(name)), f"carrier {name} is there; `gateways add` says where", as_json=as_json)


@carriers.command("change", epilog="Example: cardswitch carriers change atlantic --enabled no")
def change_carrier(
    name: Name,
    *,
    deck: Annotated[str | None, typer.Option()] = None,
    priority: Small = None,
    weight: Small = None,
    loss_allowed: YesNo = None,
    enabled: YesNo = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Changes what is given. A disabled carrier gets no new calls."""
    changed = core_of(run_dir, config).change_carrier(
        name,
        deck=deck,
        priority=priority,
        weight=weight,
        loss_allowed=on_off(loss_allowed, "--loss-allowed"),
        enabled=on_off(enabled, "--enabled"),
    )
    print_done(asdict(changed), f"carrier {name} is changed", as_json=as_json)


@carriers.command("remove")
def remove_carrier(
    name: Name, *, yes: Yes = False, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False
) -> None:
    """Removes a carrier that never carried a call, with its gateways; others are disabled."""
    core = core_of(run_dir, config)
    confirm(f"Remove carrier {name} and its gateways?", yes)
    core.remove_carrier(name)
    print_done({"removed": name}, f"carrier {name} is gone", as_json=as_json)


@gateways.command("list")
def list_gateways(
    carrier: Annotated[str, typer.Argument(help="Only this carrier's.")] = "",
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lists gateways."""
    found = core_of(run_dir, config).list_gateways(carrier)
    print_rows(found, GATEWAY_COLUMNS, as_json=as_json, nothing="no gateways yet")


@gateways.command("add", epilog="Example: cardswitch gateways add atlantic 'sip:192.0.2.7:5060;transport=tcp'")
def add_gateway(
    carrier: Annotated[str, typer.Argument(help="The carrier's name.")],
    uri: Annotated[str, typer.Argument(help="As sip:192.0.2.7:5060 or with ;transport=tcp.")],
    *,
    tech_prefix: Annotated[str, typer.Option(help="Put before the digits.")] = "",
    priority: Annotated[int, typer.Option(min=0, max=65_535, help="Lower is tried first.")] = 100,
    weight: Annotated[int, typer.Option(min=0, max=65_535)] = 100,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Adds a gateway to a carrier, or changes the one of that URI."""
    core = core_of(run_dir, config)
    carrier_id = core.show_carrier(carrier).carrier_id
    gateway_id = core.add_gateway(carrier_id, uri, tech_prefix=tech_prefix, priority=priority, weight=weight)
    print_done(asdict(core.show_gateway(gateway_id)), f"gateway {gateway_id}: {uri} of {carrier}", as_json=as_json)


@gateways.command("change", epilog="Example: cardswitch gateways change 3 --enabled no")
def change_gateway(
    gateway: GatewayId,
    *,
    uri: Annotated[str | None, typer.Option()] = None,
    tech_prefix: Annotated[str | None, typer.Option()] = None,
    priority: Small = None,
    weight: Small = None,
    enabled: YesNo = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Changes what is given. A disabled gateway gets no new calls."""
    changed = core_of(run_dir, config).change_gateway(
        gateway,
        uri=uri,
        tech_prefix=tech_prefix,
        priority=priority,
        weight=weight,
        enabled=on_off(enabled, "--enabled"),
    )
    print_done(asdict(changed), f"gateway {gateway} is changed", as_json=as_json)


@gateways.command("remove")
def remove_gateway(
    gateway: GatewayId,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Removes a gateway; calls that run through it go on."""
    core = core_of(run_dir, config)
    found = core.show_gateway(gateway)
    confirm(f"Remove gateway {gateway}, {found.uri} of {found.carrier}?", yes)
    core.remove_gateway(gateway)
    print_done({"removed": gateway}, f"gateway {gateway} is gone", as_json=as_json)


@trunks.command("list")
def list_trunks(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists all trunks."""
    print_rows(core_of(run_dir, config).list_trunks(), TRUNK_COLUMNS, as_json=as_json, nothing="no trunks yet")


@trunks.command("add", epilog="Example: cardswitch trunks add north 192.0.2.0/28 --country US --trusted")
def add_trunk(
    name: Name,
    network: Annotated[str, typer.Argument(help="Address or network its calls come from.")],
    *,
    country: Annotated[str, typer.Option(help="Of its national numbers, as US.")],
    trusted: Annotated[bool, typer.Option("--trusted", help="Its CallerIDs are believed.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Adds a trunk. Its CallerIDs are believed only with --trusted."""
    core = core_of(run_dir, config)
    core.add_trunk(name, network, ani_trusted=trusted, country=country, replace=False)
    print_done(asdict(core.show_trunk(name)), f"calls from {network} are trunk {name}'s now", as_json=as_json)


@trunks.command("change", epilog="Example: cardswitch trunks change north --trusted no")
def change_trunk(
    name: Name,
    *,
    network: Annotated[str | None, typer.Option()] = None,
    country: Annotated[str | None, typer.Option()] = None,
    trusted: YesNo = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Changes what is given."""
    core = core_of(run_dir, config)
    changed = core.change_trunk(name, cidr=network, country=country, ani_trusted=on_off(trusted, "--trusted"))
    print_done(asdict(changed), f"trunk {name} is changed", as_json=as_json)


@trunks.command("remove")
def remove_trunk(
    name: Name, *, yes: Yes = False, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False
) -> None:
    """Removes a trunk: new calls from there are refused."""
    core = core_of(run_dir, config)
    found = core.show_trunk(name)
    confirm(f"Remove trunk {name}, calls from {found.cidr}?", yes)
    core.remove_trunk(name)
    print_done({"removed": name}, f"trunk {name} is gone", as_json=as_json)


@access_numbers.command("list")
def list_access_numbers(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists all access numbers."""
    found = core_of(run_dir, config).list_access_numbers()
    print_rows(found, ACCESS_COLUMNS, as_json=as_json, nothing="no access numbers yet")


@access_numbers.command("add", epilog="Example: cardswitch access-numbers add 12025550100 Washington --country US")
def add_access_number(
    number: Number,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    country: Annotated[str, typer.Option(help="Of national numbers that are dialled there, as US.")],
    languages: Annotated[str, typer.Option(help="Offered before a card is known, as en,es.")] = "en",
    surcharge: Annotated[str, typer.Option(help="For every call placed through it.")] = "0",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Adds an access number."""
    core = core_of(run_dir, config)
    core.add_access_number(number, name, country=country, languages=languages.split(","),
                           surcharge_micros=parse_amount(surcharge), replace=False)  # fmt: skip
    print_done(asdict(core.show_access_number(number)), f"{number} leads to the IVR now", as_json=as_json)


@access_numbers.command("change", epilog="Example: cardswitch access-numbers change 12025550100 --surcharge 0.25")
def change_access_number(
    number: Number,
    *,
    name: Annotated[str | None, typer.Option()] = None,
    country: Annotated[str | None, typer.Option()] = None,
    languages: Annotated[str | None, typer.Option(help="As en,es.")] = None,
    surcharge: Annotated[str | None, typer.Option(help="For every call placed through it.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Changes what is given."""
    changed = core_of(run_dir, config).change_access_number(
        number,
        name=name,
        country=country,
        languages=None if languages is None else languages.split(","),
        surcharge_micros=None if surcharge is None else parse_amount(surcharge),
    )
    print_done(asdict(changed), f"access number {number} is changed", as_json=as_json)


@access_numbers.command("remove")
def remove_access_number(
    number: Number,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Removes an access number: it is a destination like any other then."""
    core = core_of(run_dir, config)
    core.show_access_number(number)
    confirm(f"Remove access number {number}?", yes)
    core.remove_access_number(number)
    print_done({"removed": number}, f"access number {number} is gone", as_json=as_json)
