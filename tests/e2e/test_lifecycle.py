"""Starting and ending a stack: whatever happens in between, nothing stays behind."""

import json
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from console.stack.plan import HOST, ROOT
from console.stack.ports import free_port
from console.stack.probe import parse_address, sip_options
from tests.support.stack import await_stage, await_true, cardswitch, command, running_stack, starting_stack

pytestmark = pytest.mark.timeout(200)  # stacks start and stop, several of them in some tests


def test_up_status_down() -> None:
    """`up` says every address, `status --json` parses, `down` from another terminal leaves no process."""
    with running_stack() as stack:
        status = stack.status()
        assert status["stage"] == "running"
        assert {part["name"] for part in status["parts"]} == {
            "mariadb", "rtpengine", "gateway", "keeper", "desk", "mediasrv", "kamailio", "console",
        }  # fmt: skip
        assert all(part["alive"] and part["pid"] and part["version"] for part in status["parts"])
        assert sip_options(parse_address(status["sip"])) is not None
        assert status["access_numbers"]
        down = cardswitch("down", "--run-dir", str(stack.run.path))
        assert (down.returncode, down.stderr) == (0, "")
        assert stack.wait() == 0
        assert stack.processes() == []
    assert cardswitch("status", "--json", "--run-dir", str(stack.run.path)).returncode == 3


def test_two_stacks_side_by_side() -> None:
    """Two stacks on one machine do not meet, and a second one in the same directory is refused."""
    with running_stack() as one, running_stack() as other:
        assert one.edge != other.edge
        again = cardswitch("up", "--run-dir", str(one.run.path))
        assert again.returncode == 1
        assert "already running" in again.stderr
        one.send(signal.SIGINT)
        assert one.wait() == 0
        assert one.processes() == []
        assert sip_options(parse_address(other.edge)) is not None


@pytest.mark.parametrize("moment", ["mariadb", "gateway", "kamailio"])
def test_ctrl_c_while_starting(moment: str) -> None:
    """Ctrl-C in the middle of the start: no process is left, the exit is clean."""
    with starting_stack() as stack:

        def has_begun() -> bool:
            state = stack.state
            return state is not None and any(part.name == moment for part in state.parts)

        await_true(has_begun, f"{moment} is being started")
        stack.send(signal.SIGINT)
        assert stack.wait() == 0
        assert stack.processes() == []
        assert not stack.run.state.exists()


def test_ctrl_c_before_anything_runs() -> None:
    """Ctrl-C as soon as the run directory is there."""
    with starting_stack() as stack:
        await_true(stack.run.state.exists, "the supervisor is at work")
        stack.send(signal.SIGINT)
        assert stack.wait() == 0
        assert stack.processes() == []


def test_supervisor_killed_then_down() -> None:
    """kill -9 of the supervisor leaves its parts running; `down` finds and ends them all."""
    with running_stack() as stack:
        stack.send(signal.SIGKILL)
        stack.wait()
        assert stack.processes()
        assert cardswitch("status", "--run-dir", str(stack.run.path)).returncode == 3
        down = cardswitch("down", "--run-dir", str(stack.run.path))
        assert down.returncode == 0
        assert stack.processes() == []


def test_supervisor_killed_then_up_again() -> None:
    """The next `up` ends what the killed one left, and the ledger is as it was."""
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        with starting_stack(directory=Path(base)) as stack:
            await_stage(stack, "running")
            _, card_id = stack.issue(1_000_000)
            left = set(stack.processes())
            stack.send(signal.SIGKILL)
            stack.wait()
            with starting_stack(directory=Path(base)) as again:
                await_true(lambda: not left & set(again.processes()), "the old processes are gone")
                await_stage(again, "running")
                assert again.card(card_id).posted_micros == 1_000_000
                assert "left behind" in again.output()
        assert stack.processes() == []


def test_killed_part_is_started_again() -> None:
    """A part that dies is started again, and `status` says how often."""
    with running_stack() as stack:
        state = stack.state
        assert state is not None
        keeper = next(part for part in state.parts if part.name == "keeper")
        os.kill(keeper.pid, signal.SIGKILL)

        def is_back() -> bool:
            now = stack.state
            return now is not None and any(
                part.name == "keeper" and part.pid != keeper.pid and part.process.alive and part.restarts == 1
                for part in now.parts
            )

        await_true(is_back, "the keeper runs again")


def test_port_taken() -> None:
    """The SIP port asked for is taken: one sentence, exit status 1, nothing was started."""
    port = free_port(HOST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, port))
        with starting_stack("--sip-port", str(port)) as stack:
            assert stack.wait() == 1
            assert stack.output().strip().splitlines() == [
                f"cardswitch: port {port} on {HOST} (SIP) is taken: stop what uses it (ss -lntup), or choose another."
            ]
            assert not stack.run.path.exists()


def test_run_directory_not_writable() -> None:
    """A run directory that cannot be made: one sentence, exit status 1."""
    done = cardswitch("up", "--run-dir", "/proc/cardswitch")
    assert done.returncode == 1
    assert done.stderr.startswith("cardswitch: cannot write to the run directory /proc/cardswitch")
    assert len(done.stderr.splitlines()) == 1


def test_run_directory_too_long() -> None:
    """A path too long for unix sockets is refused before anything is started."""
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        done = cardswitch("up", "--run-dir", f"{base}/{'x' * 100}")
        assert done.returncode == 1
        assert "choose a shorter --run-dir" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_plain_user() -> None:
    """With everything installed a plain user runs a stack of their own."""
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        os.chmod(base, 0o777)  # noqa: S103  for the other user's run directory
        nobody = as_nobody(Path(base))
        up = [*nobody, str(ROOT / "cardswitch"), "up", "--run-dir", f"{base}/run"]
        with (
            Path(base, "up.out").open("w") as output,
            subprocess.Popen(up, stdout=output, stderr=subprocess.STDOUT, cwd="/") as process,
        ):
            try:
                await_true(
                    lambda: "Ctrl-C ends it" in Path(base, "up.out").read_text() or process.poll() is not None,
                    "the stack runs",
                    timeout_s=90,
                )
                assert process.poll() is None, Path(base, "up.out").read_text()  # it went on
                status = subprocess.run(
                    [*nobody, str(ROOT / "cardswitch"), "status", "--json", "--run-dir", f"{base}/run"],
                    capture_output=True, text=True, check=True, timeout=60,
                )  # fmt: skip
                found = json.loads(status.stdout)
                owners = {Path(f"/proc/{part['pid']}").stat().st_uid for part in found["parts"]}
                assert len(owners) == 1
                assert 0 not in owners
            finally:
                process.send_signal(signal.SIGINT)
                exit_status = process.wait(30)
        assert exit_status == 0, Path(base, "up.out").read_text()


def as_nobody(scratch: Path) -> list[str]:
    """A prefix that runs a command as nobody. Where they may not read the checkout (below /root, say), it is shown to
    them at the same path in a mount name space of their own."""
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "-i", "PATH=/usr/bin:/bin"]
    closed = [parent for parent in reversed(ROOT.parents) if not parent.stat().st_mode & 0o001]
    if not closed:
        return nobody
    script = (
        'aside=$(mktemp -d "$1/XXXX") && mount --bind "$2" "$aside" && mount -t tmpfs -o mode=0755 tmpfs "$3" && '
        'mkdir -p "$2" && mount --bind "$aside" "$2" && shift 3 && exec "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh", str(scratch), str(ROOT), str(closed[0]), *nobody]


def test_commands_say_what_they_do() -> None:
    """Every command explains itself, and the reserved suites say that they are not there yet."""
    for name in ("demo", "up", "down", "status", "logs", "test", "bench"):
        assert subprocess.run(command(name, "--help"), capture_output=True, check=False, timeout=60).returncode == 0
    reserved = cardswitch("test", "failover")
    assert reserved.returncode == 1 or (ROOT / "tests" / "failover").exists()
