"""TLS towards a carrier. SIPp speaks TCP; a door in front of it speaks TLS."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from console.stack.ports import free_port
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.rate import flat_rate
from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up
from tests.edge.sipp import Step, must_have, receive
from tests.edge.world import EDGE, GATEWAY, MICROS_PER_SECOND, PARIS, EdgeWorld, edge_world, wait_for


def certificate(directory: Path, name: str, *, signed_by: str = "") -> None:
    """``name``.pem and ``name``.key; without ``signed_by`` an authority of its own."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    if signed_by:
        command += ["-CA", f"{signed_by}.pem", "-CAkey", f"{signed_by}.key", "-addext", "basicConstraints=CA:FALSE"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=30)


class Door:
    """Takes TLS connections at the gateway's address and passes their content on to a TCP port."""

    def __init__(self, directory: Path, name: str, inside: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
        self._inside = inside
        self._listener = socket.create_server((GATEWAY, 0))
        self.port: int = self._listener.getsockname()[1]
        self.taken = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                outside, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(outside,), daemon=True).start()

    def _pass_on(self, outside: socket.socket) -> None:
        with suppress(OSError):
            encrypted = self._context.wrap_socket(outside, server_side=True)
            self.taken += 1
            inside = socket.create_connection((GATEWAY, self._inside), timeout=10)
            inside.settimeout(None)
            threading.Thread(target=pump, args=(inside, encrypted), daemon=True).start()
            pump(encrypted, inside)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (sink, source):  # shut, not only closed: the other thread still reads one of them
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Secure:
    """An edge with TLS; to Paris there are two cheap gateways: one with a good certificate, one with a stranger's."""

    def __init__(self, world: EdgeWorld, directory: Path) -> None:
        self.world = world
        self.sipp_port = free_port(GATEWAY)
        self.good, self.bad = (Door(directory, name, self.sipp_port) for name in ("gateway", "stranger"))
        rows = [DeckRow("33", "Paris", flat_rate(3_000).pack())]
        world.core.publish_deck(DeckTable.from_rows(DeckTerms("secure", "USD"), rows))
        self.carrier = world.core.add_carrier("Secure", deck="secure")
        self.gateway_id = world.core.add_gateway(self.carrier, self.uri(self.good), priority=2)

    @staticmethod
    def uri(door: Door) -> str:
        return f"sip:{GATEWAY}:{door.port};transport=tls"

    def behind_the_door(self, steps: list[Step]) -> list[Step]:
        """The scenario of a gateway that is to be reached through the door again."""
        inside = "gw@[local_ip]:[local_port];transport=[transport]"
        outside = f"gw@{GATEWAY}:{self.good.port};transport=tls"
        return [Step(step.xml.replace(inside, outside)) for step in steps]


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    directory = tmp_path_factory.mktemp("tls")
    certificate(directory, "authority")
    certificate(directory, "edge", signed_by="authority")
    certificate(directory, "gateway", signed_by="authority")
    certificate(directory, "stranger")
    files = {"tls_certificate": "edge.pem", "tls_key": "edge.key", "tls_ca": "authority.pem"}
    settings = {name: str(directory / file) for name, file in files.items()}
    with edge_world(udp_workers=2, tls=f"{EDGE}:{free_port(EDGE)}", **settings) as running:
        found = Secure(running, directory)
        yield found
        found.good.close()
        found.bad.close()


def test_a_call_to_a_carrier_over_tls_is_ended_at_its_limit_on_both_sides(secure: Secure) -> None:
    world = secure.world
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    invited = receive("INVITE", rrs=True, action=must_have("Record-Route: <sip:[^>]*transport=tls"))
    steps = secure.behind_the_door([invited, *ANSWERS[1:], *HANGS_UP])
    gateway = world.far_end(steps, GATEWAY, port=secure.sipp_port, transport="t1")
    caller = world.caller([*calls(ani, PARIS), *HANGS_UP])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"], cdr["gateway_id"]) == (
        "timeout",
        2 * MICROS_PER_SECOND,
        secure.gateway_id,
    )


def test_a_gateway_with_a_certificate_of_somebody_else_is_not_called(secure: Secure) -> None:
    world = secure.world
    bad_id = world.core.add_gateway(secure.carrier, secure.uri(secure.bad), priority=1)
    wait_for(lambda: was_tried(secure, bad_id), 20)  # a worker may know the carrier's gateways of two seconds ago
    assert secure.bad.taken == 0


def was_tried(secure: Secure, gateway_id: int) -> bool:
    """Places a call, which the good gateway takes in any case; whether the other one was tried before."""
    world = secure.world
    card_id, ani = world.new_card(1_000_000)
    steps = secure.behind_the_door([*ANSWERS, *HANGS_UP])
    gateway = world.far_end(steps, GATEWAY, port=secure.sipp_port, transport="t1")
    world.all_as_written(world.caller([*calls(ani, PARIS), *hangs_up(ani, PARIS)]), gateway)
    assert world.cdr(card_id)["gateway_id"] == secure.gateway_id
    return f'cardswitch_edge_attempts_total{{answer="none",gateway_id="{gateway_id}"}}' in world.metrics()
