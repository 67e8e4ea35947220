"""The server: configuration, wiring, lifecycle and the control socket.

values.py     addresses, durations and the like, read from text
config.py     every setting, with its default and its limits
load.py       TOML, environment and command line into one configuration, and what is wrong in it
keys.py       the keys of flow tokens, kept over restarts
core.py       the pure node: events of the endpoint to the role they are for
server.py     a running server: listeners, stores, start and stop
control.py    the socket by which `ringway bindings` and `ringway redirect` talk to it
"""
