"""Eight hosts from the example inventory: two edges, two media hosts, a Galera cluster of three, one for operators."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.deploy.hosts import Network, networked
from tests.deploy.images import Images
from tests.deploy.platform import FACE_MICROS, GATEWAY, OPEN, TRUSTED, Books, Platform
from tests.deploy.playbook import Playbook, programs

pytestmark = pytest.mark.timeout(3600)
EDGES = ("192.0.2.21", "192.0.2.22")
ANIS = [f"1202555{number}" for number in range(3000, 3020)]


@dataclass
class Deployed:
    network: Network
    playbook: Playbook
    platform: Platform
    note: list[str]


@pytest.fixture(scope="module")
def deployed(images: Images, note: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    programs(images.cache)
    directory = tmp_path_factory.mktemp("eight")
    with networked(images, (TRUSTED, OPEN, GATEWAY)) as network:
        playbook = Playbook(network, "eight", directory / "playbook", mediasrv_drain_s=20)
        network.add_hosts(playbook.hosts())
        first = playbook.run()
        note.append(f"eight hosts: first run {first.seconds:.0f} s, {first.changed} tasks changed something")
        platform = Platform(network.hosts["ops1"], directory / "calls", images.cache / "prompts")
        try:
            platform.furnish()
            yield Deployed(network, playbook, platform, note)
        finally:
            platform.close()


def test_a_second_run_changes_nothing(deployed: Deployed) -> None:
    again = deployed.playbook.run()
    deployed.note.append(f"eight hosts: second run {again.seconds:.0f} s, changed={again.changed}")
    assert again.changed == 0, again.tasks_that_changed()


def test_calls_pass_through_either_edge_and_the_books_balance(deployed: Deployed) -> None:
    platform = deployed.platform
    cards = platform.issue(4, FACE_MICROS, ANIS[:2])
    gateway = platform.gateway(4)
    for edge, ani in zip(EDGES, ANIS[:2], strict=True):
        caller = platform.caller(edge, ani, 2000)
        assert caller.wait() == 0, caller.trouble()
    for edge, (_, pin) in zip(EDGES, cards[2:], strict=True):
        platform.dial_with_pin(edge, pin, talk_s=2.0)
    assert gateway.wait() == 0, gateway.trouble()
    books = _settled(deployed, 4)
    assert {row["node"] for row in books.connected()} == {"edge1", "edge2"}
    deployed.note.append("eight hosts: two CallerID calls and two PIN calls, by either edge; books balance")


def test_connections_to_the_ledger_are_encrypted_and_the_cluster_is_whole(deployed: Deployed) -> None:
    host = deployed.network.hosts["db2"]
    assert host.ssh("mariadb -Nse \"SHOW STATUS LIKE 'wsrep_cluster_size'\"").split() == ["wsrep_cluster_size", "3"]
    ssl = deployed.platform.python(
        "from rating.database import Database; from rating.settings import load_settings;"
        "print(Database(load_settings().database).row(\"SHOW STATUS LIKE 'Ssl_cipher'\")['Value'])"
    )
    assert ssl.startswith("TLS_"), ssl
    said = deployed.network.hosts["db1"].ssh(
        "journalctl -u mariadb --no-pager -o cat; cat /var/lib/mysql/*.err", check=False
    )
    assert "ssl://192.0.2.42:4567" in said


def test_a_galera_node_dies_with_a_call_running_and_the_next_call_is_taken(deployed: Deployed) -> None:
    platform, db1 = deployed.platform, deployed.network.hosts["db1"]
    before = len(platform.books().connected())
    platform.issue(2, FACE_MICROS, ANIS[2:4])
    gateway = platform.gateway(2)
    running = platform.caller(EDGES[0], ANIS[2], 20_000)
    _await_message(gateway, "ACK sip:")
    db1.pull_the_plug()
    tries, caller = 0, None
    while caller is None or caller.wait() != 0:  # until a new call is taken
        tries += 1
        assert tries <= 20, "new calls are refused for ever"
        caller = platform.caller(EDGES[1], ANIS[3], 1000)
    assert running.wait() == 0, running.trouble()
    assert gateway.wait() == 0, gateway.trouble()
    _settled(deployed, before + 2)
    db1.power_on()
    db1.await_up()
    deployed.note.append(f"eight hosts: a Galera node killed: the running call went on, new calls taken at try {tries}")


def test_an_edge_dies_and_comes_back_and_its_call_is_charged_for_what_it_lasted(deployed: Deployed) -> None:
    platform, edge = deployed.platform, deployed.network.hosts["edge1"]
    before = len(platform.books().connected())
    platform.issue(2, FACE_MICROS, ANIS[4:6])
    gateway = platform.gateway(2)
    running = platform.caller(EDGES[0], ANIS[4], 25_000)
    _await_message(gateway, "ACK sip:")
    edge.ssh("sleep 2; systemctl kill -s KILL cardswitch-kamailio.service")
    other = platform.caller(EDGES[1], ANIS[5], 1000)
    assert other.wait() == 0, other.trouble()
    assert running.wait() == 0, running.trouble()
    assert gateway.wait() == 0, gateway.trouble()
    books = _settled(deployed, before + 2)
    assert max(row["seconds"] for row in books.connected()) in (25, 26)
    deployed.note.append(
        "eight hosts: an edge killed: its call went on and was charged for 25 s; the other edge took calls"
    )


def test_a_relay_and_a_media_server_die_and_callers_with_a_pin_still_get_through(deployed: Deployed) -> None:
    platform, media1 = deployed.platform, deployed.network.hosts["media1"]
    before = len(platform.books().connected())
    ((_, pin),) = platform.issue(1, FACE_MICROS, [])
    media1.pull_the_plug()
    gateway = platform.gateway(1)
    for attempt in range(5):  # the dead one is noticed by probes, two seconds apart
        try:
            platform.dial_with_pin(EDGES[0], pin, talk_s=2.0)
            break
        except Exception:  # refused, or sent to the dead one
            assert attempt < 4
    assert gateway.wait() == 0, gateway.trouble()
    _settled(deployed, before + 1)
    media1.power_on()
    media1.await_up()
    deployed.note.append(f"eight hosts: a media host killed: a PIN call got through at try {attempt + 1}")


def _settled(deployed: Deployed, connected: int) -> Books:
    platform = deployed.platform
    books = platform.await_books(
        lambda books: len(books.connected()) == connected and not books.open_calls, "settled", within_s=60
    )
    assert books.balance
    assert books.charged_twice == 0
    return books


def _await_message(sipp: object, text: str) -> None:
    import time

    deadline = time.monotonic() + 30
    while text not in sipp.messages():  # type: ignore[attr-defined]
        assert time.monotonic() < deadline, f"no {text}"
        time.sleep(0.1)
