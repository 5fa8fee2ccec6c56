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
    # those of the RFC that are not above, in its order
    "escaped_where_it_may_be": "INVITE sip:sips%3Auser%40example.com@127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + _CSEQ
    + _END,
    "percent_that_escapes_nothing": "RE%47IST%45R sip:127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 1 RE%47IST%45R\r\n"
    + _END,
    "no_space_before_angle_bracket": "OPTIONS sip:user@127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME.replace("From: <", "From: caller<")
    + "CSeq: 1 OPTIONS\r\n"
    + _END,
    "long_values": _LINE
    + _VIA
    + _FRAME
    + _CSEQ
    + "Unknown-"
    + "Long" * 40
    + ": "
    + "unknown-value" * 60
    + "\r\nExtra: "
    + "e" * 4000
    + "\r\n"
    + _END,
    "octets_after_the_message": "OPTIONS sip:127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 1 OPTIONS\r\n"
    + _END
    + _LINE
    + _VIA,
    "semicolon_in_user": "INVITE sip:user;par=u%40example.net@127.0.0.1 SIP/2.0\r\n" + _VIA + _FRAME + _CSEQ + _END,
    "varied_transports": "OPTIONS sip:user@127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + "".join(
        f"Via: SIP/2.0/{kind} t1.example.com;branch=z9hG4bK{kind}\r\n" for kind in ("SCTP", "TLS", "UNKNOWN", "TCP")
    )
    + _FRAME
    + "CSeq: 1 OPTIONS\r\n"
    + _END,
    "multipart": _LINE
    + _VIA
    + _FRAME
    + _CSEQ
    + "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\r\nContent-Length: 92\r\n\r\n--7a9cbec02ceef655\r\n"
    "Content-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\n\x00\xff\r\n--7a9cbec02ceef655--\r\n",
    "unusual_reason_phrase": "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe\r\n" + _VIA + _FRAME + _CSEQ + _END,
    "no_reason_phrase": "SIP/2.0 100 \r\n" + _VIA + _FRAME + _CSEQ + _END,
    "contact_with_escaped_headers": "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME.replace("<sip:x@127.0.0.10:{{PORT}}>", "sip:user@example.com?Route=%3Csip:sip.example.com%3E")
    + "CSeq: 1 REGISTER\r\n"
    + _END,
    "space_within_addr_spec": _LINE
    + _VIA
    + _FRAME.replace("To: <sip:442071234567", "To: <sip:44 2071234567")
    + _CSEQ
    + _END,
    "separators_in_display_name": _LINE + _VIA + _FRAME.replace("From: <", "From: Bell, Alexander <") + _CSEQ + _END,
    "branch_without_anything": "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.10:{{PORT}};branch=z9hG4bK\r\n"
    + _FRAME
    + "CSeq: 1 OPTIONS\r\n"
    + _END,
    "novel_scheme": "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n" + _VIA + _FRAME + "CSeq: 1 OPTIONS\r\n" + _END,
    "novel_schemes_in_headers": "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME.replace("To: <sip:442071234567@127.0.0.1>", "To: isbn:2983792873").replace("<sip:x@", "<name:x@")
    + "CSeq: 1 REGISTER\r\n"
    + _END,
    "unknown_extension_required": _LINE
    + _VIA
    + _FRAME
    + _CSEQ
    + "Require: nothingSupportsThis, nothingSupportsThisEither\r\nProxy-Require: noProxiesSupportThis\r\n"
    + _END,
    "unknown_content_type": _LINE
    + _VIA
    + _FRAME
    + _CSEQ
    + "Content-Type: application/unknownformat\r\nContent-Length: 5\r\n\r\n<a/>x",
    "unknown_authorization": "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 1 REGISTER\r\nAuthorization: NoOneKnowsThisScheme opaque-data=here\r\n"
    + _END,
    "request_uri_with_parameter": "OPTIONS sip:user@127.0.0.1;unknownparam=verylong;x SIP/2.0\r\n"
    + _VIA
    + _FRAME
    + "CSeq: 1 OPTIONS\r\n"
    + _END,
    "escaped_route_in_contact": "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
    + _VIA
    + _FRAME.replace("<sip:x@127.0.0.10:{{PORT}}>", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")
    + "CSeq: 1 REGISTER\r\n"
    + _END,
    "accepts_no_session_description": _LINE + _VIA + _FRAME + _CSEQ + "Accept: text/nobodyKnowsThis\r\n" + _END,
    "of_rfc_2543": "INVITE sip:442071234567@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.10:{{PORT}}\r\n"
    "From: <sip:12125550001@127.0.0.10>\r\nTo: <sip:442071234567@127.0.0.1>\r\nCall-ID: {id}@x\r\nCSeq: 1 INVITE\r\n"
    + _END,
}
MESSAGES = {name: _message(name, text) for name, text in _TEXTS.items()}
