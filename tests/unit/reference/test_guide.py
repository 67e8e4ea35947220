"""The guides: short trees that end in a fix, the same ones in every language."""

import pytest

from ringway.codes import TABLE, Language
from ringway.reference.guide import guides
from ringway.reference.markup import Kind, spans
from ringway.reference.views import Guide


def shape(guide: Guide) -> list[object]:
    """What must not differ between languages."""
    return [
        (question.id, [(answer.go, answer.codes) for answer in question.answers])
        for question in guide.questions
    ]


def test_every_language_has_the_same_trees() -> None:
    en, zh = guides(Language.EN), guides(Language.ZH)
    assert [each.id for each in en] == [each.id for each in zh]
    assert [shape(each) for each in en] == [shape(each) for each in zh]


def test_the_four_symptoms_are_there() -> None:
    assert [each.id for each in guides(Language.EN)] == [
        "call-does-not-arrive",
        "registration-fails",
        "forward-or-transfer-fails",
        "works-then-stops",
    ]


@pytest.mark.parametrize("language", Language)
class TestEachTree:
    def test_an_answer_leads_to_a_question_or_to_a_fix(self, language: Language) -> None:
        for guide in guides(language):
            names = {question.id for question in guide.questions}
            for question in guide.questions:
                for answer in question.answers:
                    assert bool(answer.go) is not bool(answer.fix), answer.say
                    assert not answer.go or answer.go in names
                    assert bool(answer.codes) is bool(answer.fix)

    def test_every_question_is_come_to_once_and_none_twice(self, language: Language) -> None:
        for guide in guides(language):
            led_to = [a.go for q in guide.questions for a in q.answers if a.go]
            assert sorted(led_to) == sorted(q.id for q in guide.questions[1:])

    def test_codes_and_marks_lead_somewhere(self, language: Language) -> None:
        for guide in guides(language):
            for question in guide.questions:
                for answer in question.answers:
                    assert set(answer.codes) <= set(TABLE)
                    for kind, said in spans(answer.fix):
                        assert kind is not Kind.CODE or int(said) in TABLE
