"""The only module that touches ``KSR``, Kamailio's interface to Python.

Everything here returns a real ``bool``, ``str | None`` or ``int``. KEMI functions answer 1 for yes and -1 for no, which
is true in Python; pseudo-variables raise UnicodeDecodeError on bytes that are not UTF-8, and answer None, int or str.
A request with such bytes in a field we read counts as one without that field.
"""

from collections.abc import Iterator
from typing import Any

import KSR

NO_TEXT = ("", None)
EDGE, FORKS, WAITING, COUNTERS, BEGUN = (
    "edge",
    "forks",
    "waiting",
    "counters",
    "begun",
)  # the tables of kamailio/python.cfg


def _yes(answer: int | bool | None) -> bool:
    return answer is not None and int(answer) > 0


# -- what the message says


def get(name: str) -> str | None:
    """The pseudo-variable ``name`` as text; None when it is not there, empty, or not UTF-8."""
    try:
        value = KSR.pv.get(name)
    except UnicodeDecodeError:
        return None
    return None if value in NO_TEXT else str(value)


def get_int(name: str) -> int:
    """The pseudo-variable ``name`` as a number; 0 when it is none."""
    value = get(name)
    try:
        return int(value) if value is not None else 0
    except ValueError:
        return 0


def set_text(name: str, value: str) -> None:
    KSR.pv.sets(name, value)


def set_number(name: str, value: int) -> None:
    KSR.pv.seti(name, value)


def header(name: str) -> str | None:
    """The body of the first header ``name``."""
    return get(f"$hdr({name})")


def method() -> str:
    return get("$rm") or ""


def is_method(names: str) -> bool:
    """``names``: like "INVITE|UPDATE"."""
    return _yes(KSR.is_method(names))


def source() -> tuple[str, int]:
    """Address and port the message came from."""
    return get("$si") or "", get_int("$sp")


def arrived_at(address: tuple[str, int]) -> bool:
    """Whether the message came in at that listener of ours, which may be for all addresses."""
    host, port = address
    return get_int("$Rp") == port and (host in ("0.0.0.0", "::") or get("$Ri") == host)  # noqa: S104 - compared


def has_to_tag() -> bool:
    return _yes(KSR.siputils.has_totag())


def has_sdp() -> bool:
    return _yes(KSR.textops.has_body_type("application/sdp"))


def reply_to_own_request() -> bool:
    """Whether the reply has one Via, ours: nobody is behind us who waits for it. Vias may share a header line."""
    return get("$hdrc(Via)") == "1" and "," not in (header("Via") or "")


def reply_is_expected() -> bool:
    """Whether the reply at hand is to a transaction that is known."""
    return _yes(KSR.tm.t_check_trans())


def reply_status() -> int:
    """Status of the reply in a reply route."""
    return get_int("$rs")


# -- what the message becomes


def append_header(line: str) -> None:
    """``line``: name, colon and body, without line end."""
    KSR.hdr.append(line + "\r\n")


def append_reply_header(line: str) -> None:
    """For the reply that this process sends next to the request at hand."""
    KSR.hdr.append_to_reply(line + "\r\n")


def remove_headers(pattern: str) -> None:
    """Removes all headers whose name matches the POSIX regular expression."""
    KSR.textops.remove_hf_re(pattern)


def set_request_uri(uri: str) -> bool:
    return _yes(KSR.seturi(uri))


def set_next_hop(uri: str) -> None:
    KSR.setdsturi(uri)


def next_hop_is_set() -> bool:
    return _yes(KSR.isdsturiset())


def drop() -> None:
    """A reply that is being processed is not forwarded."""
    KSR.set_drop()


# -- flags of the transaction


def set_flag(flag: int) -> None:
    KSR.setflag(flag)


def clear_flag(flag: int) -> None:
    KSR.resetflag(flag)


def flag(flag: int) -> bool:
    return _yes(KSR.isflagset(flag))


# -- replies and transactions


def reply_stateless(status: int, reason: str) -> None:
    KSR.sl.send_reply(status, reason)


def reply(status: int, reason: str) -> bool:
    """Within a transaction."""
    return _yes(KSR.tm.t_reply(status, reason))


def retransmission() -> bool:
    """Whether the request belongs to a transaction that is known, which has then dealt with it."""
    if _yes(KSR.tmx.t_precheck_trans()):
        KSR.tm.t_check_trans()
        return True
    return KSR.tm.t_check_trans() == 0  # -1: new; 0: tm has repeated its reply


def cancel_known() -> bool:
    """Whether the INVITE that this CANCEL is for is known."""
    return _yes(KSR.tm.t_check_trans())


def new_transaction() -> bool:
    return _yes(KSR.tm.t_newtran())


def canceled() -> bool:
    return _yes(KSR.tm.t_is_canceled())


def send_request(method: str, uri: str, next_hop: str, headers: str) -> None:
    """A request of our own; ``headers``: From, To, Call-ID, CSeq among them, each with its line end."""
    KSR.tm.t_uac_send(method, uri, next_hop or ".", ".", headers, "")


def acknowledges_known() -> bool:
    """Whether this ACK is for a transaction that is known (a negative reply of the far end)."""
    return _yes(KSR.tm.t_check_trans())


def relay() -> bool:
    """Sends the request on within its transaction. 0 is no failure: tm answers so in an async worker."""
    return int(KSR.tm.t_relay()) >= 0


def on_branch(callback: str) -> None:
    KSR.tm.t_on_branch(callback)


def on_reply(callback: str) -> None:
    KSR.tm.t_on_reply(callback)


def on_failure(callback: str) -> None:
    KSR.tm.t_on_failure(callback)


def set_timeouts_ms(*, final: int, any_reply: int) -> None:
    """How long a branch may go without a final reply, and without any."""
    KSR.tm.t_set_fr(final, any_reply)


def failure_status() -> int:
    """The status a failure route deals with; 408 also when nothing came."""
    return int(KSR.tm.t_get_status_code())


def run_in_async_worker(callback: str) -> bool:
    """Suspends the transaction; ``callback`` goes on with it in a process that may wait. 0 is success."""
    return int(getattr(KSR, "async").task_route(callback)) >= 0


# -- limits and sanity


def hops_exceeded(maximum: int) -> bool:
    return int(KSR.maxfwd.process_maxfwd(maximum)) < 0


def flooding() -> bool:
    return not _yes(KSR.pike.pike_check_req())


def sane(message_checks: int, uri_checks: int) -> bool:
    """False when the message is malformed; sanity has then replied if it could."""
    return _yes(KSR.sanity.sanity_check(message_checks, uri_checks))


def behind_nat(tests: int) -> bool:
    return _yes(KSR.nathelper.nat_uac_test(tests))


def remember_rport() -> None:
    KSR.force_rport()


def use_source_as_contact() -> None:
    """Rewrites Contact to where the request came from, and applies it at once: the dialog's BYE goes there."""
    KSR.nathelper.fix_nated_contact()
    KSR.textopsx.msg_apply_changes()


def is_for_us() -> bool:
    return _yes(KSR.is_myself_ruri())


def identity_holds(certificate: str) -> bool:
    """Whether the Identity header is signed with the key of that certificate file, and fresh."""
    return _yes(KSR.secsipid.secsipid_check_identity(certificate))


# -- routes


def record_route() -> None:
    KSR.rr.record_route()


def loose_route() -> bool:
    return _yes(KSR.rr.loose_route())


def select_destination(group: int) -> bool:
    """Sets the next hop to the first live destination of the dispatcher's group; False when none lives."""
    return _yes(KSR.dispatcher.ds_select_dst(group, 4))


def next_destination() -> bool:
    return _yes(KSR.dispatcher.ds_next_dst())


def destination_lives(group: int, uri: str) -> bool:
    """Whether the dispatcher has that destination and its probes are answered."""
    return _yes(KSR.dispatcher.ds_is_active_uri(group, uri))


def reload_destinations() -> bool:
    """False also when the list was loaded less than five seconds ago."""
    return _yes(KSR.dispatcher.ds_reload())


def mark_destination_failed() -> None:
    KSR.dispatcher.ds_mark_dst_state("ip")


# -- dialogs


def manage_dialog() -> bool:
    """Makes a dialog of the call. Properties set before are the dialog's, its timeout must be set after."""
    KSR.pv.seti("$dlg_ctx(timeout_bye)", 1)
    KSR.pv.sets("$dlg_ctx(timeout_route)", "enabled")
    return _yes(KSR.dialog.dlg_manage())


def set_dialog_timeout(seconds: int) -> bool:
    return _yes(KSR.dialog.dlg_set_timeout(seconds))


def set_dialog_timeout_by_id(seconds: int, entry: int, dialog_id: int) -> bool:
    return _yes(KSR.dialog.dlg_set_timeout_id(seconds, entry, dialog_id))


def end_dialog(entry: int, dialog_id: int) -> bool:
    """BYE to both sides; False when there is no such dialog."""
    KSR.jsonrpcs.exec(f'{{"jsonrpc":"2.0","id":1,"method":"dlg.end_dlg","params":[{entry},{dialog_id}]}}')
    return '"error"' not in str(KSR.jsonrpcs.response())


def set_dialog_variable(name: str, value: str) -> None:
    KSR.dialog.var_sets(name, value)


def dialog_variable(name: str) -> str | None:
    return get(f"$dlg_var({name})")


# -- media relay


def media_offer(flags: str) -> bool:
    return _yes(KSR.rtpengine.rtpengine_offer(flags))


def media_answer(flags: str) -> bool:
    return _yes(KSR.rtpengine.rtpengine_answer(flags))


def media_delete(flags: str) -> bool:
    return _yes(KSR.rtpengine.rtpengine_delete(flags))


# -- the tables that all processes share


def claimed(key: str) -> str | None:
    """What was claimed under ``key`` in the last minute."""
    return shared(key, FORKS)


def claim(key: str, value: str) -> None:
    KSR.htable.sht_sets(FORKS, key, value)


def begin_call(callid: str) -> bool:
    """Notes that a call with this Call-ID has begun; False when one runs already. One step: they may come at once."""
    return int(KSR.htable.sht_inc(BEGUN, callid) or 0) == 1


def forget_call(callid: str) -> None:
    KSR.htable.sht_rm(BEGUN, callid)


def shared(key: str, table: str = EDGE) -> str | None:
    try:
        value = KSR.htable.sht_get(table, key)
    except UnicodeDecodeError:
        return None
    return None if value is None else str(value)


def shared_number(key: str, table: str = EDGE) -> int:
    value = shared(key, table)
    return int(value) if value else 0


def share(key: str, value: str) -> None:
    KSR.htable.sht_sets(EDGE, key, value)


def share_number(key: str, value: int) -> None:
    """``value`` fits 31 bits."""
    KSR.htable.sht_seti(EDGE, key, value)


def keep_waiting(text: str, most: int) -> bool:
    """Adds to the texts that all processes keep; False when there are ``most`` already, or no memory is left."""
    number = int(KSR.htable.sht_inc(COUNTERS, "waits") or 0)
    if number <= 0 or number - shared_number("waited", COUNTERS) > most:
        return False
    return int(KSR.htable.sht_sets(WAITING, f"{number:012}", text)) >= 0


def waiting() -> Iterator[tuple[str, str]]:
    """What was kept and not yet forgotten, in its order, with its key."""
    for number in range(shared_number("waited", COUNTERS) + 1, shared_number("waits", COUNTERS) + 1):
        key = f"{number:012}"
        text = shared(key, WAITING)
        if text is not None:
            yield key, text


def forget_waiting(key: str) -> None:
    """``key`` and all before it are done with."""
    KSR.htable.sht_rm(WAITING, key)
    KSR.htable.sht_seti(COUNTERS, "waited", int(key))


# -- HTTP and RPC


def http_reply(status: int, reason: str, content_type: str, body: str) -> None:
    KSR.xhttp.xhttp_reply(status, reason, content_type, body)


def http_rpc() -> None:
    """Answers the HTTP request at hand as JSON-RPC."""
    KSR.jsonrpcs.dispatch()


# -- log


def log_error(text: str) -> None:
    KSR.err(_printable(text) + "\n")


def log_warning(text: str) -> None:
    KSR.warn(_printable(text) + "\n")


def log_info(text: str) -> None:
    KSR.info(_printable(text) + "\n")


def _printable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def call(name: str) -> Any:
    """For the stub generator's test only: the raw function ``module.name``."""
    found: Any = KSR
    for part in name.split("."):
        found = getattr(found, part)
    return found
