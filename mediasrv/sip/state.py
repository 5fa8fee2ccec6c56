"""What may happen on a leg, and when: two literal tables.

Theory of operation. A leg is one INVITE dialog of ours, seen from its life and from its session.

Its *life* (``LIFE``) starts IDLE. A call that comes in is INVITED until we answer or refuse it, then ANSWERED until the
ACK makes it UP: between 200 and ACK no BYE may be sent (RFC 3261 15). A call that we place is CALLING until its final
response; when we give up before that it is CANCELLING, where a 200 can still cross our CANCEL: it is acknowledged and
ended by BYE. GONE is the end, and nothing leaves it.

Its *session* (``SESSION``) is STABLE between offers. One offer at a time: while ours is out an offer from the far side
is glare (491, RFC 3261 14.2); while we are making up our answer to theirs, another from them is their error (500), and
ours has to wait.

A transition that a table lacks is an error: ``LocalError`` when we wanted it (a bug of ours), ``RemoteError`` when the
far side did it (answered with ``status``).
"""

from enum import Enum, auto


class Life(Enum):
    IDLE = auto()
    INVITED = auto()
    ANSWERED = auto()
    CALLING = auto()
    CANCELLING = auto()
    UP = auto()
    GONE = auto()


class Session(Enum):
    STABLE = auto()
    OFFERING = auto()  # our offer is out
    ANSWERING = auto()  # their offer is in


class Event(Enum):
    RECV_INVITE = auto()
    RECV_CANCEL = auto()
    RECV_ACK = auto()
    RECV_BYE = auto()
    RECV_SUCCESS = auto()
    RECV_REFUSAL = auto()  # a final response from 300 on, or none in time
    SEND_INVITE = auto()
    SEND_CANCEL = auto()
    SEND_SUCCESS = auto()
    SEND_REFUSAL = auto()
    SEND_BYE = auto()
    LOST = auto()  # no ACK for our 200, 481 or 408 within the dialog, session timer ran out
    RECV_OFFER = auto()
    RECV_ANSWER = auto()  # or its refusal
    SEND_OFFER = auto()
    SEND_ANSWER = auto()  # or its refusal


E = Event

LIFE: dict[Life, dict[Event, Life]] = {
    Life.IDLE: {E.RECV_INVITE: Life.INVITED, E.SEND_INVITE: Life.CALLING},
    Life.INVITED: {
        E.SEND_SUCCESS: Life.ANSWERED,
        E.SEND_REFUSAL: Life.GONE,
        E.RECV_CANCEL: Life.GONE,
        E.RECV_BYE: Life.GONE,
    },
    Life.ANSWERED: {E.RECV_ACK: Life.UP, E.RECV_BYE: Life.GONE, E.LOST: Life.GONE},
    Life.CALLING: {
        E.RECV_SUCCESS: Life.UP,
        E.RECV_REFUSAL: Life.GONE,
        E.SEND_CANCEL: Life.CANCELLING,
        E.RECV_BYE: Life.GONE,
    },
    Life.CANCELLING: {
        E.RECV_SUCCESS: Life.UP,
        E.RECV_REFUSAL: Life.GONE,
        E.SEND_CANCEL: Life.CANCELLING,
        E.RECV_BYE: Life.GONE,
    },
    Life.UP: {E.RECV_BYE: Life.GONE, E.SEND_BYE: Life.GONE, E.LOST: Life.GONE, E.RECV_ACK: Life.UP},
    Life.GONE: {E.RECV_BYE: Life.GONE, E.RECV_ACK: Life.GONE, E.LOST: Life.GONE},
}

SESSION: dict[Session, dict[Event, Session]] = {
    Session.STABLE: {E.SEND_OFFER: Session.OFFERING, E.RECV_OFFER: Session.ANSWERING},
    Session.OFFERING: {E.RECV_ANSWER: Session.STABLE},
    Session.ANSWERING: {E.SEND_ANSWER: Session.STABLE},
}

REFUSED: dict[Session, int] = {Session.OFFERING: 491, Session.ANSWERING: 500}  # an offer that comes meanwhile


class ProtocolError(Exception):
    """Base of the two below."""


class LocalError(ProtocolError):
    """We tried what the leg's state forbids."""


class RemoteError(ProtocolError):
    """The far side did what the leg's state forbids; ``status`` answers it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Machine:
    """The state of one leg; ``move`` is its only mutation."""

    def __init__(self) -> None:
        self.life = Life.IDLE
        self.session = Session.STABLE

    def can(self, event: Event) -> bool:
        return event in LIFE[self.life] or event in SESSION[self.session]

    def move(self, event: Event) -> None:
        """Raises LocalError or RemoteError when the tables lack the transition."""
        if event in LIFE[self.life]:
            self.life = LIFE[self.life][event]
        elif event in SESSION[self.session]:
            self.session = SESSION[self.session][event]
        else:
            raise self._forbidden(event)

    def _forbidden(self, event: Event) -> ProtocolError:
        text = f"{event.name} while {self.life.name}, {self.session.name}"
        if event is Event.RECV_OFFER:
            return RemoteError(REFUSED[self.session], text)
        if event.name.startswith("RECV"):
            return RemoteError(481 if self.life is Life.GONE else 500, text)
        return LocalError(text)
