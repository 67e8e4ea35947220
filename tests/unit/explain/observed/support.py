"""A scene: who sent what to whom, written down as the traffic somebody saw.

    scene = Scene()
    invite = scene.request("alice", "edge", "INVITE", "sip:bob@example.com")
    onward = scene.forward(invite, "bob")
    ok = scene.reply(onward, 200)
    scene.back(ok)
    scene.items

Every place has an address of its own: alice is 192.0.2.1:5060, the next one 192.0.2.2:5060, and so
on; `at` gives another. Each message comes 10 ms after the one before, in a frame of its own.
"""

from __future__ import annotations

from ringway.capture.items import Closed, Item, KeepAlive, Opened, Seen, Trouble, Unreachable
from ringway.errors import ParseError
from ringway.message import Request, Response, parse_datagram
from ringway.transport.flow import Address

START = 1_700_000_000.0

PHRASES = {100: "Trying", 180: "Ringing", 200: "OK", 302: "Moved Temporarily", 430: "Flow Failed"}

Headers = tuple[tuple[str, str], ...]


class Scene:
    """Builds items in order.

    Args:
        transport: of every message that does not say otherwise.
        call_id: of every request that does not say otherwise.
        at: when it begins, seconds since the epoch.
        places: addresses of places that are not to get one of their own.
    """

    def __init__(
        self,
        transport: str = "udp",
        call_id: str = "call-1",
        at: float = START,
        places: dict[str, Address] | None = None,
    ) -> None:
        self.transport = transport
        self.call_id = call_id
        self.now = at
        self.items: list[Item] = []
        self.places: dict[str, Address] = dict(places or {})
        self._frame = 0
        self._branch = 0
        # Who sent the request with this branch, and from which message it was forwarded.
        self._sent: dict[str, Seen] = {}

    def place(self, name: str, address: Address | None = None) -> Address:
        """Return the address of a place; give it one, or another one."""
        if address is not None:
            self.places[name] = address
        elif name not in self.places:
            self.places[name] = Address(f"192.0.2.{len(self.places) + 1}", 5060)
        return self.places[name]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def request(
        self,
        source: str,
        target: str,
        method: str,
        uri: str,
        *,
        caller: str = "",
        callee: str = "",
        from_tag: str = "",
        to_tag: str = "",
        call_id: str = "",
        cseq: int = 1,
        branch: str = "",
        via: str = "",
        headers: Headers = (),
        body: bytes = b"",
        transport: str = "",
        cseq_method: str = "",
    ) -> Seen:
        """Send a request.

        Args:
            source: The place that sends it.
            target: The place it is sent to.
            method: Its method.
            uri: Its Request-URI.
            caller: The URI of From; sip:SOURCE@example.com if it is left out.
            callee: The URI of To; the Request-URI if it is left out.
            from_tag: The tag of From; SOURCE-tag if it is left out.
            to_tag: The tag of To, if there is one.
            call_id: The Call-ID; the scene's if it is left out.
            cseq: The number of CSeq.
            branch: The branch; a new one if it is left out.
            via: What stands in the top Via as sent-by, if it is not the address of the source.
            headers: More headers: Contact, Route, Expires ...
            body: The body.
            transport: udp, tcp, tls, ws or wss; the scene's if it is left out.
            cseq_method: The method of CSeq, to make it differ.
        """
        transport = transport or self.transport
        branch = branch or self.new_branch()
        sent_by = via or str(self.place(source))
        tag = f";tag={to_tag}" if to_tag else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{transport.upper()} {sent_by};branch={branch};rport",
            f"From: <{caller or f'sip:{source}@example.com'}>;tag={from_tag or f'{source}-tag'}",
            f"To: <{callee or uri}>{tag}",
            f"Call-ID: {call_id or self.call_id}",
            f"CSeq: {cseq} {cseq_method or method}",
            "Max-Forwards: 70",
        ]
        seen = self._message(source, target, transport, lines, headers, body)
        self._sent.setdefault(branch, seen)
        return seen

    def forward(
        self,
        seen: Seen,
        target: str,
        *,
        source: str = "",
        uri: str = "",
        branch: str = "",
        headers: Headers = (),
        transport: str = "",
        drop: tuple[str, ...] = (),
    ) -> Seen:
        """Send a request on from where it arrived, with one more Via.

        Args:
            seen: The request as it arrived.
            target: The place it is sent to.
            source: The place that sends it, if not the one it arrived at.
            uri: Another Request-URI.
            branch: The branch; a new one if it is left out.
            headers: More headers, on top: Record-Route ...
            transport: The transport; the scene's if it is left out.
            drop: Headers to leave out, in lower case.
        """
        assert isinstance(seen.message, Request)
        transport = transport or self.transport
        branch = branch or self.new_branch()
        source = source or self.name(seen.target)
        via = f"SIP/2.0/{transport.upper()} {self.place(source)};branch={branch}"
        draft = seen.message.edit()
        for name in drop:
            draft.remove(name)
        draft.prepend("Via", via)
        for name, value in headers:
            draft.prepend(name, value)
        if uri:
            draft.uri(uri)
        onward = self.raw(source, target, draft.build().to_bytes(), transport=transport)
        self._sent[branch] = onward
        self._sent[f"before {branch}"] = seen
        return onward

    def reply(
        self,
        request: Seen,
        status: int,
        *,
        phrase: str = "",
        to_tag: str = "",
        headers: Headers = (),
        body: bytes = b"",
    ) -> Seen:
        """Answer a request from where it arrived to where it came from.

        Args:
            request: The request as it arrived.
            status: The code.
            phrase: The reason phrase, if not a usual one.
            to_tag: The tag of To; PLACE-tag if it is left out, none for a 100.
            headers: More headers: Contact, Retry-After ...
            body: The body.
        """
        message = request.message
        assert isinstance(message, Request)
        source = self.name(request.target)
        lines = [f"SIP/2.0 {status} {phrase or PHRASES.get(status, 'Whatever')}"]
        tag = "" if status == 100 or message.to_tag else f";tag={to_tag or f'{source}-tag'}"
        for name, line in message.lines():
            if name in {"via", "from", "call-id", "cseq", "record-route"}:
                lines.append(line)
            elif name == "to":
                lines.append(line + tag)
        return self._message(
            source, self.name(request.source), request.transport, lines, headers, body
        )

    def back(self, response: Seen, *, status: int = 0) -> Seen:
        """Send a response on from where it arrived, with one Via less.

        Args:
            response: The response as it arrived.
            status: Another code.
        """
        message = response.message
        assert isinstance(message, Response)
        before = self._sent[f"before {message.top_via.branch}"]
        draft = message.edit()
        draft.pop_value("via")
        data = draft.build().to_bytes()
        if status:
            data = (
                f"SIP/2.0 {status} {PHRASES.get(status, 'Whatever')}".encode()
                + data[data.index(b"\r\n") :]
            )
        return self.raw(
            self.name(before.target), self.name(before.source), data, transport=before.transport
        )

    def ack(self, response: Seen, *, target: str = "", headers: Headers = ()) -> Seen:
        """Acknowledge a final response to INVITE, from where it arrived.

        The ACK to a failure has the branch of the INVITE (RFC 3261 §17.1.1.3), that to a 2xx its
        own, and goes to the Contact.
        """
        message = response.message
        assert isinstance(message, Response)
        sent = self._sent[message.top_via.branch]
        assert isinstance(sent.message, Request)
        failed = message.status >= 300
        contacts = message.contacts
        uri = sent.message.uri_text if failed or not contacts else contacts[0].uri_text
        return self.request(
            self.name(sent.source),
            target or self.name(sent.target),
            "ACK",
            uri,
            caller=message.from_.uri_text,
            callee=message.to.uri_text,
            from_tag=message.from_tag,
            to_tag=message.to_tag,
            call_id=message.call_id,
            cseq=message.cseq.number,
            branch=message.top_via.branch if failed else "",
            headers=headers,
            transport=sent.transport,
        )

    def cancel(self, invite: Seen) -> Seen:
        """Cancel an INVITE, on the hop where it was seen (RFC 3261 §9.1)."""
        message = invite.message
        assert isinstance(message, Request)
        return self.request(
            self.name(invite.source),
            self.name(invite.target),
            "CANCEL",
            message.uri_text,
            caller=message.from_.uri_text,
            callee=message.to.uri_text,
            from_tag=message.from_tag,
            call_id=message.call_id,
            cseq=message.cseq.number,
            branch=message.top_via.branch,
            transport=invite.transport,
        )

    def repeat(self, seen: Seen, after: float = 0.5) -> Seen:
        """Send the same message again, so many seconds after now."""
        self.wait(after - 0.01)
        return self.raw(
            self.name(seen.source), self.name(seen.target), seen.data, transport=seen.transport
        )

    def raw(self, source: str, target: str, data: bytes, *, transport: str = "") -> Seen:
        """Send octets, whatever they are."""
        message, fault = read(data)
        seen = Seen(
            *self._next(),
            transport or self.transport,
            self.place(source),
            self.place(target),
            message,
            fault,
            data,
        )
        self.items.append(seen)
        return seen

    def opened(self, source: str, target: str, transport: str = "") -> None:
        """Open a connection."""
        at, frames = self._next()
        ends = (self.place(source), self.place(target))
        self.items.append(Opened(at, frames, transport or self.transport, *ends))

    def closed(self, source: str, target: str, how: str = "closed", transport: str = "") -> None:
        """Close a connection: closed, reset or refused."""
        at, frames = self._next()
        ends = (self.place(source), self.place(target))
        self.items.append(Closed(at, frames, transport or self.transport, *ends, how))

    def keep_alive(
        self,
        source: str,
        target: str,
        kind: str = "crlf",
        *,
        answer: bool = False,
        mapped: Address | None = None,
        transport: str = "",
    ) -> None:
        """Send a sign of life."""
        at, frames = self._next()
        over = transport or self.transport
        ends = (self.place(source), self.place(target))
        self.items.append(KeepAlive(at, frames, over, *ends, kind, answer, mapped))

    def unreachable(self, source: str, target: str, reason: str = "port unreachable") -> None:
        """Say that what the source sent could not be delivered to the target."""
        self.items.append(
            Unreachable(*self._next(), self.place(source), self.place(target), reason)
        )

    def trouble(self, text: str) -> None:
        """Say that something could not be read."""
        self.items.append(Trouble(*self._next(), text))

    def new_branch(self) -> str:
        """Return a branch that no request has."""
        self._branch += 1
        return f"z9hG4bK-{self._branch}"

    def name(self, address: Address) -> str:
        """Return the place with this address."""
        return next(name for name, other in self.places.items() if other == address)

    def _next(self) -> tuple[float, tuple[int, ...]]:
        self.now = round(self.now + 0.01, 6)
        self._frame += 1
        return self.now, (self._frame,)

    def _message(
        self,
        source: str,
        target: str,
        transport: str,
        lines: list[str],
        headers: Headers,
        body: bytes,
    ) -> Seen:
        lines = [*lines, *(f"{name}: {value}" for name, value in headers)]
        lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join([*lines, "", ""]).encode() + body
        return self.raw(source, target, data, transport=transport)


def read(data: bytes) -> tuple[Request | Response | None, str]:
    """Return a message as far as it can be read, and what is wrong with it."""
    try:
        return parse_datagram(data), ""
    except ParseError as error:
        message = error.message
        return (message if isinstance(message, Request | Response) else None), error.reason
