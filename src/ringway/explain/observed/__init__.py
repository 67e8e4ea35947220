"""Traffic that somebody observed, told as stories, with what was wrong in it.

model.py     messages on hops, the exchanges they make, the conversations these belong to
tracer.py    from items in order to conversations, with bounded memory
flows.py     what is known of connections and keep-alives over time
tell.py      a conversation as a story, and the verdict
finding.py   something that went wrong, and what proves it
findings/    what is looked for
words.py     the sentences, in English and Chinese
explain.py   all of it put together, conversation by conversation
view.py      what is shown of a conversation: masked, escaped, in one language
ladder.py    the messages as columns and arrows; mask.py hides names; summary.py counts
labels.py    the words around it all
"""
