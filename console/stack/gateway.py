"""The demo gateway: baresip as a carrier's far end. It answers every number, says something, and records what it hears.

A demonstration device on a loopback address, nothing for production.
"""

import subprocess
import wave
from pathlib import Path

from console.stack.errors import StackError
from console.stack.plan import GATEWAY_HOST, Plan
from console.stack.process import find_program

SPEECH = (
    "Hello, this is the demo gateway, at the far end of your call. What you say is recorded here. "
    "The quick brown fox jumps over the lazy dog, while I go on speaking until one of us hangs up."
)
SPEECH_REPEATED_TO_S = 900  # baresip ends the call when its source file ends
SAMPLE_RATE = 8000

MODULES = Path("/usr/lib/baresip/modules")
CALLS_MAX = 60


def speech_file(plan: Plan) -> Path:
    """What the gateway says, once: 8 kHz mono 16-bit WAV."""
    return plan.run.gateway / "speech.wav"


def heard_directory(plan: Plan) -> Path:
    """Where the gateway writes what it hears, one ``…-dec.wav`` a call."""
    return plan.run.gateway / "heard"


def command(plan: Plan) -> list[str]:
    """Writes baresip's files and returns its command line."""
    program = find_program("baresip", "baresip-core")
    home = plan.run.gateway
    heard_directory(plan).mkdir(exist_ok=True)
    source = home / "source.wav"
    if not source.exists():
        render_speech(SPEECH, speech_file(plan))
        repeat(speech_file(plan), source, SPEECH_REPEATED_TO_S)
    at = plan.addresses
    account = f"<sip:gateway@{GATEWAY_HOST}:{at.gateway}>;regint=0;answermode=auto;catchall=yes"
    (home / "accounts").write_text(f"{account};audio_codecs=PCMU/8000/1,PCMA/8000/1\n")
    (home / "contacts").write_text("")
    (home / "config").write_text(_config(plan, source))
    return [program, "-f", str(home)]


def _config(plan: Plan, source: Path) -> str:
    at = plan.addresses
    settings = [
        "poll_method epoll",
        f"sip_listen {GATEWAY_HOST}:{at.gateway}",
        f"net_interface {GATEWAY_HOST}",
        f"call_max_calls {CALLS_MAX}",
        f"audio_source aufile,{source}",
        f"audio_player aufile,{plan.run.gateway / 'played.wav'}",
        f"audio_alert aufile,{plan.run.gateway / 'alert.wav'}",
        "audio_path /nonexistent",  # no ring tones
        "ausrc_srate 8000",
        "auplay_srate 8000",
        "ausrc_channels 1",
        "auplay_channels 1",
        "jitter_buffer_type fixed",
        "jitter_buffer_delay 1-5",
        f"snd_path {heard_directory(plan)}",
        f"module_path {MODULES}",
        *(f"module {name}.so" for name in ("g711", "aufile", "sndfile", "uuid")),
        *(f"module_app {name}.so" for name in ("account", "menu", "ctrl_tcp")),
        f"ctrl_tcp_listen {GATEWAY_HOST}:{at.gateway_control}",
    ]
    return "\n".join(settings) + "\n"


def render_speech(text: str, file: Path, *, voice: str = "en") -> None:
    """Speaks ``text`` into an 8 kHz mono WAV. Raises StackError."""
    raw = file.with_suffix(".raw.wav")
    done = subprocess.run(
        [find_program("espeak-ng", "espeak-ng"), "-v", voice, "-s", "160", "-w", str(raw), text],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"espeak-ng failed: {done.stderr.strip()}.")
    to_8_khz(raw, file)
    raw.unlink()


def to_8_khz(source: Path, target: Path) -> None:
    """Resamples a mono 16-bit WAV to 8 kHz in the frequency domain."""
    import numpy as np  # only here: the command line should start quickly

    with wave.open(str(source), "rb") as file:
        rate, frames = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(frames, dtype="<i2").astype(np.float64)
    length = len(samples) * SAMPLE_RATE // rate
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    resampled = np.fft.irfft(spectrum, length) * (length / len(samples))
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.clip(resampled, -32768, 32767).astype("<i2").tobytes())


def repeat(source: Path, target: Path, seconds: int) -> None:
    """Writes ``source`` again and again until it lasts ``seconds``."""
    with wave.open(str(source), "rb") as file:
        parameters, frames = file.getparams(), file.readframes(file.getnframes())
    pause = b"\0\0" * (parameters.framerate // 2)
    wanted = seconds * parameters.framerate * 2
    with wave.open(str(target), "wb") as file:
        file.setparams(parameters)
        file.writeframes(((frames + pause) * (wanted // len(frames + pause) + 1))[:wanted])
