"""The user agent as a library for asyncio: `ringway.UserAgent`.

user_agent.py  registers, calls, takes calls, sends messages
call.py        one call, made or taken
reply.py       what came of a single request
account.py     who it is: names, passwords, addresses, and what is wrong with them
state.py       the instance-id, kept over restarts
network.py     which address others reach us at
"""
