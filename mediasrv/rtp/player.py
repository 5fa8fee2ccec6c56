"""What a caller hears next: prompts one after the other without a gap, silence otherwise."""

import struct
from collections.abc import Sequence
from functools import cache
from typing import Final

from mediasrv.rtp.codec import SAMPLE_RATE_HZ, Law

BATCH: Final = 16
"""Frames that ``frames`` cuts at once."""


class Player:
    """Cuts encoded audio into frames of one packet each. Positions are in samples, which G.711 makes bytes."""

    def __init__(self, law: Law, ptime_ms: int) -> None:
        self._law = law
        self._files: list[bytes] = []
        self._index = 0
        self._audio = b""
        self._position = 0
        self._frame_bytes = 0
        self._silence = b""
        self.playing = False
        self.format(law, ptime_ms)

    @property
    def law(self) -> Law:
        """The law the audio must be in."""
        return self._law

    def format(self, law: Law, ptime_ms: int) -> None:
        """Sets law and packet time. What plays must then be given again with ``recode``."""
        self._law = law
        self._frame_bytes = ptime_ms * SAMPLE_RATE_HZ // 1000
        self._silence = law.silence * self._frame_bytes
        self._batch = _batch(self._frame_bytes)

    def play(self, files: Sequence[bytes]) -> None:
        """Starts from the beginning of ``files``, whatever plays."""
        self._files = list(files)
        self._index = 0
        self._audio = self._files[0] if files else b""
        self._position = 0
        self.playing = True

    def recode(self, files: Sequence[bytes]) -> None:
        """Goes on at the same place in the same prompts, which are now in another law."""
        if self.playing and files:
            self._files = list(files)
            self._audio = self._files[self._index]

    def stop(self) -> None:
        """Silence from the next frame on."""
        self._files = []
        self._audio = b""
        self._position = 0
        self.playing = False

    def next_frame(self) -> bytes:
        """The next packet's audio. The first frame after the last prompt clears ``playing``."""
        frame = self._audio[self._position : self._position + self._frame_bytes]
        self._position += self._frame_bytes
        if len(frame) == self._frame_bytes:
            return frame
        return self._turn_page(frame) if self.playing else self._silence

    def frames(self) -> Sequence[bytes]:
        """The next BATCH packets' audio; none where a prompt ends among them: those are taken one by one."""
        if not self.playing:
            return (self._silence,) * BATCH
        if self._position + self._batch.size > len(self._audio):
            return ()
        frames = self._batch.unpack_from(self._audio, self._position)
        self._position += self._batch.size
        return frames

    def back(self, frames: int) -> None:
        """The last so many of ``frames`` were not sent after all."""
        if self.playing:
            self._position -= frames * self._frame_bytes

    def _turn_page(self, frame: bytes) -> bytes:
        """Fills a frame that a prompt left short from the prompts after it, or with silence when there is none."""
        while len(frame) < self._frame_bytes:
            self._index += 1
            if self._index >= len(self._files):
                self.stop()
                return frame + self._silence[len(frame) :]
            self._audio = self._files[self._index]
            self._position = self._frame_bytes - len(frame)
            frame += self._audio[: self._position]
        return frame


@cache
def _batch(frame_bytes: int) -> struct.Struct:
    return struct.Struct(f"{frame_bytes}s" * BATCH)
