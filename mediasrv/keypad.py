"""The keys that a caller presses, however they come: RFC 4733 or in-band by the RTP engine, INFO by SIP."""

import re
from collections import deque

KEYS = frozenset("0123456789*#ABCD")
TYPED_AHEAD_MAX = 64

_RELAY = re.compile(r"^\s*signal\s*=\s*(\S+)", re.IGNORECASE | re.MULTILINE)


def key_of_info(content_type: str, body: str) -> str | None:
    """The key in an INFO: ``application/dtmf-relay`` ("Signal=5", Duration ignored) or ``application/dtmf`` ("5")."""
    if content_type == "application/dtmf-relay":
        found = _RELAY.search(body)
        signal = found[1].upper() if found else ""
    elif content_type == "application/dtmf":
        signal = body.strip().upper()
    else:
        return None
    signal = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}.get(signal, signal)
    return signal if signal in KEYS else None


class Keypad:
    """Keys in order. A phone that sends each key in two ways is heard in the way that came first."""

    def __init__(self) -> None:
        self._keys: deque[str] = deque()
        self._kind = ""
        self._ignored = ("", 0.0)

    def press(self, key: str, kind: str, now_s: float) -> bool:
        """False when the key is not taken: doubled in another way, or the "#" after an answer that was complete."""
        self._kind = self._kind or kind
        if kind != self._kind or len(self._keys) >= TYPED_AHEAD_MAX:
            return False
        (keys, until_s), self._ignored = self._ignored, ("", 0.0)
        if key in keys and now_s < until_s:
            return False
        self._keys.append(key)
        return True

    def ignore_once(self, keys: str, until_s: float) -> None:
        """The next key, if it is one of ``keys`` and comes before ``until_s``, is not taken."""
        if not self._keys:
            self._ignored = (keys, until_s)
        elif self._keys[0] in keys:
            self._keys.popleft()

    def next(self) -> str:
        """Raises IndexError when there is none."""
        return self._keys.popleft()

    def forget(self) -> None:
        self._keys.clear()

    def __bool__(self) -> bool:
        return bool(self._keys)
