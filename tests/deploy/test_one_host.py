"""Everything on one host, from the example inventory: installed, called through, restarted, backed up, restored."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.deploy.hosts import Host, networked
from tests.deploy.images import Images
from tests.deploy.platform import FACE_MICROS, GATEWAY, OPEN, TRUSTED, Platform, exposure
from tests.deploy.playbook import Playbook, Recap, programs

pytestmark = pytest.mark.timeout(2400)
EDGE = "192.0.2.11"
ANI = "12025550123"
UNITS = (
    "cardswitch-kamailio",
    "cardswitch-mediasrv",
    "cardswitch-keeper",
    "cardswitch-rtpengine",
    "cardswitch-dtmf-fanout",
)
EXPOSURE_MAX = 3.0
BACKUP = "/var/backups/cardswitch"


@dataclass
class Deployed:
    host: Host
    playbook: Playbook
    first_run: Recap
    platform: Platform
    note: list[str]


@pytest.fixture(scope="module")
def deployed(images: Images, note: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    programs(images.cache)
    directory = tmp_path_factory.mktemp("one")
    with networked(images, (TRUSTED, OPEN, GATEWAY)) as network:
        playbook = Playbook(network, "one", directory / "playbook", mediasrv_drain_s=20)
        network.add_hosts(playbook.hosts())
        first = playbook.run()
        note.append(f"one host: first run {first.seconds:.0f} s, {first.changed} tasks changed something")
        host = network.hosts["cards1"]
        platform = Platform(host, directory / "calls", images.cache / "prompts")
        try:
            platform.furnish()
            yield Deployed(host, playbook, first, platform, note)
        finally:
            platform.close()


def test_a_second_run_changes_nothing(deployed: Deployed) -> None:
    again = deployed.playbook.run()
    deployed.note.append(f"one host: second run {again.seconds:.0f} s, changed={again.changed}")
    assert again.changed == 0, again.tasks_that_changed()


def test_a_pin_call_and_a_callerid_call_pass_and_the_books_balance(deployed: Deployed) -> None:
    platform = deployed.platform
    (registered, _), (with_pin, pin) = platform.issue(2, FACE_MICROS, [ANI])
    gateway = platform.gateway(2)
    caller = platform.caller(EDGE, ANI, 3000)
    assert caller.wait() == 0, caller.trouble()
    platform.dial_with_pin(EDGE, pin, talk_s=3.0)
    assert gateway.wait() == 0, gateway.trouble()
    books = platform.await_books(lambda books: len(books.connected()) == 2 and not books.open_calls, "both are settled")
    assert books.balance
    assert books.charged_twice == 0
    assert {row["card_id"] for row in books.connected()} == {registered, with_pin}
    assert all(3 <= row["seconds"] <= 8 and row["charge_micros"] > 0 for row in books.connected()), books.connected()
    told = "".join(platform.told)
    assert pin not in told
    assert pin not in deployed.host.ssh("journalctl --no-pager -o cat; cat /var/log/cardswitch/calls/*")
    seconds = ", ".join(f"{row['seconds']} s = {row['charge_micros']} micro-units" for row in books.connected())
    deployed.note.append(f"one host: a CallerID call and a PIN call: {seconds}; books balance")


def test_what_runs_is_hardened_and_nothing_else_is_open(deployed: Deployed) -> None:
    scores = {unit: exposure(deployed.host, f"{unit}.service") for unit in (*UNITS, "mariadb")}
    deployed.note.append("one host: systemd-analyze security: " + ", ".join(f"{u} {s}" for u, s in scores.items()))
    assert all(score < EXPOSURE_MAX for score in scores.values()), scores
    owners = deployed.host.ssh(
        "ps -eo user:20,args | grep -E 'kamailio|mediasrv|rating.keeper|rtpengine' | grep -v grep"
    )
    assert not re.search(r"(?m)^root ", owners), owners
    assert deployed.host.ssh("nft list ruleset | grep -c 'policy drop'") == "2"
    assert "cardswitch-kamailio" in deployed.host.ssh("systemctl list-units --state=running --no-legend")


def test_check_mode_runs_and_promises_no_change(deployed: Deployed) -> None:
    assert deployed.playbook.run("--check").changed == 0


def test_after_a_reboot_everything_comes_back_and_a_call_passes(deployed: Deployed) -> None:
    platform = deployed.platform
    before = len(platform.books().connected())
    deployed.host.reboot()
    assert deployed.host.ssh("systemctl --failed --no-legend") == ""
    _await_edge(deployed)
    gateway = platform.gateway(1)
    caller = platform.caller(EDGE, ANI, 1000)
    assert caller.wait() == 0, caller.trouble()
    assert gateway.wait() == 0, gateway.trouble()
    books = platform.await_books(lambda books: len(books.connected()) == before + 1, "the call is settled")
    assert books.balance
    deployed.note.append("one host: after a reboot everything runs, and a call passes")


def test_a_backup_is_checked_and_restored_with_every_cent(deployed: Deployed) -> None:
    host, platform = deployed.host, deployed.platform
    assert "cardswitch-backup.timer" in host.ssh("systemctl list-timers --no-legend")
    host.ssh("systemctl start cardswitch-backup.service", timeout_s=300)
    books = platform.books()
    host.ssh("systemctl start cardswitch-backup-check.service", timeout_s=300)
    said = host.ssh("journalctl -u cardswitch-backup-check --no-pager -o cat")
    assert ", 0 that do not add up" in said, said
    host.ssh("mariadb cardswitch -e 'SET FOREIGN_KEY_CHECKS = 0; DROP TABLE card; DROP TABLE entry'")
    host.ssh(f"cardswitch-restore $(ls {BACKUP}/ledger-* | tail -n 1)", timeout_s=300)
    _await_edge(deployed)
    again = platform.books()
    assert again.check == books.check
    assert again.cdrs == books.cdrs
    assert again.balance
    deployed.note.append(
        "one host: the ledger was destroyed and restored from the night's backup, equal to the micro-unit"
    )


def _await_edge(deployed: Deployed) -> None:
    deployed.host.ssh(
        "for i in $(seq 1 120); do /opt/cardswitch/current/bin/python -P -m console.stack.probe "
        f"{EDGE}:5060 && exit 0; sleep 0.5; done; exit 1",
        timeout_s=180,
    )
