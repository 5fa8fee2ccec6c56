"""Datagrams as text and back, byte for byte, with the spellings set right that sippy 2.5 misreads.

sippy works on ``str``: it counts Content-Length in characters and splits lines with ``str.splitlines``. So a byte
becomes one character (Latin-1), and the characters at which ``splitlines`` would split but SIP does not (RFC 3261 7.3.1
knows CRLF only) are moved out of the way, into the private use area, until the text is sent.
"""

import re

_SPLITTERS = "\x0b\x0c\x1c\x1d\x1e\x85"
_HIDE = {ord(char): 0xE000 + ord(char) for char in _SPLITTERS}
_SHOW = {hidden: char for char, hidden in _HIDE.items()}

# "To: <sip:a@b> ; tag=x" is legal (RFC 3261 25.1: SEMI = SWS ";" SWS); sippy would see a parameter " tag".
_SPACED = re.compile(r"^(from|to|contact|route|record-route|f|t|m)([ \t]*:.*>.*)$", re.IGNORECASE | re.MULTILINE)
_SEMICOLON = re.compile(r"[ \t]*;[ \t]*")


def to_text(datagram: bytes) -> str:
    """One character a byte."""
    return datagram.decode("latin-1").translate(_HIDE)


def to_datagram(text: str) -> bytes:
    """The inverse of ``to_text``."""
    return text.translate(_SHOW).encode("latin-1", "replace")


def tidy(text: str) -> str:
    """The message with the white space around the parameters of address headers taken away; the body is untouched."""
    head, blank, body = text.partition("\r\n\r\n")
    if "; " not in head and " ;" not in head and ";\t" not in head and "\t;" not in head:
        return text
    return _SPACED.sub(_close_up, head) + blank + body


def _close_up(line: re.Match[str]) -> str:
    address, bracket, parameters = line[2].rpartition(">")
    return line[1] + address + bracket + _SEMICOLON.sub(";", parameters)
