"""When certificates end, so that an alert comes before they do."""

import logging
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path

LOG = logging.getLogger(__name__)
PREFIX = "notAfter="


def ends_of(files: Iterable[Path]) -> dict[str, int]:
    """Epoch seconds by file name, of the first certificate in each PEM file; what cannot be read is 0: long over."""
    return {file.name: _end_of(file) for file in files}


def _end_of(file: Path) -> int:
    try:
        done = subprocess.run(
            ["openssl", "x509", "-enddate", "-noout", "-in", str(file)],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return ssl.cert_time_to_seconds(done.stdout.strip().removeprefix(PREFIX))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        LOG.warning("%s cannot be read as a certificate: %s", file, error)
        return 0
