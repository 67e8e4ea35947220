"""The configuration of a server.

values.py    addresses, durations and the like, read from text
fields.py    kinds of settings, and what is said of wrong ones
sections.py  the tables, with each setting's default and limits
settings.py  all of it, and how it has to fit together
load.py      TOML, environment and command line into one configuration, and what is wrong in it
reload.py    what can change while a server runs
"""
