"""The demo's hand on the softphone: dials, listens, presses keys, and tells the transcript what the caller does."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from console.demo.audio import RATE, Match, Samples, find, read_wav
from console.demo.listener import Listener
from console.stack.process import end_child
from console.stack.signals import shield

Event = dict[str, Any]
Tell = Callable[[str], None]
LISTEN_EVERY_S = 0.2
LOOK_PAUSES = 3  # as long as a look takes, until the next one: what one waits for is looked for in between
PROMPT_S_MAX = 12.0
VALUE_S_MAX = 3.0  # a number behind the first half of a sentence is heard by then


class StoryError(Exception):
    """The call did not go as the story has it; the message says what was waited for and what came instead."""


class Phone:
    """One softphone process. ``tell`` gets a line for everything the caller does, hears or sees on the wire."""

    def __init__(
        self,
        bind: str,
        server: str,
        directory: Path,
        *,
        listener: Listener,
        environment: dict[str, str],
        log: Path,
        tell: Tell,
    ) -> None:
        self.directory = directory
        self.tell = tell
        self.wav = directory / "none.wav"
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.heard: list[Match] = []
        self._sentence: list[str] = []  # pieces heard and not told yet
        self._listener = listener
        self._since = 0  # index of the first prompt that was heard after the caller last did something
        self._mark_s = 0.0  # what is before it was told
        self._events: queue.Queue[Event] = queue.Queue()
        self._listened: queue.Queue[Event] = queue.Queue()
        command = [sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-m", "console.demo.softphone"]
        with log.open("ab") as errors, shield():
            self._process = subprocess.Popen(
                [*command, "--bind", bind, "--server", server],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        threading.Thread(target=self._read, daemon=True).start()
        self.expect("ready", timeout_s=15)

    def dial(self, number: str, *, ani: str, name: str, say: Path) -> None:
        """Begins a call; what is heard goes to ``<name>.wav``."""
        self.wav = self.directory / f"{name}.wav"
        self.heard, self._since, self._mark_s, self.answered_at, self.ended_at = [], 0, 0.0, 0.0, 0.0
        self.tell(f"{ani} dials {number}")
        self._do({"do": "call", "from": ani, "to": number, "wav": str(self.wav), "say": str(say)})

    def press(self, digits: str, *, secret: bool = False) -> None:
        """Sends digits as RFC 4733 events; a secret is shown as stars."""
        self._end_sentence()
        self.tell(f"presses {'•' * (len(digits) - 1) + digits[-1] if secret else digits}")
        self._since = len(self.heard)
        self._do({"do": "digits", "digits": digits})
        self.expect("sent", timeout_s=30)

    def hang_up(self) -> None:
        """The caller ends the call."""
        self._tell_heard()
        self._end_sentence()
        self.tell("hangs up")
        self._do({"do": "hangup"})
        self.await_end()

    def await_heard(self, name: str, *, timeout_s: float = 30.0) -> Match:
        """Waits until the whole of a prompt was heard since the caller last did something.

        Raises StoryError when the call ends before, or time is up.
        """
        deadline, next_look = time.monotonic() + timeout_s, 0.0
        while True:
            over = bool(self.ended_at) or time.monotonic() > deadline
            # Looking for everything takes seconds on a busy machine, and the switch waits for keys meanwhile.
            if over or time.monotonic() >= next_look or self._listener.hears_one(self._listen(), name):
                began = time.monotonic()
                self._tell_heard()
                next_look = time.monotonic() + LOOK_PAUSES * (time.monotonic() - began)
            for match in self.heard[self._since :]:
                if match.name == name:
                    return match
            if over:
                names = ", ".join(found.name for found in self.heard[-4:]) or "nothing known"
                raise StoryError(f"the caller should have heard {name}; the last heard was: {names}")
            time.sleep(LISTEN_EVERY_S)

    def await_sound(self, sound: Path, *, what: str, timeout_s: float = 30.0) -> Match:
        """The same for a sound that is no prompt; its first three seconds are enough."""
        pattern = read_wav(sound)[: 3 * RATE]
        deadline = time.monotonic() + timeout_s
        while True:
            match = find(pattern, self._listen(), name=what)
            if match.likeness >= 0.8:
                self._tell_heard()
                self.tell(f"hears {what} (likeness {match.likeness:.3f})")
                return match
            if self.ended_at or time.monotonic() > deadline:
                self._tell_heard()
                raise StoryError(f"the caller should have heard {what}; the best likeness was {match.likeness:.2f}")
            time.sleep(LISTEN_EVERY_S)

    def expect(self, event: str, *, timeout_s: float = 10.0) -> Event:
        """Waits for an event. Raises StoryError when the call ends or is refused instead, or time is up."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                found = self._events.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise StoryError(f"the softphone waited {timeout_s:.0f} s for: {event}") from None
            if found["event"] == event:
                return found
            if found["event"] in ("ended", "gone"):
                raise StoryError(f"the call ended ({found.get('by', 'softphone gone')}) while waiting for: {event}")

    def await_end(self, *, timeout_s: float = 60.0) -> str:
        """Waits for the end of the call; who ended it: ``caller``, ``far end``, ``refused``."""
        deadline = time.monotonic() + timeout_s
        while not self.ended_at and time.monotonic() < deadline:
            self._tell_heard()
            time.sleep(LISTEN_EVERY_S)
        by: str = self.expect("ended", timeout_s=1.0)["by"]
        self._tell_heard()
        self._end_sentence()
        return by

    @property
    def connected_s(self) -> float:
        """From the softphone's 200 to the end of its call, by its own clock."""
        return self.ended_at - self.answered_at

    def close(self) -> None:
        """Ends the process."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._do({"do": "quit"})
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            end_child(self._process, timeout_s=2.0)

    def _listen(self) -> Samples:
        """What was heard since the mark."""
        if self.ended_at and self.wav.exists():
            return read_wav(self.wav)[int(self._mark_s * RATE) :]
        if not self.answered_at:
            return np.zeros(0, dtype=np.int16)
        file = self.directory / ".lately.wav"
        self._do({"do": "listen", "from_s": self._mark_s, "wav": str(file)})
        try:
            self._listened.get(timeout=5.0)
            return read_wav(file)
        except (queue.Empty, FileNotFoundError):
            return np.zeros(0, dtype=np.int16)

    def _tell_heard(self) -> None:
        """Tells the prompts since the mark, and moves the mark behind the last of them."""
        recording = self._listen()
        now_s = self._mark_s + len(recording) / RATE
        for match in self._listener.hears(recording, offset_s=self._mark_s):
            if not self._listener.continues(self._sentence, match.name):
                self._end_sentence()
            self.heard.append(match)
            self._sentence.append(match.name)
            self._mark_s = max(self._mark_s, match.at_s + match.length_s)
        if now_s - self._mark_s > VALUE_S_MAX or not any(map(self._listener.has_blank, self._sentence)):
            self._end_sentence()
        # What nobody knows is forgotten after a while: no prompt is longer.
        self._mark_s = max(self._mark_s, now_s - PROMPT_S_MAX)

    def _end_sentence(self) -> None:
        if self._sentence:
            self.tell(f"hears “{self._listener.sentence(self._sentence)}”")
            self._sentence = []

    def _do(self, command: Event) -> None:
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        self._process.stdin.write((json.dumps(command) + "\n").encode())
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        for line in self._process.stdout:
            event: Event = json.loads(line)
            match event["event"]:
                case "sip":
                    reason = f"  ({event['reason']})" if event.get("reason") else ""
                    self.tell(f"{'→' if event['sent'] else '←'} {event['line']}{reason}")
                    continue
                case "listened":
                    self._listened.put(event)
                    continue
                case "answered":
                    self.answered_at = event["at"]
                case "ended":
                    self.ended_at = event["at"]
            self._events.put(event)
        self._events.put({"event": "gone"})
