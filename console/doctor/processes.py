"""Checks of what runs: processes, SIP, rtpengine, HTTP."""

from collections.abc import Iterator
from pathlib import Path

from console.doctor.finding import Finding, fault, note, ok
from console.stack.probe import Address, http_get, ng_ping, parse_address, sip_options
from console.stack.state import running_states
from rating.settings import Settings

LOGS = "see `cardswitch logs {}`"


def processes(run_dir: Path) -> Iterator[Finding]:
    """The processes of a stack that a supervisor of ours started."""
    states = running_states(run_dir)
    if not states:
        yield note("processes", "no supervisor of ours runs here: the processes are looked at by their ports", "")
        return
    for state in states:
        if state.stage != "running":
            yield note("supervisor", f"it is {state.stage}", "wait until `cardswitch status` says running")
        for part in state.parts:
            if not part.process.alive:
                yield fault(part.name, f"its process {part.pid} is gone", f"{LOGS.format(part.name)}; `cardswitch up`")
            elif part.restarts:
                yield note(part.name, f"was restarted {part.restarts} times", LOGS.format(part.name))
            else:
                yield ok(part.name, f"process {part.pid} runs")


def edge(settings: Settings) -> Iterator[Finding]:
    """Whether the edge answers OPTIONS with 200: it says 503 as long as it knows no trunks."""
    table = settings.table("edge")
    yield from _options("edge", table.get("sip"), {503: "it has not read trunks and access numbers from the ledger"})
    yield from _http("edge", table.get("http"), "/metrics")
    socket = table.get("rpc_socket")
    if socket and not Path(socket).exists():
        yield fault("edge", f"its control socket {socket} is not there", LOGS.format("kamailio"))


def media_server(settings: Settings) -> Iterator[Finding]:
    """The IVR, by SIP and HTTP."""
    table = settings.table("mediasrv")
    yield from _options("mediasrv", table.get("sip"), {503: "it is full, or ending: new callers go to another"})
    yield from _http("mediasrv", table.get("http"), "/healthz")


def keeper(settings: Settings) -> Iterator[Finding]:
    yield from _http("keeper", settings.table("keeper").get("http"), "/healthz")


def web_console(settings: Settings) -> Iterator[Finding]:
    """The operators' page and the HTTP API, where a node has them."""
    yield from _http("console", settings.table("console").get("http"), "/healthz")


def rtpengine(settings: Settings) -> Iterator[Finding]:
    """rtpengine, by a ping of its ng protocol."""
    text = settings.table("rtpengine").get("ng")
    address = _address(text)
    if address is None:
        yield note("rtpengine", "no address in the settings", "give [rtpengine] ng in cardswitch.toml")
    elif ng_ping(address):
        yield ok("rtpengine", f"answers at {text}")
    else:
        advice = f"without it no call has sound: {LOGS.format('rtpengine')}"
        yield fault("rtpengine", f"does not answer a ping at {text}", advice)


def _options(part: str, text: object, known: dict[int, str]) -> Iterator[Finding]:
    address = _address(text)
    if address is None:
        yield note(part, "no SIP address in the settings", f"give [{part}] sip in cardswitch.toml")
        return
    status = sip_options(address)
    log = LOGS.format("kamailio" if part == "edge" else part)
    if status == 200:
        yield ok(part, f"answers OPTIONS at {text}")
    elif status is None:
        yield fault(part, f"does not answer OPTIONS at {text}", log)
    else:
        yield fault(part, f"answers OPTIONS with {status}: {known.get(status, 'not what it should say')}", log)


def _http(part: str, text: object, path: str) -> Iterator[Finding]:
    address = _address(text)
    if address is None:
        return
    answer = http_get(address, path)
    if answer is None:
        yield fault(part, f"does not answer http://{text}{path}", LOGS.format("kamailio" if part == "edge" else part))
    elif answer[0] != 200:
        said = answer[1].strip().partition("\n")[0][:120]
        yield fault(part, f"http://{text}{path} says {answer[0]}: {said}", LOGS.format(part))
    else:
        yield ok(part, f"answers http://{text}{path}")


def _address(text: object) -> Address | None:
    try:
        return parse_address(str(text)) if text else None
    except ValueError:
        return None
