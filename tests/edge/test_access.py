"""Calls to the media server: who is sent there, and what it is told."""

from tests.edge.media_server import MediaServer
from tests.edge.parts import calls, hangs_up, refused
from tests.edge.sipp import must_have
from tests.edge.world import ACCESS, EDGE, LONDON, OPEN, EdgeWorld, wait_for


def first_leg(
    world: EdgeWorld, ani: str, number: str, *, address: str = "127.0.0.10", extra: str = ""
) -> dict[str, str]:
    """Places the call; the headers with which the media server got it."""
    with MediaServer(world.mediasrv_port) as media_server:
        wait_for(lambda: world.media_server_is(up=True))
        caller = world.caller([*calls(ani, number, extra=extra), *hangs_up(ani, number)], address=address)
        world.all_as_written(caller)
        return media_server.invites[-1]


def test_an_unregistered_caller_who_dials_an_access_number_is_asked_for_the_pin(world: EdgeWorld) -> None:
    told = first_leg(world, "12125559001", ACCESS)
    assert told["X-Cardswitch-Access"] == ACCESS
    assert told["X-Cardswitch-Ani"] == "12125559001"
    assert told["X-Cardswitch-Trunk"] == "demo-trunk"
    assert told["X-Cardswitch-Ani-Trusted"] == "yes"
    assert len(told["X-Cardswitch-Call"]) == 32
    assert "X-Cardswitch-Card" not in told


def test_a_registered_caller_who_dials_an_access_number_is_known(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    assert first_leg(world, ani, ACCESS)["X-Cardswitch-Card"] == str(card_id)


def test_a_spoofed_callerid_from_an_untrusted_trunk_is_not_believed(world: EdgeWorld) -> None:
    _, ani = world.new_card(1_000_000)
    told = first_leg(world, ani, LONDON, address=OPEN)
    assert told["X-Cardswitch-Ani-Trusted"] == "no"
    assert "X-Cardswitch-Card" not in told


def test_an_asserted_identity_from_an_untrusted_trunk_is_ignored(world: EdgeWorld) -> None:
    _, ani = world.new_card(1_000_000)
    asserted = f"P-Asserted-Identity: <sip:+{ani}@carrier.example>"
    told = first_leg(world, "12125559002", LONDON, address=OPEN, extra=asserted)
    assert told["X-Cardswitch-Ani"] == "12125559002"
    assert "X-Cardswitch-Card" not in told


def test_an_anonymous_caller_is_asked_for_the_pin(world: EdgeWorld) -> None:
    told = first_leg(world, "anonymous", ACCESS)
    assert "X-Cardswitch-Ani" not in told
    assert told["X-Cardswitch-Ani-Trusted"] == "no"


def test_an_unregistered_caller_who_dials_a_destination_is_asked_for_the_pin(world: EdgeWorld) -> None:
    told = first_leg(world, "12125559003", LONDON)
    assert (told["X-Cardswitch-Access"], told["X-Cardswitch-Dnis"]) == (ACCESS, LONDON)


def test_forged_headers_of_ours_do_not_reach_the_media_server(world: EdgeWorld) -> None:
    card_id, _ = world.new_card(1_000_000)
    forged = f"X-Cardswitch-Card: {card_id}\nx-cardswitch-ani-trusted: yes\nX-CARDSWITCH-Hold: {'b' * 32}"
    told = first_leg(world, "12125559004", ACCESS, address=OPEN, extra=forged)
    assert "X-Cardswitch-Card" not in told
    assert told["X-Cardswitch-Ani-Trusted"] == "no"
    assert not [name for name in told if "hold" in name.lower()]


def test_without_a_media_server_the_call_is_refused_at_once(world: EdgeWorld) -> None:
    wait_for(lambda: world.media_server_is(up=False), 25)
    world.all_as_written(world.caller(refused("12125559005", 503, ACCESS)))


def both_are_alive(world: EdgeWorld) -> None:
    uris = [f"sip:{EDGE}:{port}" for port in (world.mediasrv_port, world.second_mediasrv_port)]
    wait_for(lambda: all(world.probed(uri, up=True) for uri in uris))


def test_a_full_media_server_is_left_for_the_next_and_not_taken_for_dead(world: EdgeWorld) -> None:
    with MediaServer(world.mediasrv_port, full=True) as full, MediaServer(world.second_mediasrv_port) as free:
        both_are_alive(world)
        for _ in range(2):  # they take turns: one of two calls comes to the full one first
            ani = "12125559006"
            world.all_as_written(world.caller([*calls(ani, ACCESS), *hangs_up(ani, ACCESS)]))
        assert full.invites
        assert len(free.invites) == 2
        assert world.media_server_is(up=True)


def test_with_all_media_servers_full_the_caller_is_told_to_try_elsewhere(world: EdgeWorld) -> None:
    ports = (world.mediasrv_port, world.second_mediasrv_port)
    with MediaServer(ports[0], full=True) as first, MediaServer(ports[1], full=True) as second:
        both_are_alive(world)
        told = must_have("Q\\.850;cause=41")
        world.all_as_written(world.caller(refused("12125559007", 503, ACCESS, action=told)))
        assert first.invites
        assert second.invites
