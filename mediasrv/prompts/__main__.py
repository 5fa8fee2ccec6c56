"""``cardswitch prompts list|play|check|render|prune`` (``python -m mediasrv.prompts``): the prompts of a node."""

import argparse
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mediasrv.prompts import wav
from mediasrv.prompts.catalogue import LANGUAGES, PROMPTS, load
from mediasrv.prompts.espeak import SpeechError
from mediasrv.prompts.phrase import Minutes, Money, Phrase, Seconds, Spelled, Value
from mediasrv.prompts.render import example, fixed_segments, render_common, render_language
from mediasrv.prompts.spoken import segments, text_of
from mediasrv.prompts.store import PromptStore
from rating.money import AmountError, parse_amount
from rating.settings import SettingsError, load_settings

LONGEST_S = 20.0  # a longer recording makes callers hang up
# Recordings of counted things are welcome too: minutes-12, usd-4, and-usd-part-50, welcome-<access number>.
_NUMBERED = re.compile(r"(minutes|seconds|[a-z]{3}|(and-)?[a-z]{3}-part)-[0-9]+(-[0-9]+)?|welcome-[0-9]{3,15}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 with one sentence per problem."""
    options = _parser().parse_args(arguments)
    try:
        options.languages = _languages(options.languages)
        status: int = options.run(options, _store(options))
    except (SettingsError, SpeechError, AmountError, ValueError) as error:
        print(f"prompts: {error}", file=sys.stderr)
        return 1
    return status


def list_prompts(options: argparse.Namespace, store: PromptStore) -> int:
    """Each prompt: its name, where its sound comes from, its text with example values."""
    for language in options.languages:
        print(f"{language}: espeak-ng voice {load(language).voice}")
        for prompt in PROMPTS:
            sources = {_source(store, piece.name, language) for piece in segments(example(prompt), language)}
            print(f"  {prompt:28} {'+'.join(sorted(sources)):10} {text_of(example(prompt), language)}")
    return 0


def render(options: argparse.Namespace, store: PromptStore) -> int:
    """Everything that is fixed; with --numbers also the usual minutes and amounts of these currencies."""
    currencies = [code.strip().upper() for code in options.numbers.split(",") if code.strip()]
    for language in options.languages:
        count = render_language(store, language, currencies=currencies)
        print(f"{language}: {count} pieces are ready in {store.cache_dir / language}")
    render_common(store)
    return 0


def prune(options: argparse.Namespace, store: PromptStore) -> int:
    """Removes from the cache what nobody has heard for long: speech of changed texts, replaced recordings."""
    if options.unused_days < 1:
        raise ValueError("--unused-days is at least 1: files in use are marked once a day")
    removed = store.prune(options.unused_days)
    print(f"{removed} files that nobody has heard for {options.unused_days} days are removed from {store.cache_dir}")
    return 0


def check(options: argparse.Namespace, store: PromptStore) -> int:
    """Missing, too long, wrong rate, wrong channels, not a prompt. Exit status 1 when there is any."""
    problems = [problem for language in options.languages for problem in _problems(store, language, options.recorded)]
    print("\n".join(problems) if problems else f"all prompts are right in {', '.join(options.languages)}")
    return 1 if problems else 0


def play_to_file(options: argparse.Namespace, store: PromptStore) -> int:
    """Writes what a caller would hear."""
    phrase = Phrase(options.prompt, tuple(_value(text) for text in options.values))
    if {name for name, _ in phrase.values} != set(PROMPTS[options.prompt]):
        raise ValueError(f"{options.prompt} has the blanks {PROMPTS[options.prompt] or 'none'}")
    language = options.languages[0]
    parts = [wav.read(file.read_bytes())[0] for file in store.files(phrase, language)]
    wav.write(options.output, wav.joined(parts))
    print(f"{options.output}: {text_of(phrase, language)}")
    return 0


def _problems(store: PromptStore, language: str, recorded: bool) -> Iterator[str]:
    directory = store.recordings_dir / language if store.recordings_dir else None
    names = {piece.name for piece in fixed_segments(language)}
    recordings = {file.stem: file for file in sorted(directory.glob("*.wav"))} if directory else {}
    for name, file in recordings.items():
        if wrong := wav.wrong_with(file):
            yield f"{file} {wrong}"
        elif (seconds := wav.seconds_of(file)) > LONGEST_S:
            yield f"{file} plays for {seconds:.1f} s, no prompt should be longer than {LONGEST_S:.0f} s"
        if name not in names and not _NUMBERED.fullmatch(name):
            yield f"{file} is not the name of a prompt (see: prompts list)"
    for piece in fixed_segments(language):
        if recorded and piece.name not in recordings:
            yield f"{language}: no recording of {piece.name}: {piece.text}"
        elif not recorded and piece.name not in recordings and not store.is_rendered(piece, language):
            yield f"{language}: {piece.name} is missing in the cache: run prompts render"


def _source(store: PromptStore, name: str, language: str) -> str:
    recorded = store.recordings_dir and (store.recordings_dir / language / f"{name}.wav").is_file()
    return "recorded" if recorded else "speech"


def _value(text: str) -> tuple[str, Value]:
    """``amount=4.50USD``, ``minutes=12``, ``seconds=45``, ``key=1``. Raises ValueError, AmountError."""
    name, _, value = text.partition("=")
    match name:
        case "minutes":
            return name, Minutes(int(value))
        case "seconds":
            return name, Seconds(int(value))
        case "key" if re.fullmatch(r"[0-9*#]{1,32}", value):
            return name, Spelled(value)
        case "amount" if re.fullmatch(r"[0-9.]+ ?[A-Z]{3}", value):
            return name, Money(parse_amount(value[:-3]), value[-3:])
    raise ValueError(f"{text!r} is not a value: write amount=4.50USD, minutes=12, seconds=45 or key=1")


def _languages(text: str) -> tuple[str, ...]:
    languages = tuple(code.strip() for code in text.split(",")) if text else LANGUAGES
    for code in languages:
        if code not in LANGUAGES:
            raise ValueError(f"no such language: {code!r} (there are {', '.join(LANGUAGES)})")
    return languages


def _store(options: argparse.Namespace) -> PromptStore:
    if options.cache:
        return PromptStore(options.recordings, options.cache)
    table = load_settings(options.config).table("mediasrv")
    if not table.get("prompt_cache_dir"):
        raise SettingsError("[mediasrv] has no prompt_cache_dir; or pass --cache")
    recordings = options.recordings or table.get("recordings_dir")
    return PromptStore(Path(recordings) if recordings else None, Path(table["prompt_cache_dir"]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cardswitch prompts", description="The prompts that callers hear.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--languages", "--language", default="", help="en,es,… (default: all)")
    common.add_argument("--cache", type=Path, help="directory of rendered speech (default: from the settings)")
    common.add_argument("--recordings", type=Path, help="directory of recordings (default: from the settings)")
    common.add_argument("--config", type=Path, help="settings file (default: $CARDSWITCH_CONFIG)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", parents=[common], help="names, sources and texts")
    listing.set_defaults(run=list_prompts)
    rendering = commands.add_parser("render", parents=[common], help="make speech for all that is not recorded")
    rendering.add_argument("--numbers", default="", metavar="USD,…", help="also usual minutes and amounts of these")
    rendering.set_defaults(run=render)
    checking = commands.add_parser("check", parents=[common], help="missing, too long, wrong rate, wrong channels")
    checking.add_argument("--recorded", action="store_true", help="a prompt without a recording is a problem")
    checking.set_defaults(run=check)
    playing = commands.add_parser("play", parents=[common], help="write what a caller would hear to a WAV file")
    playing.add_argument("prompt", choices=sorted(PROMPTS), metavar="PROMPT", help="a name that `list` shows")
    playing.add_argument("values", nargs="*", metavar="amount=4.50USD", help="what stands in its blanks")
    playing.add_argument("--output", "-o", type=Path, required=True)
    playing.set_defaults(run=play_to_file)
    pruning = commands.add_parser("prune", parents=[common], help="remove speech that is not used any more")
    pruning.add_argument("--unused-days", type=int, default=60, help="keep what was heard so lately (default: 60)")
    pruning.set_defaults(run=prune)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # "prompts list | head" is no error
    sys.exit(main())
