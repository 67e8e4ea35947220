"""What docs/ takes from the source: tables, diagrams and stories, written between markers.

    python -m docs.generate            # bring everything up to date
    python -m docs.generate --check    # say what is stale, change nothing

configuration.py   the tables of reference/configuration.md
commands.py        reference/command-line.md
agent.py           reference/agent-events.md, and the exit statuses of reference/command-line.md
findings.py        the tables and examples of reference/findings.md
machines.py        the diagrams of the transaction state machines
stories.py         what `ringway demo` tells, in README.md and how-to/read-a-story.md
pages.py           the markers
"""
