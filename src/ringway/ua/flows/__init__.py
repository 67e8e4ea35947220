"""Registrations over flows (RFC 5626 §4).

outbound.py      all of them, one for each outbound proxy
registration.py  one of them
registrant.py    what it says of itself
registering.py   one try to register
register.py      what a REGISTER says, and what its answer grants
recovery.py      the one owner of all waits before another try (§4.5)
keep_alive.py    whether a flow still works (§4.4)
"""
