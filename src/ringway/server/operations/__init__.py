"""What operators see and do while a server runs.

control.py         what the control socket answers, for `ringway bindings` and `ringway redirect`
control_socket.py  the socket itself
metrics.py         the numbers, for Prometheus
observing.py       metrics and health over HTTP
hep.py             copies of all messages for a collector such as Homer
hep_link.py        the way to that collector, by UDP or TCP
drain.py           the end: no new work, what is under way may finish
systemd.py         readiness, and sockets that systemd opened
"""
