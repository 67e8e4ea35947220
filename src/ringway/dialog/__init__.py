"""Dialogs: what two user agents have agreed on, without the requests themselves (RFC 3261 §12).

dialog.py         one dialog: tags, route set, remote target, sequence numbers
secure.py         when our Contact must be a sips URI
session_timer.py  how long a session lives unless it is refreshed (RFC 4028)
reliable.py       provisional responses that are acknowledged (RFC 3262)
refusal.py        how a request within a dialog is refused
negotiation.py    whose turn it is to offer and to answer (RFC 3264, RFC 6337)
"""
