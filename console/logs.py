"""``cardswitch logs``: the end of each part's log, and what is added to it."""

import time
from pathlib import Path

from console import show
from console.stack.errors import StackError
from console.stack.state import running_states


def show_logs(run_dir: Path, part: str | None, *, follow: bool, lines: int) -> int:
    """Prints the last ``lines`` of each log; with ``follow`` goes on until Ctrl-C. Raises StackError."""
    states = running_states(run_dir)
    directory = Path(states[0].run_dir if states else run_dir) / "logs"
    files = sorted(directory.glob(f"{part or '*'}.log"))
    if not files:
        known = ", ".join(sorted(path.stem for path in directory.glob("*.log"))) or "none yet"
        raise StackError(f"no log of {part or 'any part'} in {directory}; there are: {known}.")
    ends = {file: _print_end(file, lines) for file in files}
    try:
        while follow:
            ends = {file: _print_from(file, end) for file, end in ends.items()}
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    return 0


def _print_end(file: Path, lines: int) -> int:
    data = file.read_bytes()
    for line in data.decode("utf-8", "replace").splitlines()[-lines or len(data) :]:
        show.plain(f"{file.stem:<10} {line}")
    return len(data)


def _print_from(file: Path, start: int) -> int:
    with file.open("rb") as stream:
        stream.seek(start)
        data = stream.read()
    whole = data[: data.rfind(b"\n") + 1]  # a line that is still being written waits
    for line in whole.decode("utf-8", "replace").splitlines():
        show.plain(f"{file.stem:<10} {line}")
    return start + len(whole)
