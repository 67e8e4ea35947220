"""Marked text as HTML. Everything that is not a mark is escaped here, and nowhere else."""

from functools import lru_cache

from markupsafe import Markup

from ringway.codes import Language
from ringway.reference.markup import Kind, section_url, spans
from ringway.reference.page import brief
from ringway.web.words import words

_SIP = Markup("<code>{}</code>")
_CODE = Markup('<a class="code c{}" href="{}.html" title="{}">{}</a>')
_STRONG = Markup("<strong>{}</strong>")
_EMPHASIS = Markup("<em>{}</em>")
_EFFECT = Markup('<span class="effect">{}</span>')
_RFC = Markup('<a class="rfc" href="{}">{}</a>')


@lru_cache(maxsize=16_384)
def marked(text: str, language: Language) -> Markup:
    """Return a text as HTML that may stand within a paragraph.

    Links to codes are relative to the folder of the language.

    Args:
        text: The text with its marks; see `ringway.reference.markup`.
        language: The language that effects and links are named in.
    """
    return Markup().join(_piece(kind, piece, language) for kind, piece in spans(text))


def _piece(kind: Kind, text: str, language: Language) -> Markup:
    match kind:
        case Kind.SIP:
            return _SIP.format(text)
        case Kind.CODE:
            return _CODE.format(text[0], text, brief(int(text), language).term, text)
        case Kind.EFFECT:
            return _EFFECT.format(words(language)[f"effect_{text}"])
        case Kind.STRONG:
            return _STRONG.format(text)
        case Kind.EMPHASIS:
            return _EMPHASIS.format(text)
        case Kind.RFC:
            return _RFC.format(section_url(text), text)
        case _:
            return Markup.escape(text)
