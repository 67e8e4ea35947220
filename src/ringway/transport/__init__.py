"""Flows, framing, Via, flow tokens and the choice of the next hop; no sockets.

| module | what | RFC |
| --- | --- | --- |
| ``flow`` | addresses, flows, next hops | RFC 5626 §2 |
| ``frames``, ``framing`` | byte streams to messages and keep-alives | RFC 3261 §18.3 |
| ``websocket`` | the same for WebSocket | RFC 7118 |
| ``stun`` | keep-alives over UDP | RFC 5389, RFC 5626 §8 |
| ``via`` | where responses go | RFC 3261 §18.2, RFC 3581 |
| ``token`` | flow tokens | RFC 5626 §5.2 |
| ``nexthop`` | where requests go | RFC 3263 |
"""
