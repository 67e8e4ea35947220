"""SIP messages: URIs, header values, requests and responses; parsing and serialising.

`parse_datagram` and `parse_stream_message` are the only way in from the wire; `build_*` and
`Message.edit` make messages of our own. Everything is pure, and values do not change.
"""

from ringway.message.build import build_ack, build_cancel, build_request, build_response
from ringway.message.headers import (
    CSeq,
    NameAddr,
    Reason,
    Via,
    Warning399,
    parse_cseq,
    parse_delta,
    parse_name_addr,
    parse_params,
    parse_reason,
    parse_via,
    parse_warning,
    quote,
    split_values,
    unquote,
)
from ringway.message.message import Draft, Message, Request, Response
from ringway.message.names import canonical_name, is_token, pretty_name
from ringway.message.parser import (
    MAX_HEAD,
    MAX_HEADERS,
    body_length,
    parse_datagram,
    parse_stream_message,
    validate,
)
from ringway.message.uri import Params, Uri, host_text, parse_host, parse_uri, unescape

__all__ = [
    "MAX_HEAD",
    "MAX_HEADERS",
    "CSeq",
    "Draft",
    "Message",
    "NameAddr",
    "Params",
    "Reason",
    "Request",
    "Response",
    "Uri",
    "Via",
    "Warning399",
    "body_length",
    "build_ack",
    "build_cancel",
    "build_request",
    "build_response",
    "canonical_name",
    "host_text",
    "is_token",
    "parse_cseq",
    "parse_datagram",
    "parse_delta",
    "parse_host",
    "parse_name_addr",
    "parse_params",
    "parse_reason",
    "parse_stream_message",
    "parse_uri",
    "parse_via",
    "parse_warning",
    "pretty_name",
    "quote",
    "split_values",
    "unescape",
    "unquote",
    "validate",
]
