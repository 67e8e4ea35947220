"""`ringway explain`: a capture, told as a story.

command.py   the command and its options
run.py       reads, explains, writes, and the exit status
source.py    where a capture comes from, and how far it is read
live.py      an interface as an endless capture
hep_in.py    what servers send by HEP, as an endless capture
as_text.py   stories, findings and ladders for a terminal
as_json.py   one object a line for programs
"""
