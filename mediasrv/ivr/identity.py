"""Whose card is it: the registered CallerID's, or the PIN's; and registering a CallerID."""

from mediasrv.ivr import questions
from mediasrv.ivr.caller import NoInput
from mediasrv.ivr.talk import Enough, Talk, Wrong, ask
from rating.model import Card
from rating.outcome import Refusal


async def identify(talk: Talk) -> Card:
    """The card of the registered CallerID. The PIN is asked without one, or when that card is refused or wants more."""
    if talk.caller.card_id is not None:
        card = await talk.switch.card(talk.caller.card_id)
        if isinstance(card, Card) and is_attested(talk, card):
            return card
        if not isinstance(card, Card):
            await talk.caller.play(questions.refused(card))
    return await enter_pin(talk)


async def enter_pin(talk: Talk) -> Card:
    """Three tries in a call. The lock-out after wrong ones is the ledger's, so that it outlives the call."""
    caller = talk.caller
    last_words = questions.TOO_MANY_TRIES

    async def understand(pin: str, end: str) -> Card | Wrong:
        nonlocal last_words
        if end == "*":
            return Wrong(None)
        if not pin:
            return Wrong(questions.NOTHING_HEARD)
        card = await talk.switch.enter_pin(pin, ani=believed_ani(talk), trunk=caller.trunk)
        if card is Refusal.LOCKED:
            raise Enough(questions.refused(card))
        if isinstance(card, Card) and card.product.voucher:
            return Wrong(questions.VOUCHER_IS_NO_CARD)
        if card is Refusal.WRONG_PIN:
            last_words = questions.refused(Refusal.LOCKED)
        return card if isinstance(card, Card) else Wrong(questions.refused(card))

    card = await ask(talk, questions.PIN, understand)
    if card is None:
        raise Enough(last_words)
    return card


def believed_ani(talk: Talk) -> str | None:
    """The CallerID if its trunk may assert it: one that anybody could make up must not lock out whom it belongs to."""
    return talk.caller.ani if talk.caller.ani_trusted else None


def is_attested(talk: Talk, card: Card) -> bool:
    """Whether the call's STIR/SHAKEN level is what the product asks for before it believes a CallerID; A is highest."""
    wanted, level = card.product.attestation, talk.caller.attestation
    return not wanted or "A" <= level <= wanted


def may_register(talk: Talk, card: Card) -> bool:
    """Whether a registration of this telephone can be offered, and will be of use in calls like this one."""
    if talk.caller.card_id is not None or talk.registration_over or believed_ani(talk) is None:
        return False
    return card.product.caller_ids_max > 0 and is_attested(talk, card)


async def offer_registration(talk: Talk, card: Card) -> None:
    """*Press 1 and you will not be asked again*, once a call. Who dials on instead is understood as dialling."""
    talk.registration_over = True
    answer = await talk.caller.ask(questions.REGISTER)
    if isinstance(answer, NoInput):
        return
    if answer.digits == "1":
        await register(talk, card)
    elif len(answer.digits) > 1:
        talk.dialled_ahead = answer.digits


async def register(talk: Talk, card: Card) -> None:
    """Registers the CallerID on the card and says so, or why not."""
    talk.registration_over = True
    ani = believed_ani(talk)
    if ani is None:
        return
    refusal = await talk.switch.register_ani(card.card_id, ani)
    await talk.caller.play(questions.refused(refusal) if refusal else questions.REGISTER_DONE)
