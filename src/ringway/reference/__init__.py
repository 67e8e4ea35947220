"""The reference: what a response means, when you see it, how to fix it, any two compared.

Everything people read is put together here once, as the values of `views.py`; the command
line, the web pages and the API only show them.

- views.py      what there is to show: a code, a comparison, a search hit, a guide
- labels.py     the words around it, in each language
- deeds.py      what Ringway does on a response, read from the table
- page.py       the page of one code
- compare.py    the page of two codes, `pairs.py` what is written about some pairs by hand
- search.py     from a number, word, header, RFC or symptom to codes
- guide.py      from a symptom to a fix, by questions
- markup.py     the marks in the texts: SIP, links, effects
- catalogue.py  `ringway.codes[430]`
"""
