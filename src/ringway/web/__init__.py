"""The reference as web pages and as a JSON API, and how they are served.

What there is to show comes from `ringway.reference`; here it only gets its HTML. A page has
one path, `en/302-vs-430.html`, which is a file of the static site and an address of the
server, so every link is relative and both are made by the same function.

- words.py     the words of the pages that no other face of the reference needs
- marks.py     marked text as HTML
- render.py    the templates, and what they may call
- pages.py     which paths there are, and the page at each
- assets.py    style, script, and the data that the script searches
- site.py      all of it as files; links.py checks them
- content.py   a body as it goes over HTTP: packed, with its ETag
- api.py       the JSON API; app.py the whole application
- observed.py  the page of a capture, for `ringway explain --html`
- serving.py   the application beside a SIP server, in its event loop
"""
