"""The user agent without its sockets: registers over flows, calls and is called.

settings.py   what one user agent is told
services.py   what its parts share
events.py     what the application hears
agent.py      takes what the endpoint receives to the part it is for
screening.py  what is looked at before a request is acted on (RFC 3261 §8.2)
incoming.py   a request outside a dialog that the application answers

flows/        registrations over flows, kept alive and made anew (RFC 5626 §4)
requests/     one request through challenges, servers, flows and redirects (RFC 3261 §8.1)
calls/        calls made and received, and what happens in them (RFC 3261 §12 to §15)
"""
