# ruff: noqa: E501 - wire text
"""Torture messages after RFC 4475, rewritten as a trunk would send them to us: valid odd ones, and broken ones."""

_FRAME = (
    "From: <sip:12125550001@127.0.0.10>;tag=t\r\nTo: <sip:442071234567@127.0.0.1>\r\nCall-ID: {id}@x\r\nMax-Forwards: 70\r\n"
    "Contact: <sip:x@127.0.0.10:{{PORT}}>\r\n"
)
_VIA = "Via: SIP/2.0/UDP 127.0.0.10:{{PORT}};branch=z9hG4bK{id}\r\n"
_LINE = "INVITE sip:442071234567@127.0.0.1 SIP/2.0\r\n"
_CSEQ = "CSeq: 1 INVITE\r\n"
_END = "Content-Length: 0\r\n\r\n"


def _message(name: str, text: str) -> bytes:
    return text.format(id=name).encode("latin-1")


_TEXTS = {
    # 3.1.1 valid, but hard
    "short_tortuous": "OPTIONS sip:vivekg@127.0.0.1;unknownparam SIP/2.0\r\nTO :\r\n sip:vivekg@127.0.0.1 ;   tag = 1918181833n\r\n"
    'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@127.0.0.10>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n'
    "Call-ID: {id}@192.0.2.1\r\nContent-Length   : 0\r\ncseq: 0009\r\n  OPTIONS\r\nVia  : SIP  /   2.0\r\n /UDP\r\n"
    "    127.0.0.10;branch=390skdjuw\r\ns :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\r\n",
    "escaped_nulls": "OPTIONS sip:null-%00-null@127.0.0.1 SIP/2.0\r\n" + _VIA + _FRAME + "CSeq: 1 OPTIONS\r\n" + _END,
    "wide_range_of_characters": "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    ":&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 139122385 !interesting-Method"
    "0123456789_*+`.%indeed'~\r\n" + _END,
    # 3.1.2 broken
    "extraneous_separators": _LINE + "Via: SIP/2.0/UDP 127.0.0.10;;,;,,\r\n" + _FRAME + _CSEQ + _END,
    "content_length_larger_than_message": _LINE + _VIA + _FRAME + _CSEQ + "Content-Length: 9999\r\n\r\nv=0\r\n",
    "negative_content_length": _LINE + _VIA + _FRAME + _CSEQ + "Content-Length: -999\r\n\r\nv=0\r\n",
    "overlarge_scalars": _LINE
    + _VIA
    + _FRAME
    + "CSeq: 36893488147419103232 INVITE\r\nExpires: 10000000000000000000\r\n"
    + _END,
    "overlarge_response": "SIP/2.0 4294967301 better not break the receiver\r\n" + _VIA + _FRAME + _CSEQ + _END,
    "unterminated_quote": _LINE + _VIA + _FRAME.replace("To: <", 'To: "Mr. J. User <') + _CSEQ + _END,
    "uri_in_angle_brackets": "INVITE <sip:442071234567@127.0.0.1> SIP/2.0\r\n" + _VIA + _FRAME + _CSEQ + _END,
    "spaces_in_request_uri": "INVITE sip:442071234567@127.0.0.1; lr SIP/2.0\r\n" + _VIA + _FRAME + _CSEQ + _END,
    "spaces_between_fields": "INVITE  sip:442071234567@127.0.0.1  SIP/2.0\r\n" + _VIA + _FRAME + _CSEQ + _END,
    "trailing_spaces": "OPTIONS sip:127.0.0.1 SIP/2.0  \r\n" + _VIA + _FRAME + "CSeq: 1 OPTIONS\r\n" + _END,
    "escaped_headers_in_uri": "INVITE sip:442071234567@127.0.0.1?Route=%3Csip:x.example%3E SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + _CSEQ
    + _END,
    "unknown_time_zone": _LINE
    + _VIA
    + _FRAME
    + _CSEQ
    + "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n"
    + _END.replace("0", "-"),
    "failure_to_enclose_name_addr": _LINE
    + _VIA
    + _FRAME.replace("From: <sip:12125550001@127.0.0.10>", "From: sip:a@b?x=%20")
    + "CSeq: x INVITE\r\n"
    + _END,
    "unknown_protocol_version": "OPTIONS sip:127.0.0.1 SIP/7.0\r\n"
    + _VIA.replace("2.0", "7.0")
    + _FRAME
    + "CSeq: 1 OPTIONS\r\n"
    + _END,
    "method_mismatch": _LINE + _VIA + _FRAME + "CSeq: 8 NOTIFY\r\n" + _END,
    "unknown_method_mismatch": "NEWMETHOD sip:442071234567@127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 8 INVITE\r\n"
    + _END,
    # 3.3 application layer
    "missing_required_headers": "INVITE sip:442071234567@127.0.0.1 SIP/2.0\r\nCSeq: 193942 INVITE\r\n"
    + _VIA
    + "l: 0\r\n\r\n",
    "unknown_uri_scheme": "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 1 OPTIONS\r\n"
    + _END,
    "multiple_single_headers": _LINE + _VIA + _FRAME + _FRAME + _CSEQ + "CSeq: 59 INVITE\r\nMax-Forwards: 5\r\n" + _END,
    "multiple_content_lengths": _LINE
    + _VIA
    + _FRAME
    + _CSEQ
    + "Content-Length: 13\r\nContent-Length: 5\r\n\r\nThere's no way",
    "max_forwards_zero": _LINE + _VIA + _FRAME.replace("Max-Forwards: 70", "Max-Forwards: 0") + _CSEQ + _END,
    "response_to_nobody": "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.99:5060;branch=z9hG4bKx\r\n"
    + _FRAME
    + _CSEQ
    + _END,
    "empty": "\r\n\r\n",
    "garbage": "\x00\x01\x02\xff\xfe\r\n\r\n",
    "http": "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    "no_end": "INVITE sip:442071234567@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.10",
    "folded_forever": _LINE + _VIA + _FRAME + _CSEQ + "Subject:" + "\r\n x" * 500 + "\r\nContent-Length: oops\r\n\r\n",
    "many_vias": _LINE + _VIA * 200 + _FRAME + "CSeq: 1 MESSAGE\r\n" + _END,
}
MESSAGES = {name: _message(name, text) for name, text in _TEXTS.items()}
