"""The shell around the pure core: sockets, TLS, DNS, the clock and the timers.

    sockets.py    sockets bound the way every listener needs them
    udp.py        one datagram socket, drained at each wake-up, with its ICMP errors
    stream.py     one TCP, TLS, WS or WSS connection
    tls.py        the two TLS contexts
    resolver.py   DNS answers for `ringway.transport.nexthop`, cached by TTL
    driver.py     the endpoint's events in, its commands out, on one clock
    process.py    what a server process asks of the interpreter and the system
    stores/       where bindings and redirects survive a restart

Nothing here decides anything about SIP. What arrives becomes an event of the endpoint, what the
endpoint commands is done, and `now` is handed down from one clock.
"""
