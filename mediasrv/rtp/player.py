"""What a caller hears next: prompts one after the other without a gap, silence otherwise."""

from collections.abc import Sequence

from mediasrv.rtp.codec import SAMPLE_RATE_HZ, Law


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
