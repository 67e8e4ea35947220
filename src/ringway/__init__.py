"""Ringway: a SIP server, user agent and reference that keeps calls reaching people.

`ringway.codes` is the reference: `ringway.codes[430].page("zh")`,
`ringway.codes[302].compare(430)`, `ringway.codes.search("flow")`.
"""

from ringway.reference.catalogue import Codes, codes

__all__ = ["Codes", "codes"]
