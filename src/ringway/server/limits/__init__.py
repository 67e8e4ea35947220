"""The bounds that are about requests and peers; those about bytes are the endpoint's.

guard.py     what a server takes upon itself, and from whom
sources.py   what is remembered of each source address
overload.py  which requests are shed when the loop cannot keep up
"""
