"""The parts without sockets: player, latch, wheel, prompts, tones, messages, figures."""

import os
import random
from array import array
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasrv.rtp.codec import Law, PromptCache, PromptError, read_wav
from mediasrv.rtp.goertzel import HIGH_HZ, KEYPAD, LOW_HZ, NO_KEY, WINDOW, classify, decode
from mediasrv.rtp.inband import PENDING_BYTES_MAX, InbandBank
from mediasrv.rtp.latch import Latch
from mediasrv.rtp.link import RtpSettings
from mediasrv.rtp.messages import (
    Command,
    Connect,
    DigitHeard,
    GetStats,
    Hold,
    MessageError,
    Open,
    Play,
    PlayEnded,
    Reply,
    SilenceHeard,
    command_bytes,
    notice_bytes,
    parse_command,
    parse_from_worker,
    reply_bytes,
)
from mediasrv.rtp.player import Player
from mediasrv.rtp.stats import PACING_BOUNDS_US, Stats
from mediasrv.rtp.wheel import PTIMES_MS, SLOTS, Wheel
from tests.rtp.caller import tone, write_wav

FRAME = 160


# --- player ---


def test_prompts_are_joined_without_a_gap_and_end_in_silence() -> None:
    player = Player(Law.PCMA, 20)
    player.play([b"a" * 100, b"", b"b" * 100, b"c" * 10])
    assert player.next_frame() == b"a" * 100 + b"b" * 60
    assert player.playing
    assert player.next_frame() == b"b" * 40 + b"c" * 10 + Law.PCMA.silence * 110
    assert not player.playing
    assert player.next_frame() == Law.PCMA.silence * FRAME


@given(st.lists(st.binary(max_size=700), max_size=6), st.sampled_from(PTIMES_MS))
def test_whatever_is_played_is_heard_once_and_in_order(files: list[bytes], ptime_ms: int) -> None:
    player = Player(Law.PCMU, ptime_ms)
    player.play(files)
    frames = []
    while player.playing:
        frames.append(player.next_frame())
    heard = b"".join(frames)
    assert all(len(frame) == 8 * ptime_ms for frame in frames)
    assert heard.startswith(b"".join(files))
    assert set(heard[sum(map(len, files)) :]) <= set(Law.PCMU.silence)


def test_another_law_goes_on_at_the_same_place() -> None:
    player = Player(Law.PCMU, 20)
    player.play([b"1" * 160, b"2" * 320])
    player.next_frame()
    player.next_frame()
    player.format(Law.PCMA, 20)
    player.recode([b"x" * 160, b"y" * 320])
    assert player.next_frame() == b"y" * FRAME
    assert player.next_frame() == Law.PCMA.silence * FRAME


# --- latch ---

SIGNALLED, NAT, STRANGER = ("192.0.2.1", 4000), ("198.51.100.7", 31000), ("203.0.113.9", 666)


def test_the_first_sender_is_believed_and_then_nobody_else() -> None:
    latch = Latch()
    assert not latch.accepts(NAT)
    latch.signal(SIGNALLED)
    assert latch.target == SIGNALLED
    assert latch.accepts(NAT)
    latch.learn(NAT)
    assert latch.target == NAT
    assert not latch.accepts(STRANGER)
    assert not latch.accepts(SIGNALLED)


def test_only_a_new_address_in_the_signalling_makes_it_learn_again() -> None:
    latch = Latch()
    latch.signal(SIGNALLED)
    latch.learn(NAT)
    latch.signal(SIGNALLED)
    assert latch.target == NAT
    latch.signal(STRANGER)
    assert latch.target == STRANGER
    assert latch.source is None


# --- wheel ---


@pytest.mark.parametrize("ptime_ms", PTIMES_MS)
def test_everybody_has_a_turn_every_packet_time_and_slots_are_even(ptime_ms: int) -> None:
    wheel: Wheel[int] = Wheel()
    for member in range(240):
        wheel.add(member, ptime_ms)
    turns = Counter(member for tick in range(SLOTS) for member in wheel.at(tick))
    assert set(turns.values()) == {SLOTS // ptime_ms}
    assert {len(list(wheel.at(tick))) for tick in range(SLOTS)} == {240 // ptime_ms}


def test_members_come_go_and_change_their_packet_time() -> None:
    wheel: Wheel[str] = Wheel()
    wheel.add("a", 20)
    wheel.add("a", 30)
    assert len(wheel) == 1
    assert sum("a" in wheel.at(tick) for tick in range(SLOTS)) == 4
    wheel.remove("a")
    wheel.remove("a")
    assert not any(list(wheel.at(tick)) for tick in range(SLOTS))


# --- prompts ---


def test_a_prompt_is_encoded_once_and_again_when_it_changes(tmp_path: Path) -> None:
    cache = PromptCache()
    path = write_wav(tmp_path / "a.wav", tone(440, 0.1))
    first = cache.load(path, Law.PCMU)
    assert first == Law.PCMU.encode(tone(440, 0.1))
    assert cache.load(path, Law.PCMU) is first
    assert cache.load(path, Law.PCMA) == Law.PCMA.encode(tone(440, 0.1))
    write_wav(path, tone(880, 0.1))
    os.utime(path, ns=(1, 1))
    assert cache.load(path, Law.PCMU) == Law.PCMU.encode(tone(880, 0.1))
    assert cache.size_bytes == 1600


def test_a_full_cache_forgets_what_has_not_been_played_for_the_longest_time(tmp_path: Path) -> None:
    cache = PromptCache(bytes_max=2000)
    old, middle, new = (write_wav(tmp_path / f"{name}.wav", tone(440, 0.1)) for name in "abc")
    first = cache.load(old, Law.PCMU)
    cache.load(middle, Law.PCMU)
    assert cache.load(old, Law.PCMU) is first
    cache.load(new, Law.PCMU)
    assert cache.load(old, Law.PCMU) is first
    assert cache.size_bytes == 1600


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not a WAV"), (b"RIFF", "not a WAV"), (b"RIFF\0\0\0\0WAVEfmt ", "not a WAV"), (b"ID3" * 99, "not a WAV")],
)
def test_a_file_that_is_no_wav_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(PromptError, match=rf"bad\.wav: {reason}"):
        PromptCache().load(path, Law.PCMU)


def test_a_wav_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="16000 Hz, 1 channels, 16 bits; not 8000, 1, 16"):
        read_wav(write_wav(tmp_path / "wide.wav", tone(440, 0.1), rate=16_000))
    with pytest.raises(PromptError, match=r"longer than 600 s"):
        read_wav(write_wav(tmp_path / "long.wav", bytes(2 * 8000 * 601)))
    with pytest.raises(PromptError, match="No such file"):
        PromptCache().load(tmp_path / "missing.wav", Law.PCMU)


# --- tones ---


def keys_as_audio(keys: str, *, tone_ms: int, pause_ms: int, detune: float = 1.0, noise: float = 0.0) -> bytes:
    """16-bit samples of DTMF, tones of random phase at −15 dBov each."""
    chance = np.random.default_rng(23)
    parts = [np.zeros(217)]
    for key in keys:
        low, high = divmod(KEYPAD.index(key), 4)
        time = np.arange(tone_ms * 8) / 8000 * 2 * np.pi * detune
        phases = chance.uniform(0, 6, 2)
        tones = np.sin(LOW_HZ[low] * time + phases[0]) + np.sin(HIGH_HZ[high] * time + phases[1])
        parts += [tones * 0.25, np.zeros(pause_ms * 8)]
    samples = np.concatenate((*parts, np.zeros(400)))
    samples += chance.normal(0, noise or 1e-9, len(samples))
    return (samples.clip(-1, 1) * 32_767).astype(np.int16).tobytes()


def hear(pcm: bytes, law: Law) -> str:
    """The keys in audio that comes in packets of 20 ms."""
    bank: InbandBank[str] = InbandBank()
    audio = law.encode(pcm)
    heard = ""
    for start in range(0, len(audio), FRAME):
        bank.hear("caller", law, audio[start : start + FRAME])
        heard += "".join(key for _, key in bank.detect())
    return heard


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize(
    "manner",
    [
        {"tone_ms": 40, "pause_ms": 40},
        {"tone_ms": 100, "pause_ms": 60},
        {"tone_ms": 2000, "pause_ms": 50},
        {"tone_ms": 60, "pause_ms": 60, "detune": 1.015},
        {"tone_ms": 60, "pause_ms": 60, "detune": 0.985},
        {"tone_ms": 60, "pause_ms": 60, "noise": 0.079},
    ],
    ids=["shortest", "usual", "held", "1.5 % high", "1.5 % low", "10 dB above noise"],
)
def test_keys_are_heard_in_the_audio(law: Law, manner: dict[str, float]) -> None:
    keys = KEYPAD + "55" + "00#"
    assert hear(keys_as_audio(keys, **manner), law) == keys  # type: ignore[arg-type]


def test_a_lost_packet_in_a_tone_does_not_double_the_key() -> None:
    audio = Law.PCMU.encode(keys_as_audio("8", tone_ms=200, pause_ms=100))
    for lost in range(0, len(audio), FRAME):
        bank: InbandBank[str] = InbandBank()
        bank.hear("caller", Law.PCMU, (audio[:lost] + audio[lost + FRAME :])[:PENDING_BYTES_MAX])
        assert bank.detect() == [("caller", "8")]


def test_noise_single_tones_and_silence_are_no_keys() -> None:
    noise = array("h", random.Random(1).choices(range(-8000, 8000), k=16_000)).tobytes()
    for pcm in (noise, tone(697, 1), tone(1336, 1), bytes(16_000)):
        assert hear(pcm, Law.PCMU) == ""


def test_a_tone_of_a_frequency_four_percent_off_is_no_key() -> None:
    assert hear(keys_as_audio("5", tone_ms=200, pause_ms=50, detune=1.04), Law.PCMU) == ""


def test_many_callers_are_heard_at_once_and_apart() -> None:
    bank: InbandBank[int] = InbandBank()
    for caller, key in enumerate(KEYPAD):
        law = list(Law)[caller % 2]
        bank.hear(caller, law, law.encode(keys_as_audio(key, tone_ms=60, pause_ms=20)))
    assert sorted(bank.detect()) == list(enumerate(KEYPAD))


def test_a_flood_of_audio_is_bounded() -> None:
    bank: InbandBank[int] = InbandBank()
    for _ in range(10_000):
        bank.hear(1, Law.PCMU, bytes(1400))
    assert bank.detect() == []
    bank.forget(1)
    assert bank.detect() == []


@given(st.binary(min_size=WINDOW, max_size=WINDOW))
def test_any_window_is_a_key_or_none(audio: bytes) -> None:
    (code,) = classify(decode(audio, Law.PCMU).reshape(1, WINDOW)).tolist()
    assert NO_KEY <= code < len(KEYPAD)


# --- messages ---

COMMANDS: list[Command] = [
    Open("PCMA"),
    Connect(1, "192.0.2.1", 4000, 8, 101, 20, 30.0),
    Connect(1, "192.0.2.1", 4000, 0, None, 20, 0.0),
    Play(1, "id", ["/prompts/é.wav"]),
    Hold(1, True),
    GetStats(),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_arrives_as_it_was_sent(command: Command) -> None:
    assert parse_command(command_bytes(7, command)) == (7, command)


def test_answers_and_events_arrive_as_they_were_sent() -> None:
    for reply in (Reply(1, {"port": 4000}), Reply(2, {}, "prompt", "no such file")):
        assert parse_from_worker(reply_bytes(reply)) == reply
    for notice in (DigitHeard(1, "5", "rfc4733"), PlayEnded(1, "id", False), SilenceHeard(1, 2.5)):
        assert parse_from_worker(notice_bytes(notice)) == notice


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        b'{"id":1}',
        b'{"id":"1","do":"stats"}',
        b'{"id":1,"do":"sing"}',
        b'{"id":1,"do":"play"}',
    ],
)
def test_what_is_no_command_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse_command(data)


@given(st.binary(max_size=50))
def test_whatever_a_worker_says_is_understood_or_refused(data: bytes) -> None:
    try:
        parse_from_worker(data)
    except MessageError:
        return


# --- settings and figures ---


def test_workers_share_the_ports_without_overlap() -> None:
    shares = RtpSettings("127.0.0.1", 20_001, 20_400, workers=3).shares()
    assert shares == [(20_002, 20_133), (20_134, 20_265), (20_266, 20_397)]
    assert RtpSettings("127.0.0.1", 20_000, 20_001).shares() == [(20_000, 20_001)]


def test_there_is_a_worker_a_core() -> None:
    table = {"rtp_address": "127.0.0.1", "rtp_port_min": 20_000, "rtp_port_max": 29_999}
    assert RtpSettings.from_table(table).workers == len(os.sched_getaffinity(0))
    assert RtpSettings.from_table({**table, "workers": 3}).workers == 3
    assert RtpSettings.from_table({**table, "rtp_port_max": 20_050}).workers == 1


def test_too_few_ports_are_refused_with_a_sentence() -> None:
    table = {"rtp_address": "127.0.0.1", "rtp_port_min": 20_000, "rtp_port_max": 20_006, "workers": 2}
    with pytest.raises(ValueError, match="at least four ports for each worker"):
        RtpSettings.from_table(table)


def test_figures_add_up_over_workers() -> None:
    one, other = Stats(calls=1, packets_sent=10), Stats(calls=2, cpu_s=0.5)
    one.observe_pacing(200, 10)
    other.observe_pacing(PACING_BOUNDS_US[-1] + 1, 1)
    both = one + other
    assert (both.calls, both.packets_sent, both.cpu_s) == (3, 10, 0.5)
    assert both.pacing == [10, *[0] * (len(PACING_BOUNDS_US) - 1), 1]
    assert Stats.from_dict(both.as_dict()) == both
