"""Text to speech by espeak-ng, a process per piece of speech (10 to 40 ms)."""

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mediasrv.prompts import wav

TIMEOUT_S = 20.0
TEXT_MAX = 1000  # characters; the longest prompt has about 200


class SpeechError(Exception):
    """espeak-ng is missing, failed, or said nothing; the message says what to do."""


def demand_engine(voices: Iterable[str]) -> None:
    """Says a word in each voice, so that what is missing is told before anybody calls. Raises SpeechError."""
    for voice in voices:
        speak("1", voice, 150)


def speak(text: str, voice: str, words_per_minute: int) -> wav.Samples:
    """The text as 8 kHz speech, levelled, with little silence at its ends. Blocks; raises SpeechError."""
    if len(text) > TEXT_MAX:
        raise SpeechError(f"a text of {len(text)} characters is too long to say (at most {TEXT_MAX})")
    with tempfile.TemporaryDirectory(prefix="cardswitch-speech-") as directory:
        raw = _espeak(text, voice, words_per_minute, Path(directory) / "speech.wav")
    samples, rate_hz = wav.read(raw)
    speech = wav.levelled(wav.trimmed(wav.resampled(samples, rate_hz)))
    if not len(speech):
        raise SpeechError(f"espeak-ng has no sound for {text!r} with voice {voice}")
    return speech


def _espeak(text: str, voice: str, words_per_minute: int, output: Path) -> bytes:
    # The text goes in by standard input: it is never taken for an option, whatever it starts with.
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-b", "1", "-w", str(output), "--stdin"]
    # Its audio library looks for a sound server although it only writes a file, and leaves directories where it looks.
    home = str(output.parent)
    environment = os.environ | {"HOME": home, "TMPDIR": home, "XDG_RUNTIME_DIR": home, "PULSE_RUNTIME_PATH": home}
    try:
        subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=True, env=environment
        )
        return output.read_bytes()
    except OSError as error:
        raise SpeechError(f"espeak-ng cannot be run ({error.strerror}): apt-get install espeak-ng") from error
    except subprocess.TimeoutExpired as error:
        raise SpeechError(f"espeak-ng took longer than {TIMEOUT_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise SpeechError(f"espeak-ng with voice {voice}: {error.stderr.decode(errors='replace').strip()}") from error
