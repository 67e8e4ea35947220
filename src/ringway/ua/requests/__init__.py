"""One request of the application, and what comes of it (RFC 3261 §8.1).

sending.py      the request through challenges, servers, flows and redirects
outgoing.py     what is to be sent, and the request made of it for each attempt
attempt.py      one of those attempts
ways.py         over which flow or to which server it goes (RFC 5626 §4.3, RFC 3263)
resting.py      servers that want to be left alone for a while (RFC 3261 §21.5.4)
corrections.py  what a refusal asks to be different (RFC 3261 §8.1.3.5)
redirects.py    the target set of a redirect, its policy and its memory (RFC 3261 §8.1.3.4)
report.py       what is said of it all, to the application and in the story
"""
