"""Runs the playbook as an operator does, with an inventory of the checkout and secrets of this run."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.hosts import QUIET_SSH, Network
from tests.deploy.images import ROOT

ANSIBLE = ROOT / "ansible"
REQUIREMENTS = ROOT / "requirements-deploy.txt"
RUN_TIMEOUT_S = 1800.0


def programs(cache: Path) -> Path:
    """The directory of ansible-playbook: installed from requirements-deploy.txt, once for each content of it."""
    venv = cache / "ansible"
    stamp = venv / "installed-from"
    if not stamp.exists() or stamp.read_bytes() != REQUIREMENTS.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True, timeout=120)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*pip, "--require-hashes", "-r", str(REQUIREMENTS)], check=True, timeout=900)
        stamp.write_bytes(REQUIREMENTS.read_bytes())
    return venv / "bin"


@dataclass
class Recap:
    """What a run did, by host; ``seconds`` by the clock."""

    output: str
    seconds: float
    hosts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        return sum(figures["changed"] for figures in self.hosts.values())

    @property
    def failed(self) -> int:
        return sum(figures["failed"] + figures["unreachable"] for figures in self.hosts.values())

    def tasks_that_changed(self) -> list[str]:
        """Their names, for the message of a test."""
        found, task = [], ""
        for line in self.output.splitlines():
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                task = line.rstrip(" *")
            elif line.startswith("changed:"):
                found.append(f"{task} {line}")
        return found


class Playbook:
    """``site.yml`` with the inventory of that name, its addresses as they stand there."""

    def __init__(self, network: Network, inventory: str, directory: Path, **variables: object) -> None:
        self._network = network
        self._programs = programs(network.images.cache)
        self._inventory = ANSIBLE / "inventories" / inventory / "hosts.yml"
        self._directory = directory
        self.pepper = secrets.token_hex(32)
        self._variables = directory / "variables.json"
        directory.mkdir(parents=True, exist_ok=True)
        values = {
            "ansible_ssh_private_key_file": str(network.key),
            "ansible_ssh_common_args": " ".join(QUIET_SSH),
            "cardswitch_secret_pepper": self.pepper,
            "cardswitch_secret_database_password": secrets.token_hex(16),
            "cardswitch_secret_console_token": secrets.token_hex(16),
            "cardswitch_pki_dir": str(directory / "pki"),
            "release_build_dir": str(network.images.cache / "releases"),
            **variables,
        }
        self._variables.touch(mode=0o600)
        self._variables.write_text(json.dumps(values))

    def hosts(self) -> dict[str, str]:
        """Names and addresses of the inventory."""
        done = self._ansible("ansible-inventory", "--list", timeout_s=120)
        variables = json.loads(done.stdout)["_meta"]["hostvars"]
        return {name: values["ansible_host"] for name, values in variables.items()}

    def run(self, *options: str, timeout_s: float = RUN_TIMEOUT_S) -> Recap:
        """One run of site.yml; its output is kept beside the variables."""
        began = time.monotonic()
        done = self._ansible("ansible-playbook", str(ANSIBLE / "site.yml"), *options, timeout_s=timeout_s)
        recap = Recap(done.stdout + done.stderr, time.monotonic() - began)
        number = len(list(self._directory.glob("run-*.log")))
        (self._directory / f"run-{number}.log").write_text(recap.output)
        for line in recap.output.splitlines():
            if found := re.match(r"(\S+) +: (ok=.*)", line):
                recap.hosts[found[1]] = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", found[2])}
        assert done.returncode == 0, f"the playbook failed, see {self._directory}: {failure(recap.output)}"
        return recap

    def _ansible(self, program: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._directory / "ansible-home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "8",
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self._programs}:{os.environ['PATH']}",
        }
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [str(self._programs / program), "-i", str(self._inventory), "-e", f"@{self._variables}", *arguments],
            env=environment,
            cwd=ANSIBLE,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )


def failure(output: str) -> str:
    """The last task that failed and what it said."""
    at = max(output.rfind("\nfatal:"), output.rfind("[ERROR]"), 0)
    task = output.rfind("TASK [", 0, at)
    return output[max(task, 0) : at + 3000]
