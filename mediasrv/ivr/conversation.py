"""The conversation with a caller, from the welcome to the goodbye, in the order in which it is held.

::

    welcome → language → PIN (or registered CallerID) → language's fee → balance → destination → minutes → call
                                                                              ↑                          │
                                                                              └── why it ended, balance ─┘

Each step is a function of ``languages``, ``identity``, ``credit`` or ``calls``; what is said is in ``questions``.
Nothing is held while the caller is asked something: a hold is made after the last answer, and voided if the caller
leaves before the call is placed.
"""

import logging

from mediasrv.ivr import calls, credit, identity, languages, questions
from mediasrv.ivr.caller import Caller, HungUp
from mediasrv.ivr.switch import Switch
from mediasrv.ivr.talk import Enough, Manners, Talk
from rating.outcome import LedgerUnavailableError

log = logging.getLogger(__name__)

USUAL_MANNERS = Manners()


async def conversation(caller: Caller, switch: Switch, manners: Manners = USUAL_MANNERS) -> None:
    """Talks to the caller until one of the two hangs up. Never raises HungUp or LedgerUnavailableError."""
    talk = Talk(caller, switch, manners, dialled_first=caller.dnis)
    try:
        await caller.answer()
        await _until_goodbye(talk)
    except HungUp:
        log.info("call %s: the caller hung up", caller.call_id)
    finally:
        await caller.hang_up()


async def _until_goodbye(talk: Talk) -> None:
    try:
        await _talk(talk)
    except Enough as enough:
        await talk.caller.play(*enough.last_words, questions.GOODBYE, skippable=False)
    except LedgerUnavailableError:
        log.warning("call %s: apologised, the ledger is unavailable", talk.caller.call_id)
        await talk.caller.play(questions.APOLOGY, skippable=False)


async def _talk(talk: Talk) -> None:
    await welcome(talk)
    card = await identity.identify(talk)
    await talk.caller.expect_media(card.product.media_silence_s)
    card = await languages.settle(talk, card)
    card = await credit.tell_balance(talk, card)
    while True:
        card = await calls.next_call(talk, card)


async def welcome(talk: Talk) -> None:
    """In the language of a registered caller's card, else in the access number's first; then the access number's menu.

    A registered caller whose card knows no language yet is asked later, for the card's languages.
    """
    caller = talk.caller
    caller.language = await languages.of_registered(talk) or languages.spoken(caller.access.languages)[0]
    await caller.play(questions.welcome(caller.access.number))
    if caller.card_id is None:
        await languages.ask_before_card(talk)
