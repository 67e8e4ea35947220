"""`ringway demo`: the main job on real sockets, told as a story.

phone.py      a small phone, enough to be called, to move and to lose its connections
script.py     what happens in the demonstration, and what must come of it
"""
