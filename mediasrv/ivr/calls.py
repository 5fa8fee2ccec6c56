"""One call after the other: where to, may it be placed, how long, and how it ended."""

import asyncio
import logging
from typing import Literal
from uuid import uuid4

from mediasrv.ivr import credit, identity, languages, questions
from mediasrv.ivr.caller import BridgeOutcome, BridgeResult, HungUp
from mediasrv.ivr.talk import Enough, Talk, Wrong, ask, choose
from mediasrv.prompts.phrase import Phrase
from rating.model import Authorised, CallRequest, Card, HoldView
from rating.numbers import normalise_dnis
from rating.outcome import HoldState, LedgerUnavailableError, Refusal

log = logging.getLogger(__name__)

SERVICES: Literal["services"] = "services"  # not a number: the caller keyed "0#"
ABOUT_THE_CARD = {Refusal.UNKNOWN_CARD, Refusal.CARD_INACTIVE, Refusal.CARD_BLOCKED, Refusal.CARD_EXPIRED}


async def next_call(talk: Talk, card: Card) -> Card:
    """Asks for a destination and calls it; returns the card as it is afterwards."""
    wish = await ask_destination(talk, card)
    if wish == SERVICES:
        return await services(talk, card)
    placed = await authorise_and_bridge(talk, card, wish)
    if isinstance(placed, Refusal):
        return await refused_call(talk, card, placed)
    return await after_call(talk, card, *placed)


async def ask_destination(talk: Talk, card: Card) -> str:
    """An E.164 number (dialled, the last one again, or stored under a key), or SERVICES."""

    async def understand(digits: str, end: str) -> str | Wrong:
        if end == "*":
            return Wrong(None)
        if digits == "0":
            return SERVICES
        if not digits:
            return talk.last_dnis or Wrong(questions.NOTHING_HEARD)
        if len(digits) == 1:
            return await talk.switch.speed_dial(card.card_id, int(digits)) or Wrong(questions.SPEED_DIAL_EMPTY)
        dnis = normalise_dnis(digits, talk.caller.access.country)
        return Wrong(questions.refused(dnis)) if isinstance(dnis, Refusal) else dnis

    first, talk.dialled_first = talk.dialled_first, ""
    if first:
        return first
    ahead, talk.dialled_ahead = talk.dialled_ahead, ""
    wish = await understand(ahead, "#") if ahead else None
    if isinstance(wish, str):
        return wish
    question = questions.destination(first=not talk.called_before, redial=bool(talk.last_dnis))
    number = await ask(talk, question, understand)
    if number is None:
        raise Enough(questions.TOO_MANY_TRIES)
    return number


async def authorise_and_bridge(talk: Talk, card: Card, dnis: str) -> tuple[Authorised, BridgeResult] | Refusal:
    """Holds the cost, says how long, places the call. Whoever leaves before it is placed pays nothing.

    From the moment the call is placed the call journal decides about the hold: it is not voided here any more.
    """
    request = _request(talk, card, dnis)
    placed = False
    try:
        authorised = await talk.switch.authorise(request)
        if isinstance(authorised, Refusal):
            return authorised
        talk.last_dnis = dnis
        left = questions.time_left(authorised.limit_s, talk.manners.minutes_spoken_max)
        await talk.caller.play(*left, questions.CONNECTING)
        placed = True
        result = await talk.caller.bridge(authorised)
        placed = result.placed
        return authorised, result
    finally:
        if not placed:
            await _void(talk, request.hold_id)


async def refused_call(talk: Talk, card: Card, why: Refusal) -> Card:
    """The reason, and the way on if there is one."""
    talk.refusals_in_a_row += 1
    if why in ABOUT_THE_CARD:
        raise Enough(questions.refused(why))
    if why in (Refusal.NO_CREDIT, Refusal.CARD_EXHAUSTED):
        return await credit.out_of_credit(talk, card, why)
    if talk.refusals_in_a_row >= 2 * talk.manners.tries:
        raise Enough(questions.refused(why), questions.TOO_MANY_TRIES)
    await talk.caller.play(questions.refused(why))
    return card


async def after_call(talk: Talk, card: Card, authorised: Authorised, result: BridgeResult) -> Card:
    """Why it ended, and what is left once the charge is known; then, once, the offer to register."""
    if result.outcome is BridgeOutcome.CALLER_LEFT:
        raise HungUp
    talk.called_before, talk.refusals_in_a_row = True, 0
    words = _why_it_ended(card, authorised, result)
    if words:
        await talk.caller.play(*words)
    if not await settled(talk, authorised.hold_id):
        return card  # a balance that may change in a moment is better not said
    fresh = await talk.switch.card(card.card_id)
    if isinstance(fresh, Card):
        card = await credit.tell_balance(talk, fresh)
    elif fresh is Refusal.CARD_EXHAUSTED:
        card = await credit.out_of_credit(talk, card, fresh)
    else:
        raise Enough(questions.refused(fresh))
    if result.seconds and identity.may_register(talk, card):
        await identity.offer_registration(talk, card)
    return card


async def settled(talk: Talk, hold_id: str) -> bool:
    """Waits until the keeper has settled the hold; False when it takes longer than ``Manners.settle_s``."""
    deadline = asyncio.get_running_loop().time() + talk.manners.settle_s
    while True:
        view = await talk.switch.hold(hold_id)
        if not (isinstance(view, HoldView) and view.state is HoldState.HELD):
            return True
        if asyncio.get_running_loop().time() >= deadline:
            log.warning(
                "hold %s is not settled after %.1f s; the balance is not spoken", hold_id, talk.manners.settle_s
            )
            return False
        await asyncio.sleep(talk.manners.settle_poll_s)


async def services(talk: Talk, card: Card) -> Card:
    """What else the caller can do: balance, language, voucher, speed-dial, registration."""
    options = ["balance", "language", "back"]
    if len(card.product.languages) < 2:
        options.remove("language")
    if card.product.refillable:
        options.insert(-1, "refill")
    if talk.last_dnis:
        options.insert(-1, "speed_dial")
    if identity.may_register(talk, card):
        options.insert(-1, "register")
    match await choose(talk, questions.menu(tuple(options)), tuple(options)):
        case "balance":
            fresh = await talk.switch.card(card.card_id)
            return await credit.tell_balance(talk, card if isinstance(fresh, Refusal) else fresh)
        case "language":
            return await languages.change(talk, card)
        case "refill":
            return await credit.refill(talk, card)
        case "speed_dial":
            await store_last_number(talk, card)
        case "register":
            await identity.register(talk, card)
    return card


async def store_last_number(talk: Talk, card: Card) -> None:
    """Puts the last number called under a key, and says how to call it."""
    slot = await choose(talk, questions.SPEED_DIAL_KEY, tuple(range(1, 10)))
    if slot is not None:
        await talk.switch.set_speed_dial(card.card_id, slot, talk.last_dnis)
        await talk.caller.play(questions.speed_dial_done(slot))


def _request(talk: Talk, card: Card, dnis: str) -> CallRequest:
    caller = talk.caller
    return CallRequest(
        hold_id=uuid4().hex,
        call_id=caller.call_id,
        card_id=card.card_id,
        dnis=dnis,
        ani=caller.ani,
        trunk=caller.trunk,
        access_number=caller.access.number,
        attestation=caller.attestation,
        language=caller.language,
        node=talk.manners.node,
    )


async def _void(talk: Talk, hold_id: str) -> None:
    try:
        await talk.switch.void(hold_id)
    except LedgerUnavailableError:
        log.warning("hold %s could not be voided, the ledger is unavailable; the keeper will expire it", hold_id)


def _why_it_ended(card: Card, authorised: Authorised, result: BridgeResult) -> tuple[Phrase, ...]:
    if result.outcome is BridgeOutcome.LIMIT:
        longest = card.product.longest_call_s and authorised.limit_s >= card.product.longest_call_s
        return (questions.LONGEST_CALL if longest else questions.CREDIT_USED_UP,)
    words = questions.CALL_ENDED.get(result.outcome)
    return (words,) if words else ()
