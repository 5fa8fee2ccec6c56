"""Phrases become files: speech from the real espeak-ng, recordings as they are dropped in, one cache for all."""

import asyncio
import os
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from mediasrv.prompts import __main__ as tool
from mediasrv.prompts import wav
from mediasrv.prompts.catalogue import LANGUAGES, load
from mediasrv.prompts.espeak import SpeechError, demand_engine, speak
from mediasrv.prompts.phrase import Minutes, Money, say
from mediasrv.prompts.render import example, fixed_segments
from mediasrv.prompts.store import PromptStore

BALANCE = say("balance", amount=Money(4_500_000, "USD"))


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    return PromptStore(tmp_path / "recordings", tmp_path / "cache")


def a_recording(path: Path, *, seconds: float = 0.5, rate_hz: int = 8000, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(b"\x10\x27\xf0\xd8" * int(seconds * rate_hz * channels / 2))
    return path


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_speaks(store: PromptStore, language: str) -> None:
    files = store.files(BALANCE, language) + store.files(say("minutes", minutes=Minutes(12)), language)
    for file in files:
        assert wav.wrong_with(file) is None
        assert 0.2 < wav.seconds_of(file) < 10
        samples, _ = wav.read(file.read_bytes())
        assert 0.5 * 32767 < np.abs(samples.astype(int)).max() <= 0.75 * 32767


def test_a_phrase_is_rendered_once(store: PromptStore) -> None:
    first = store.files(BALANCE, "en")
    stamps = [file.stat().st_mtime_ns for file in first]
    again = PromptStore(store.recordings_dir, store.cache_dir).files(BALANCE, "en")
    assert again == first
    assert [file.stat().st_mtime_ns for file in again] == stamps
    assert [file.name.split(".")[0] for file in first] == ["balance", "usd-4", "and-usd-part-50"]


def test_another_text_is_another_file(store: PromptStore) -> None:
    assert store.files(say("call_busy"), "en") != store.files(say("call_busy"), "es")
    assert store.files(say("minutes", minutes=Minutes(1)), "en") != store.files(
        say("minutes", minutes=Minutes(2)), "en"
    )


def test_a_recording_is_heard_without_a_restart(store: PromptStore, tmp_path: Path) -> None:
    rendered = store.files(say("welcome"), "en")
    recording = a_recording(tmp_path / "recordings/en/welcome.wav")
    recorded = store.files(say("welcome"), "en")
    assert recorded != rendered
    assert recorded[0].read_bytes() == recording.read_bytes()

    a_recording(recording, seconds=0.7)
    newer = store.files(say("welcome"), "en")
    assert newer != recorded
    assert newer[0].read_bytes() == recording.read_bytes()

    recording.unlink()
    assert store.files(say("welcome"), "en") == rendered


def test_an_access_number_may_have_a_welcome_of_its_own(store: PromptStore, tmp_path: Path) -> None:
    own = a_recording(tmp_path / "recordings/en/welcome-12125550100.wav")
    assert store.files(say("welcome", variant="12125550100"), "en")[0].read_bytes() == own.read_bytes()
    assert store.files(say("welcome", variant="12125550101"), "en") == store.files(say("welcome"), "en")


@pytest.mark.parametrize(
    ("values", "problem"),
    [({"rate_hz": 16000}, "is at 16000 Hz"), ({"channels": 2}, "has 2 channels"), ({"seconds": 0}, "is empty")],
)
def test_a_wrong_recording_is_not_played(
    store: PromptStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, values: dict[str, int], problem: str
) -> None:
    a_recording(tmp_path / "recordings/en/welcome.wav", **values)
    assert store.files(say("welcome"), "en")[0].name.startswith("welcome.")
    assert problem in caplog.text


@pytest.mark.parametrize("kept", [0, 30, 44, 5000])
def test_half_a_recording_is_not_played(store: PromptStore, tmp_path: Path, kept: int) -> None:
    whole = a_recording(tmp_path / "recordings/en/welcome.wav").read_bytes()
    (tmp_path / "recordings/en/welcome.wav").write_bytes(whole[:kept])
    assert len(whole) > kept
    assert ".rec-" not in store.files(say("welcome"), "en")[0].name


def test_what_nobody_has_heard_for_long_is_pruned_and_comes_again_when_it_is_wanted(
    store: PromptStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_recording(tmp_path / "recordings/en/apology.wav")
    texts = ("welcome", "goodbye", "apology")
    unheard, heard, recorded = (store.files(say(text), "en")[0] for text in texts)
    fixed, half_written = store.cache_dir / "en/warning.wav", store.cache_dir / "en/.x.tmp"
    fixed.write_bytes(b"")
    half_written.write_bytes(b"")
    weeks_ago = time.time() - 61 * 86_400
    for file in (unheard, heard, recorded, fixed, half_written):
        os.utime(file, (weeks_ago, weeks_ago))
    store.files(say("goodbye"), "en")

    options = ["--cache", str(store.cache_dir)]
    assert tool.main(["prune", "--unused-days", "0", *options]) == 1
    assert tool.main(["prune", *options]) == 0
    assert "3 files that nobody has heard for 60 days" in capsys.readouterr().out
    assert sorted((store.cache_dir / "en").iterdir()) == sorted((heard, fixed))
    assert [store.files(say(text), "en")[0] for text in texts] == [unheard, heard, recorded]
    assert unheard.exists()
    assert recorded.exists()


async def test_rendering_does_not_stop_the_event_loop(store: PromptStore) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    files = await store.ready([BALANCE, say("register_offer")], "en")
    assert turns > 2
    turning.cancel()
    assert files == store.files(BALANCE, "en") + store.files(say("register_offer"), "en")
    assert store.at_hand(BALANCE, "en") == files[:3]
    assert store.at_hand(say("goodbye"), "en") is None


def test_processes_share_a_cache(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mediasrv.prompts",
        "render",
        "--languages",
        "en",
        "--cache",
        str(tmp_path / "shared"),
    ]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        _, complaint = process.communicate(timeout=120)
        assert (process.returncode, complaint) == (0, b"")
    together = {file.name: file.read_bytes() for file in (tmp_path / "shared/en").iterdir()}
    store = PromptStore(None, tmp_path / "alone")
    alone = {file.name: file.read_bytes() for piece in fixed_segments("en") for file in [store.file(piece, "en")]}
    assert {name: data for name, data in together.items() if name != "warning.wav"} == alone


def test_render_makes_what_the_others_play(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["render", "--languages", "en,ru", "--cache", str(tmp_path)]) == 0
    for name in ("en/warning.wav", "ru/warning.wav", "tones/ringback.wav", "demo/gateway.wav"):
        assert wav.wrong_with(tmp_path / name) is None
    assert wav.seconds_of(tmp_path / "tones/ringback.wav") == 6.0
    assert tool.main(["check", "--languages", "en,ru", "--cache", str(tmp_path)]) == 0
    assert "all prompts are right in en, ru" in capsys.readouterr().out


def test_check_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recordings, cache = tmp_path / "recordings", tmp_path / "cache"
    a_recording(recordings / "en/welcome.wav", rate_hz=44100)
    a_recording(recordings / "en/goodbye.wav", channels=2)
    a_recording(recordings / "en/apology.wav", seconds=21)
    a_recording(recordings / "en/wellcome.wav")
    a_recording(recordings / "en/minutes-12.wav")
    options = ["--languages", "en", "--cache", str(cache), "--recordings", str(recordings)]
    assert tool.main(["check", *options]) == 1
    said = capsys.readouterr().out
    assert "welcome.wav is at 44100 Hz, must be 8000 Hz" in said
    assert "goodbye.wav has 2 channels, must have 1" in said
    assert "apology.wav plays for 21.0 s" in said
    assert "wellcome.wav is not the name of a prompt" in said
    assert "minutes-12" not in said
    assert "en: pin_ask is missing in the cache: run prompts render" in said
    assert tool.main(["check", "--recorded", *options]) == 1
    assert "en: no recording of pin_ask: Please enter your pin" in capsys.readouterr().out


def test_list_shows_what_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_recording(tmp_path / "recordings/es/welcome.wav")
    options = ["--languages", "es", "--cache", str(tmp_path), "--recordings", str(tmp_path / "recordings")]
    assert tool.main(["list", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "Bienvenido" in line] == [["welcome", "recorded", "Bienvenido."]]
    assert any("call_busy" in line and "speech" in line for line in lines)


def test_play_writes_what_a_caller_hears(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "heard.wav"
    arguments = ["play", "balance", "amount=4.50USD", "--language", "es", "--cache", str(tmp_path), "-o", str(output)]
    assert tool.main(arguments) == 0
    assert "cuatro dólares con cincuenta centavos" in capsys.readouterr().out
    assert wav.seconds_of(output) > 1.5
    assert tool.main(["play", "balance", "--cache", str(tmp_path), "-o", str(output)]) == 1
    assert tool.main(["play", "balance", "amount=x", "--cache", str(tmp_path), "-o", str(output)]) == 1
    assert tool.main(["list", "--language", "xx", "--cache", str(tmp_path)]) == 1


def test_a_missing_engine_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match="apt-get install espeak-ng"):
        speak("hello", "en-us", 150)


def test_the_media_server_does_not_start_without_an_engine(tmp_path: Path) -> None:
    settings = tmp_path / "cardswitch.toml"
    settings.write_text(
        """
        [node]\nname = "edge1"\n[database]\n[secrets]\npepper_file = "p"\n[journal]\ndirectory = "j"
        [decks]\ncache_directory = "d"\n[edge]\nsip = "127.0.0.1:1"\n[mediasrv]\nsip = "127.0.0.1:2"
        rtp_address = "127.0.0.1"\nrtp_port_min = 20000\nrtp_port_max = 20100\nhttp = "127.0.0.1:3"
        prompt_cache_dir = "c"
        """
    )
    ended = subprocess.run(
        [sys.executable, "-m", "mediasrv", "--config", str(settings)],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "mediasrv: espeak-ng cannot be run (No such file or directory): apt-get install espeak-ng\n"
    )


def test_a_voice_that_is_not_installed_is_told() -> None:
    with pytest.raises(SpeechError, match=r"voice xx-none: .*does not exist"):
        demand_engine(["en-us", "xx-none"])


def cardswitch_prompts(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console", "prompts", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_cardswitch_prompts_works_on_a_run_directory(tmp_path: Path) -> None:
    """With the directories that a stack would use; then with those of the settings that a stack has written."""
    run, heard = ("--run-dir", str(tmp_path)), tmp_path / "heard.wav"
    assert "list" in cardswitch_prompts("-h").stdout
    missing = cardswitch_prompts(*run, "check", "--language", "en")
    assert (missing.returncode, "run prompts render" in missing.stdout) == (1, True)
    assert cardswitch_prompts(*run, "render", "--language", "en").returncode == 0
    assert cardswitch_prompts(*run, "check", "--language", "en").returncode == 0
    played = cardswitch_prompts("play", "balance", "amount=4.50USD", *run, "--language", "en", "-o", str(heard))
    assert (played.returncode, wav.wrong_with(heard)) == (0, None)

    (tmp_path / "cardswitch.toml").write_text(
        f"""
        [node]\nname = "edge1"\n[database]\n[secrets]\npepper_file = "p"\n[journal]\ndirectory = "j"
        [decks]\ncache_directory = "d"\n[mediasrv]\nprompt_cache_dir = "{tmp_path}/elsewhere"
        """
    )
    assert cardswitch_prompts(*run, "check", "--language", "en").returncode == 1
    chosen = cardswitch_prompts(*run, "check", "--language", "en", "--cache", str(tmp_path / "prompts"))
    assert chosen.returncode == 0


def test_a_text_is_never_an_option() -> None:
    assert len(speak("--help", "en-us", 150)) > 1000


@pytest.mark.parametrize("rate_hz", [22050, 16000, 11025, 44100, 48000])
def test_resampling_keeps_speech_and_drops_what_would_fold_back(rate_hz: int) -> None:
    moments = np.arange(rate_hz) / rate_hz
    heard = wav.resampled((10000 * np.sin(2 * np.pi * 1000 * moments)).astype(np.int16), rate_hz)
    assert len(heard) == 8000
    assert int(np.argmax(np.abs(np.fft.rfft(heard)))) == 1000
    assert heard[1000:7000].std() == pytest.approx(7071, rel=0.01)
    folded = wav.resampled((10000 * np.sin(2 * np.pi * 4600 * moments)).astype(np.int16), rate_hz)
    assert folded[1000:7000].std() < 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_prompt_is_not_too_long(language: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = PromptStore(None, tmp_path_factory.getbasetemp() / "shared-cache")
    longest = max(fixed_segments(language), key=lambda piece: len(piece.text))
    assert wav.seconds_of(store.file(longest, language)) <= tool.LONGEST_S, longest.name
    assert load(language).code == language
    assert store.files(example("warning"), language)
