"""Calls (RFC 3261 §12 to §15).

calling.py          a call that is made (§13.2)
called.py           a call that is received (§13.3)
progress.py         what it says before it is answered (RFC 3262 §3)
call.py             what the application can do with both
session.py          one dialog of a call, and the requests within it (§12.2, §15)
confirm.py          a 2xx and its ACK, both sides (§13.2.2.4, §13.3.1.4)
offers.py           re-INVITE, UPDATE and the session timer (§14, RFC 3311, RFC 4028)
transfer.py         REFER, both sides (RFC 3515)
transfer_report.py  the NOTIFY requests that tell how it goes
replaces.py         which call an INVITE takes the place of (RFC 3891)
"""
