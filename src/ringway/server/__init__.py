"""The server: a node that registers, forwards and redirects, and what it takes to run one.

server.py        a running server: listeners, stores, start and stop
core.py          the pure node: events of the endpoint to the role they are for
wiring.py        from the configuration to the settings of each role
admission.py     asks a handler about each new request and does what it decides
policy.py        what a handler may decide, and the default one
app.py           a module of one's own with such a handler
trust.py         users and peers, from the configuration
certificates.py  TLS contexts, from the configuration
failed.py        which redirect rules a failure calls for
keys.py          the keys of flow tokens, kept over restarts

config/          every setting with its default and limits; TOML, environment, command line
limits/          what is taken on from whom, and what is shed under load
operations/      control socket, metrics, health, drain, systemd
"""
