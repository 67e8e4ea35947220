"""The words around the texts: the same ones in every language, none missing."""

import string

from ringway.codes import Effect, Language, Role, Sender
from ringway.reference.deeds import reasons_of_the_table
from ringway.reference.labels import labels, reasons


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_language_has_the_same() -> None:
    assert labels(Language.EN).keys() == labels(Language.ZH).keys()


def test_they_are_filled_in_alike() -> None:
    for name, english in labels(Language.EN).items():
        if name.startswith("summary_class"):
            continue
        assert fields(english) == fields(labels(Language.ZH)[name]), name


def test_the_words_of_the_table_have_labels() -> None:
    for language in Language:
        words = labels(language)
        assert all(f"effect_{each}" in words and f"does_{each}" in words for each in Effect)
        assert all(f"role_{each}" in words for each in Role)
        assert all(f"sender_{each}" in words for each in Sender)


def test_every_reason_of_the_table_is_translated_and_no_other() -> None:
    assert reasons(Language.ZH).keys() == reasons_of_the_table()


def test_a_translated_reason_names_the_same_sections() -> None:
    for english, chinese in reasons(Language.ZH).items():
        sections = {word.strip("(),.;:") for word in english.split() if "§" in word}
        assert all(each in chinese for each in sections), english
