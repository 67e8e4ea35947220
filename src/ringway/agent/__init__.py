"""The user agent as a library for asyncio: `ringway.UserAgent`.

user_agent.py  registers, calls, takes calls, sends messages
call.py        one call, made or taken
request.py     a request outside a call that somebody else sent
reply.py       what came of a single request of ours
events.py      events that wait for who reads them
account.py     who it is: names, passwords, addresses, and what is wrong with them
state.py       the instance-id, kept over restarts
network.py     which address others reach us at
"""
