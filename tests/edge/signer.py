"""A carrier that signs calls: a key, its certificate in the edge's directory, Identity headers (RFC 8588)."""

import base64
import json
import subprocess
import time
from pathlib import Path

from kemi.settings import certificate_file

ORIGIN_ID = "de305d54-75b4-431b-adb2-eb6b9e546014"


class Signer:
    """Its certificate is known to the edge when ``certificates`` is the edge's directory."""

    def __init__(self, directory: Path, certificates: Path, url: str = "https://certs.example/shaken.pem") -> None:
        directory.mkdir()
        certificates.mkdir(exist_ok=True)
        self.url = url
        self._key = directory / "key.pem"
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self._key))
        request = ["req", "-new", "-x509", "-days", "2", "-subj", "/CN=SHAKEN test", "-key", str(self._key)]
        _openssl(*request, "-out", str(certificate_file(certificates, url)))

    def identity(self, ani: str, dnis: str, level: str, *, age_s: int = 0) -> str:
        """An Identity header, as a line."""
        head: dict[str, object] = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": self.url}
        claims: dict[str, object] = {
            "attest": level,
            "dest": {"tn": [dnis]},
            "iat": int(time.time()) - age_s,
            "orig": {"tn": ani},
        }
        signed = f"{_encoded(head)}.{_encoded(claims | {'origid': ORIGIN_ID})}"
        signature = _base64(_raw(_openssl("dgst", "-sha256", "-sign", str(self._key), text=signed.encode())))
        return f"Identity: {signed}.{signature};info=<{self.url}>;alg=ES256;ppt=shaken"


def _openssl(*arguments: str, text: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=text, capture_output=True, check=True, timeout=20).stdout


def _encoded(content: dict[str, object]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(der: bytes) -> bytes:
    """The two numbers of a DER signature, 32 bytes each, as RFC 7518 wants them."""
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers
