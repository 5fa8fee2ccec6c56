"""The balance, and what to do when there is none: a voucher, a second card, a cheaper destination."""

from mediasrv.ivr import identity, languages, questions
from mediasrv.ivr.talk import Enough, Talk, Wrong, ask, choose
from mediasrv.prompts.phrase import Phrase
from rating.model import Card
from rating.outcome import Refusal


async def tell_balance(talk: Talk, card: Card, *before: Phrase) -> Card:
    """Says the balance (after the words ``before``), and offers the ways out when the card is empty."""
    talk.last_dnis = talk.last_dnis or card.last_dnis or ""
    await talk.caller.play(*before, *balance_words(talk, card))
    if not is_empty(card):
        return card
    # All of the balance held: the card is not used up, another call is going on.
    return await out_of_credit(talk, card, Refusal.CALL_LIMIT if card.held_micros else Refusal.CARD_EXHAUSTED)


def is_empty(card: Card) -> bool:
    """Whether no call at all can be paid for."""
    return card.available_micros <= 0 or card.available_micros < card.product.minimum_balance_micros


def balance_words(talk: Talk, card: Card) -> tuple[Phrase, ...]:
    """The balance, that it is low if it is, and (once a call) what this access number costs extra."""
    words = [questions.balance(card)]
    if 0 < card.available_micros < talk.manners.low_balance_micros:
        words.append(questions.BALANCE_LOW)
    surcharge, currency = talk.caller.access.surcharge_micros, card.product.currency
    if surcharge and card.available_micros > 0 and talk.surcharge_told_in != currency:
        talk.surcharge_told_in = currency
        words.append(questions.surcharge(surcharge, currency))
    return tuple(words)


async def out_of_credit(talk: Talk, card: Card, why: Refusal) -> Card:
    """Says why, and asks: refill, another card, or (when only this destination is too dear) another number."""
    await talk.caller.play(questions.refused(why))
    options = ["other_card"]
    if card.product.refillable:
        options.insert(0, "refill")
    if why is Refusal.NO_CREDIT and not is_empty(card):
        options.append("other_number")
    chosen = await choose(talk, questions.menu(tuple(options)), tuple(options))
    if chosen == "other_number":
        return card
    if chosen == "refill":
        return await refill(talk, card)
    if chosen == "other_card":
        return await other_card(talk)
    raise Enough


async def other_card(talk: Talk) -> Card:
    """A second card goes on where the first one ended; its product may have other languages."""
    card = await identity.enter_pin(talk)
    await talk.caller.expect_media(card.product.media_silence_s)
    return await tell_balance(talk, await languages.settle(talk, card))


async def refill(talk: Talk, card: Card) -> Card:
    """A voucher's PIN; the ledger counts wrong ones as it counts wrong PINs."""

    async def understand(pin: str, end: str) -> Card | Refusal | Wrong:
        if end == "*":
            return Wrong(None)
        if not pin:
            return Wrong(questions.NOTHING_HEARD)
        refilled = await talk.switch.refill_by_voucher(
            card.card_id, pin, ani=identity.believed_ani(talk), trunk=talk.caller.trunk
        )
        if refilled is Refusal.LOCKED:
            raise Enough(questions.refused(refilled))
        if isinstance(refilled, Card) or refilled is Refusal.NOT_REFILLABLE:
            return refilled
        spent = refilled is Refusal.WRONG_PIN  # the ledger's word; the caller entered a voucher
        return Wrong(questions.refused(Refusal.VOUCHER_USED if spent else refilled))

    refilled: Card | Refusal | None = await ask(talk, questions.VOUCHER, understand)
    if refilled is None:
        raise Enough(questions.TOO_MANY_TRIES)
    if isinstance(refilled, Refusal):
        await talk.caller.play(questions.refused(refilled))
        return card
    return await tell_balance(talk, refilled, questions.VOUCHER_DONE)
