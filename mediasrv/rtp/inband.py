"""Keys in the audio of callers who have negotiated no telephone events."""

from typing import Final, Generic, TypeVar

from mediasrv.rtp.codec import Law
from mediasrv.rtp.goertzel import HOP, KEYPAD, NO_KEY, WINDOW, classify, decode

HITS_MIN: Final = 2
"""Windows in a row that make a key: two of 20 ms, 10 ms apart, fit into the shortest tone (40 ms)."""

MISSES_MAX: Final = 2
"""Windows without the key that do not end it, so that a lost packet or a click does not double it."""

PENDING_BYTES_MAX: Final = 1600
"""Audio of one caller that may wait for the next round: 200 ms; more is a flood, and is dropped."""

T = TypeVar("T")


class KeyListener:
    """Turns one caller's windows into keys: each once, however long it is held."""

    __slots__ = ("_candidate", "_current", "_hits", "_misses")

    def __init__(self) -> None:
        self._candidate = NO_KEY
        self._hits = 0
        self._current = NO_KEY
        self._misses = 0

    @property
    def idle(self) -> bool:
        """True when a window without a key would change nothing."""
        return self._current == NO_KEY and self._candidate == NO_KEY

    def hear(self, code: int) -> str | None:
        """Takes the next window's key; returns the key when it has just been recognised."""
        self._hits = self._hits + 1 if code == self._candidate else 1
        self._candidate = code
        if code != NO_KEY and code == self._current:
            self._misses = 0
        elif code != NO_KEY and self._hits >= HITS_MIN:
            self._current, self._misses = code, 0
            return KEYPAD[code]
        elif self._current != NO_KEY:
            self._misses += 1
            if self._misses > MISSES_MAX:
                self._current = NO_KEY
        return None


class InbandBank(Generic[T]):
    """Collects the audio of many callers and looks for keys in all of it at once."""

    def __init__(self) -> None:
        self._pending: dict[tuple[T, Law], bytearray] = {}
        self._rest: dict[T, bytes] = {}
        self._listeners: dict[T, KeyListener] = {}

    def hear(self, caller: T, law: Law, audio: bytes) -> None:
        """Takes one packet's audio."""
        pending = self._pending.setdefault((caller, law), bytearray())
        if len(pending) + len(audio) <= PENDING_BYTES_MAX:
            pending += audio

    def forget(self, caller: T) -> None:
        """The caller is gone, or has telephone events now."""
        self._rest.pop(caller, None)
        self._listeners.pop(caller, None)
        for law in Law:
            self._pending.pop((caller, law), None)

    def detect(self) -> list[tuple[T, str]]:
        """The keys in what has been heard since the last call, in each caller's order."""
        keys: list[tuple[T, str]] = []
        pending, self._pending = self._pending, {}
        for law in Law:
            owners, windows = self._cut(pending, law)
            if not owners:
                continue
            codes = classify(decode(b"".join(windows), law).reshape(-1, WINDOW))
            for owner, code in zip(owners, codes.tolist(), strict=True):
                listener = self._listeners.setdefault(owner, KeyListener())
                if code == NO_KEY and listener.idle:
                    continue
                key = listener.hear(code)
                if key:
                    keys.append((owner, key))
        return keys

    def _cut(self, pending: dict[tuple[T, Law], bytearray], law: Law) -> tuple[list[T], list[bytes]]:
        """Windows of all callers, each one's in order; what is left over waits for its next packet."""
        owners: list[T] = []
        windows: list[bytes] = []
        for (caller, its_law), fresh in pending.items():
            if its_law is not law:
                continue
            audio = self._rest.get(caller, b"") + fresh
            starts = range(0, len(audio) - WINDOW + 1, HOP)
            windows += [audio[start : start + WINDOW] for start in starts]
            owners += [caller] * len(starts)
            self._rest[caller] = audio[len(starts) * HOP :]
        return owners, windows
