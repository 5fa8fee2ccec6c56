"""In which language: by access number, by the card's last choice, or by menu; and what an extra language costs.

Before the PIN only the access number's languages are known, so the menu is theirs. With the card, the product decides
whether it offers that language and for which fee. A fee is announced and accepted before it is charged, once a call.
"""

from dataclasses import replace

from mediasrv.ivr import questions
from mediasrv.ivr.talk import Talk, choose
from mediasrv.prompts.catalogue import LANGUAGES
from rating.model import Card, LanguageOffer
from rating.outcome import Refusal

ACCEPT, DECLINE = True, False


def spoken(codes: tuple[str, ...]) -> tuple[str, ...]:
    """The languages among ``codes`` that there are texts for; English when there is none."""
    return tuple(code for code in codes if code in LANGUAGES) or ("en",)


async def of_registered(talk: Talk) -> str:
    """The last choice of a registered caller's card, if it is offered; "" when there is none."""
    card = await talk.switch.card(talk.caller.card_id) if talk.caller.card_id is not None else None
    if not isinstance(card, Card) or card.language is None or _offer(card, card.language) is None:
        return ""
    return card.language


async def ask_before_card(talk: Talk) -> None:
    """The access number's menu; none where it has one language. Who does not choose gets the first."""
    offered = spoken(talk.caller.access.languages)
    if len(offered) > 1:
        talk.chosen_language = await choose(talk, questions.language_menu(offered), offered) or ""
        talk.caller.language = talk.chosen_language or offered[0]


async def settle(talk: Talk, card: Card) -> Card:
    """Decides the language of the call now that the card is known; returns the card with the fee paid, if any."""
    wanted = talk.chosen_language or card.language or await _ask_registered(talk, card)
    offer = _offer(card, wanted)
    if offer is None:
        if talk.chosen_language:
            await talk.caller.play(questions.LANGUAGE_NOT_OFFERED)
        offer = _free_offer(talk, card)
    talk.caller.language = offer.code
    if offer.fee_micros and offer.code not in talk.fees_paid:
        card, offer = await _pay_or_change(talk, card, offer)
    talk.caller.language = offer.code
    if talk.chosen_language and offer.code != card.language:
        await talk.switch.set_language(card.card_id, offer.code)
    return card


async def change(talk: Talk, card: Card) -> Card:
    """The menu of the card's languages, at the caller's wish."""
    codes = spoken(tuple(offer.code for offer in card.product.languages))
    chosen = await choose(talk, questions.language_menu(codes), codes)
    if chosen is None:
        return card
    talk.chosen_language = chosen
    return await settle(talk, card)


async def _ask_registered(talk: Talk, card: Card) -> str:
    """A registered caller was not asked before; the card's languages are asked, where the access number has several."""
    codes = spoken(tuple(offer.code for offer in card.product.languages))
    if talk.caller.card_id is None or len(spoken(talk.caller.access.languages)) == 1 or len(codes) < 2:
        return talk.caller.language
    talk.chosen_language = await choose(talk, questions.language_menu(codes), codes) or ""
    return talk.chosen_language or talk.caller.language


async def _pay_or_change(talk: Talk, card: Card, offer: LanguageOffer) -> tuple[Card, LanguageOffer]:
    """Announces the fee; charges it when it is accepted, else goes on in a free language."""
    await talk.caller.play(questions.language_fee(offer.fee_micros, card.product.currency), skippable=False)
    if await choose(talk, questions.FEE_CHOICE, (ACCEPT, DECLINE)):
        charged = await talk.switch.charge_fee(
            card.card_id,
            fee_id=f"{talk.caller.call_id}-{offer.code}",
            amount_micros=offer.fee_micros,
            note=f"language {offer.code}",
        )
        if charged is Refusal.NO_CREDIT:
            await talk.caller.play(questions.refused(charged))
            return card, _free_offer(talk, card)
        talk.fees_paid.add(offer.code)
        if isinstance(charged, Refusal):  # the fee took the last of a one-time card
            charged = replace(card, posted_micros=card.posted_micros - offer.fee_micros)
        return charged, offer
    return card, _free_offer(talk, card)


def _offer(card: Card, code: str) -> LanguageOffer | None:
    if code not in LANGUAGES:
        return None
    if not card.product.languages:  # a product that says nothing of languages has all of them, free
        return LanguageOffer(code)
    return next((offer for offer in card.product.languages if offer.code == code), None)


def _free_offer(talk: Talk, card: Card) -> LanguageOffer:
    """A language that costs nothing, the access number's first if possible; the product's own language never costs."""
    order = {code: place for place, code in enumerate(spoken(talk.caller.access.languages))}
    free = [offer for offer in card.product.languages if not offer.fee_micros and offer.code in LANGUAGES]
    if not free:
        own = spoken(tuple(offer.code for offer in card.product.languages))[0]
        return LanguageOffer(own if card.product.languages else next(iter(order)))
    return min(free, key=lambda offer: order.get(offer.code, len(order)))
