"""Views as JSON: the same for the command line and the API, texts without their marks."""

from dataclasses import fields, is_dataclass
from typing import Any, cast

from ringway.codes import Language
from ringway.reference.markup import plain


def as_json(view: object, language: Language) -> Any:
    """Return a view, or a tuple of views, as what JSON can hold.

    Args:
        view: A value of `ringway.reference.views`.
        language: The language that effects in its texts are named in.
    """
    if isinstance(view, str):
        return plain(view, language)
    if isinstance(view, tuple | list):
        if hasattr(view, "_asdict"):
            return as_json_fields(view._asdict(), language)
        return [as_json(each, language) for each in view]
    if is_dataclass(view):
        return as_json_fields(
            {field.name: getattr(view, field.name) for field in fields(view)}, language
        )
    return cast(Any, view)


def as_json_fields(found: dict[str, object], language: Language) -> dict[str, Any]:
    """Return named values as a JSON object."""
    return {name: as_json(value, language) for name, value in found.items()}
