"""The HTTP API: its verbs, and what holds for all of them."""

import time
from collections.abc import Iterator

import httpx
import pytest

from console.web.problems import PROBLEM_JSON
from console.web.webhooks import WINDOW_S, sign
from tests.support.stack import await_true
from tests.web.world import LONDON, SECRET, TIMEOUT_S, VALUE, Console


@pytest.fixture(scope="module")
def api(console: Console) -> Iterator[httpx.Client]:
    with console.program() as client:
        yield client


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def demand_problem(answer: httpx.Response, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM_JSON
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert code is None or problem["code"] == code


# what holds for all


def test_every_error_is_a_problem(console: Console, api: httpx.Client) -> None:
    demand_problem(api.get("/nothing"), 404)
    demand_problem(api.delete("/cards"), 405)
    demand_problem(api.get("/cards?limit=many"), 422)
    demand_problem(api.get("/cards/1"), 404)
    demand_problem(httpx.get(f"{console.url}/api/v1/cards", timeout=TIMEOUT_S), 401)
    demand_problem(api.post("/serials/block", content=b"{not json"), 422)
    demand_problem(api.get("/cards", headers={"Host": "elsewhere"}), 421)


def test_a_bug_is_a_problem_too_and_tells_nothing(
    console: Console, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = console.server.config.app._app.state.services  # type: ignore[union-attr]

    def broken() -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(services.core, "list_decks", broken)
    answer = api.get("/decks")
    demand_problem(answer, 500)
    assert "secret" not in answer.text


def test_tokens_end_are_revoked_and_reach_only_their_scopes(console: Console) -> None:
    card = console.card()
    with console.program("read") as reader:
        assert reader.get(f"/cards/{card.serial}").status_code == 200
        demand_problem(reader.post(f"/cards/{card.serial}/block"), 403, "SCOPE")
        body = {"amount": "5", "note": "x"}
        demand_problem(reader.post(f"/cards/{card.serial}/refills", json=body, headers=keyed("k1")), 403, "SCOPE")
        demand_problem(reader.get("/audit"), 403, "SCOPE")
        name = console.accounts.tokens()[-1]["name"]
    token = console.token("read", name="leaving")
    client = httpx.Client(
        base_url=f"{console.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
    )
    assert client.get("/decks").status_code == 200
    console.accounts.revoke_token("leaving")
    demand_problem(client.get("/decks"), 401)
    assert name


def test_a_token_that_asks_too_often_waits(own_console: Console) -> None:
    from console.web.limits import RateLimit

    own_console.server.config.app._app.state.services.token_calls = RateLimit(0.001, 2)  # type: ignore[union-attr]
    with own_console.program("read") as client:
        assert [client.get("/decks").status_code for _ in range(3)] == [200, 200, 429]
        assert int(client.get("/decks").headers["retry-after"]) > 0


def test_listings_come_in_pages_that_lose_nothing(console: Console, api: httpx.Client) -> None:
    made = {card.serial for card in console.core.issue_batch("Once", 7, VALUE)}
    batch = api.get("/batches?limit=1").json()["items"][0]["batch_id"]
    seen: list[str] = []
    after = None
    while True:
        page = api.get("/cards", params={"batch": batch, "limit": 3} | ({"after": after} if after else {})).json()
        seen += [card["serial"] for card in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert set(seen) == made
    assert len(seen) == 7


# money moves once


@pytest.mark.parametrize("verb", ["adjustments", "refills"])
def test_money_moves_once_per_idempotency_key(console: Console, api: httpx.Client, verb: str) -> None:
    card = console.card()
    path, body = f"/cards/{card.serial}/{verb}", {"amount": "1.50", "note": "counter 4"}
    demand_problem(api.post(path, json=body), 422)
    first = api.post(path, json=body, headers=keyed("order-1")).json()
    again = api.post(path, json=body, headers=keyed("order-1")).json()
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert again["card"]["posted"] == "6.500000"
    demand_problem(api.post(path, json=body | {"amount": "2"}, headers=keyed("order-1")), 409)
    assert api.post(path, json=body, headers=keyed("order-2")).json()["card"]["posted"] == "8.000000"


def test_a_key_of_one_program_is_nothing_to_another(console: Console, api: httpx.Client) -> None:
    card = console.card()
    path, body = f"/cards/{card.serial}/refills", {"amount": "1"}
    api.post(path, json=body, headers=keyed("same"))
    with console.program("money") as other:
        assert other.post(path, json=body, headers=keyed("same")).json()["repeated"] is False


def test_a_batch_is_issued_once_and_its_pins_shown_once(console: Console, api: httpx.Client) -> None:
    body = {"product": "World", "cards": 2, "face_value": "5.00", "active": True}
    issued = api.post("/batches", json=body, headers=keyed("batch-1"))
    assert issued.status_code == 201, issued.text
    cards = issued.json()["cards"]
    again = api.post("/batches", json=body, headers=keyed("batch-1"))
    demand_problem(again, 409, "ALREADY_ISSUED")
    assert again.json()["batch_id"] == issued.json()["batch"]["batch_id"]
    assert cards[0]["pin"] not in again.text
    assert console.holder_of(cards[0]).get("/card").status_code == 200


def test_amounts_that_are_none_are_refused(console: Console, api: httpx.Client) -> None:
    card = console.card()
    for amount in ("0", "", "1,50", "1e9", "9" * 24, "0.0000001", "NaN", "-"):
        demand_problem(
            api.post(f"/cards/{card.serial}/refills", json={"amount": amount}, headers=keyed(f"a{time.time_ns()}")), 422
        )
    assert console.core.show_card(card.serial).posted_micros == VALUE


# verbs


def test_cards_callerids_and_quotes(console: Console, api: httpx.Client) -> None:
    card, other = console.card(), console.card()
    place = f"/cards/{card.serial}"
    assert api.put(f"{place}/caller-ids/442079460301").status_code == 204
    assert [each["ani"] for each in api.get(f"{place}/caller-ids").json()] == ["442079460301"]
    demand_problem(api.put(f"/cards/{other.serial}/caller-ids/442079460301"), 409, "ANI_TAKEN")
    assert api.get("/cards", params={"ani": "*0301"}).json()["items"][0]["serial"] == card.serial
    moved = api.post(f"{place}/caller-ids/move", json={"to_serial": other.serial})
    assert moved.json() == {"anis": ["442079460301"]}
    assert api.delete(f"/cards/{other.serial}/caller-ids/442079460301").status_code == 204
    quote = api.get(f"{place}/quote", params={"dnis": LONDON}).json()
    assert (quote["limit_s"], quote["rate_per_minute"]) == (4980, "0.060000")
    demand_problem(api.get(f"{place}/quote", params={"dnis": "999"}), 409, "NO_RATE")
    assert api.post(f"{place}/block").json()["state"] == "blocked"
    assert api.post(f"{place}/unblock").json()["state"] == "active"
    kinds = [entry["kind"] for entry in api.get(f"{place}/entries").json()["items"]]
    assert kinds == ["issue"]


def test_what_is_configured_is_put_listed_and_removed(api: httpx.Client) -> None:
    terms = {"currency": "USD", "deck": "retail", "languages": {"en": "0", "es": "0.05"}}
    assert api.put("/products/Api", json=terms).json()["languages"][1] == {"code": "es", "fee": "0.050000"}
    assert api.put("/carriers/Apicarrier", json={"deck": "cost"}).status_code == 200
    gateway = api.put("/carriers/Apicarrier/gateways", json={"uri": "sip:192.0.2.9:5060"}).json()["id"]
    assert api.delete(f"/gateways/{gateway}").status_code == 204
    assert api.delete("/carriers/Apicarrier").status_code == 204
    trunk = {"cidr": "198.51.100.0/28", "ani_trusted": True, "country": "US"}
    assert api.put("/trunks/apitrunk", json=trunk).json()["cidr"] == "198.51.100.0/28"
    assert api.delete("/trunks/apitrunk").status_code == 204
    number = {"name": "Madrid", "country": "ES", "languages": ["es"], "surcharge": "0.10"}
    assert api.put("/access-numbers/34911234567", json=number).json()["surcharge"] == "0.100000"
    assert api.delete("/access-numbers/34911234567").status_code == 204
    assert api.put("/blocked-prefixes/881", json={"reason": "satellite"}).status_code == 204
    assert {"prefix": "881", "product": None, "reason": "satellite"} in api.get("/blocked-prefixes").json()
    assert api.delete("/blocked-prefixes/881").status_code == 204
    demand_problem(api.delete("/blocked-prefixes/881"), 404)


def test_a_deck_is_imported_in_two_steps(api: httpx.Client) -> None:
    headers = {"Content-Type": "text/csv"}
    text = b"prefix,destination,rate_per_minute\n44,United Kingdom,0.05\n"
    question = {"deck": "apideck", "currency": "USD"}
    demand_problem(api.post("/decks/imports", content=text, params=question), 415)
    begun = api.post("/decks/imports", content=text, params=question, headers=headers)
    assert begun.status_code == 202
    place = f"/decks/imports/{begun.json()['import_id']}"
    await_true(lambda: api.get(place).json()["stage"] == "ready", "the deck is read")
    assert api.get(place).json()["changes"]["new"] == 1
    assert api.post(f"{place}/publish").status_code == 202
    await_true(lambda: api.get(place).json()["stage"] == "done", "the deck is published")
    demand_problem(api.post(f"{place}/publish"), 409, "STAGE")
    assert api.get("/decks/apideck/csv").text.splitlines()[1].startswith("44,United Kingdom,0.05")


def test_calls_are_listed_and_none_is_hung_up_that_is_not(api: httpx.Client) -> None:
    assert api.get("/calls/live").json() == {"items": [], "next": None}
    assert api.get("/calls", params={"number": "44*", "since": "2026-01-01T00:00:00Z"}).json()["items"] == []
    demand_problem(api.post(f"/calls/{'0' * 32}/hangup"), 404)


def test_operators_tokens_and_the_trail(api: httpx.Client) -> None:
    made = api.post("/operators", json={"name": "apimade", "role": "support"})
    assert made.status_code == 201
    demand_problem(api.post("/operators", json={"name": "apimade", "role": "support"}), 409)
    demand_problem(api.patch("/operators/nobody", json={"role": "cashier"}), 404)
    assert api.patch("/operators/apimade", json={"role": "cashier", "disabled": True}).json()["disabled"] is True
    token = api.post("/tokens", json={"name": "apitoken", "scopes": ["read"]}).json()["token"]
    assert token not in api.get("/tokens").text
    assert api.delete("/tokens/apitoken").status_code == 204
    trail = api.get("/audit", params={"subject": "apitoken"}).json()["items"]
    assert [entry["action"] for entry in trail] == ["token.revoke", "token.add"]
    assert made.json()["password"] not in api.get("/audit").text


def test_the_ledger_adds_up_after_all_that(api: httpx.Client) -> None:
    assert api.get("/ledger/check").json()["ok"] is True


# webhooks


class Provider:
    """A shop that refills cards."""

    def __init__(self, console: Console, secret: bytes = SECRET, name: str = "acme") -> None:
        self.url, self.secret = f"{console.url}/webhooks/refills/{name}", secret

    def send(self, body: str, *, at_s: int | None = None, signature: str | None = None) -> httpx.Response:
        content = body.encode()
        header = signature or sign(self.secret, content, int(time.time()) if at_s is None else at_s)
        return httpx.post(self.url, content=content, headers={"Cardswitch-Signature": header}, timeout=TIMEOUT_S)


def message(serial: str, event: str, amount: str = "2.00", currency: str = "USD") -> str:
    return f'{{"id": "{event}", "serial": "{serial}", "amount": "{amount}", "currency": "{currency}", "more": 1}}'


def test_a_providers_refill_is_posted_once_however_often_it_comes(console: Console) -> None:
    card, shop = console.card(), Provider(console)
    body = message(card.serial, "pay-1")
    assert shop.send(body).json() == {"refilled": True, "repeated": False}
    assert shop.send(body).json() == {"refilled": True, "repeated": True}
    demand_problem(shop.send(message(card.serial, "pay-1", "9.00")), 409)
    assert console.core.show_card(card.serial).posted_micros == VALUE + 2_000_000


def test_a_message_that_is_not_the_providers_or_old_is_refused(console: Console) -> None:
    card, shop = console.card(), Provider(console)
    body, now = message(card.serial, "pay-2"), int(time.time())
    good = sign(SECRET, body.encode(), now)
    for answer in (
        shop.send(body, at_s=now - WINDOW_S - 60),
        shop.send(body, at_s=now + WINDOW_S + 60),
        shop.send(body.replace("2.00", "9.00"), signature=good),
        shop.send(body, signature=good[:-1] + ("0" if good[-1] != "0" else "1")),
        shop.send(body, signature="t=x,v1=y"),
        Provider(console, b"x" * 32).send(body),
        Provider(console, name="nobody").send(body),
    ):
        demand_problem(answer, 401, "SIGNATURE")
    demand_problem(shop.send(message(card.serial, "pay-3", currency="EUR")), 409, "CURRENCY")
    demand_problem(shop.send("[]"), 422)
    demand_problem(shop.send("[" * 3000), 422)
    demand_problem(shop.send(message("999999999999", "pay-4")), 404)
    assert console.core.show_card(card.serial).posted_micros == VALUE
