"""When certificates end, read from real ones."""

import subprocess
import time
from pathlib import Path

from rating.keeper.certificates import ends_of

DAY_S = 86_400


def certificate(directory: Path, days: int) -> Path:
    file = directory / f"{days}-days.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=edge", "-days", str(days)]
    command += ["-keyout", str(directory / "key"), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return file


def test_the_end_of_a_certificate(tmp_path: Path) -> None:
    file = certificate(tmp_path, 30)
    left_s = ends_of([file])[file.name] - time.time()
    assert 29 * DAY_S < left_s <= 30 * DAY_S


def test_what_cannot_be_read_is_long_over(tmp_path: Path) -> None:
    """So that its alert fires: a certificate nobody can read is as bad as none."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    assert ends_of([broken, tmp_path / "missing.pem"]) == {"broken.pem": 0, "missing.pem": 0}
