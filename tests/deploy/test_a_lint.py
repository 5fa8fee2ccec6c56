"""What ansible-lint says of the playbook; before the hosts, because it is quick."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy.images import Images
from tests.deploy.playbook import ANSIBLE, programs


@pytest.mark.timeout(900)
def test_ansible_lint_finds_nothing(images: Images, tmp_path: Path) -> None:
    found = programs(images.cache)
    environment = os.environ | {
        "PATH": f"{found}:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(found / "ansible-lint"), "--offline", "--nocolor", "-q", "site.yml"],
        cwd=ANSIBLE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
