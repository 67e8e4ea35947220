"""The user agent's commands: register, call, answer, message, options.

options.py   who we are, over which proxies, with which password
lines.py     an event as a line for people, or as JSON
exits.py     the exit status of each outcome
session.py   one command's user agent, from start to end
register.py  `ringway register`
call.py      `ringway call`
answer.py    `ringway answer`
send.py      `ringway message` and `ringway options`
"""
