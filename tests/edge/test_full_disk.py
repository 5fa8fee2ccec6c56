"""The journal's disk takes nothing: what cannot be written waits in memory, and nobody calls for free."""

import shutil
from collections.abc import Iterator

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up, refused
from tests.edge.sipp import must_have, pause
from tests.edge.world import MICROS_PER_SECOND, EdgeWorld, edge_world, wait_for


@pytest.fixture
def small() -> Iterator[EdgeWorld]:
    with edge_world(udp_workers=2, async_workers=1) as running:
        yield running


def test_a_call_whose_events_the_disk_does_not_take_is_charged_when_it_takes_them_again(small: EdgeWorld) -> None:
    journal = small.settings.journal_dir
    card_id, ani = small.new_card(1_000_000)
    gateway = small.gateway([*ANSWERS, *HANGS_UP])
    shutil.rmtree(journal, ignore_errors=True)
    journal.write_text("in the way: nothing can be written, as with a full disk")
    caller = small.caller([*calls(ani), pause(1200), *hangs_up(ani)])
    small.all_as_written(caller, gateway)
    assert small.card(card_id).held_micros > 0

    other_card, other = small.new_card(1_000_000)
    small.all_as_written(small.caller(refused(other, 503, action=must_have("Retry-After: [0-9]"))))
    assert small.card(other_card).held_micros == 0

    journal.unlink()
    journal.mkdir()
    cdr = small.cdr(card_id, within_s=15)
    assert (cdr["outcome"], cdr["ended_by"], cdr["charge_micros"]) == ("captured", "caller", 2 * MICROS_PER_SECOND)

    wait_for(lambda: "has all that waited" in small.log())
    gateway = small.gateway([*ANSWERS, *HANGS_UP])
    small.all_as_written(small.caller([*calls(other), *hangs_up(other)]), gateway)
    assert small.cdr(other_card)["charge_micros"] == MICROS_PER_SECOND
    assert small.metric("cardswitch_edge_journal_lost_total") == 0
