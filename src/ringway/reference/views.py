"""What there is to show, in one language: values that hold no logic.

Texts are as in the data files, with their marks (`ringway.reference.markup`); lists are
in the order in which they are to be shown.
"""

from dataclasses import dataclass

from ringway.codes import Fix, Language, Outlook


@dataclass(frozen=True, slots=True)
class Brief:
    """One code in a list.

    Attributes:
        status: The status code.
        phrase: The reason phrase, as on the wire.
        term: The usual term in the language shown; in English the reason phrase.
        brief: What it means, in one sentence, without marks.
    """

    status: int
    phrase: str
    term: str
    brief: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What Ringway does on a response, in one circumstance.

    Attributes:
        role: Who does it, as "Proxy".
        when: In which circumstance, as "for REGISTER"; empty when always.
        effects: The table's effects in order, by their names in the table.
        does: The same as a sentence.
        why: The table's reason for it, with the RFC section.
    """

    role: str
    when: str
    effects: tuple[str, ...]
    does: str
    why: str


@dataclass(frozen=True, slots=True)
class LeavesAs:
    """What a proxy of ours passes on instead of the response.

    Attributes:
        when: In which circumstance.
        status: The status that is sent; None when nothing is sent.
        why: The table's reason for it, with the RFC section.
    """

    when: str
    status: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A Q.850 cause and what it says.

    Attributes:
        number: The cause.
        text: What it says, in the words of Q.850.
    """

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an RFC.

    Attributes:
        name: As "RFC 5626 §11.5".
        url: Where to read it.
    """

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Http:
    """A status code of HTTP.

    Attributes:
        status: The status code.
        phrase: Its reason phrase.
    """

    status: int
    phrase: str


@dataclass(frozen=True, slots=True)
class CodePage:
    """Everything about one code.

    Attributes:
        language: The language of the texts.
        status: The status code.
        phrase: The reason phrase, as on the wire.
        term: The usual term in this language; in English the reason phrase.
        status_class: The class, as "4xx".
        class_name: What the class is called, as "request failure".
        brief: What it means, in one sentence.
        means: What it means, a paragraph to an entry.
        seen_when: When you see it.
        fix: How to fix it, by who can.
        deeds: What Ringway does on it.
        leaves_as: What a proxy of ours passes on instead.
        outlook: What becomes of the call.
        mistakes: What real equipment gets wrong about it.
        example: A small response, a line to an entry.
        decides: The index of the line of `example` that decides.
        example_note: Why that line decides.
        methods: The methods it answers; ("*",) is every method but ACK.
        sent_by: Who may be the first to send it.
        must_carry: Header fields that it must carry.
        must_carry_one_of: Header fields of which it must carry at least one.
        should_carry: Header fields that it should carry.
        may_carry: Further header fields worth a look.
        cacheable: For how long its Contacts may be used again.
        send_when: A clause that goes on from "Send it when ...".
        not_when: A clause that goes on from "Do not send it when ...".
        sections: Where the RFCs define it, the defining section first.
        related: Codes to read next.
        http: The nearest HTTP code, if there is one.
        q850: The cause that a gateway sends for it (RFC 3398 §8.2.6.1), if it names one.
        from_q850: The causes that a gateway answers with it (RFC 3398 §7.2.4.1).
        keywords: Words and symptoms that people search with.
    """

    language: Language
    status: int
    phrase: str
    term: str
    status_class: str
    class_name: str
    brief: str
    means: tuple[str, ...]
    seen_when: tuple[str, ...]
    fix: Fix
    deeds: tuple[Deed, ...]
    leaves_as: tuple[LeavesAs, ...]
    outlook: Outlook
    mistakes: tuple[str, ...]
    example: tuple[str, ...]
    decides: int
    example_note: str
    methods: tuple[str, ...]
    sent_by: tuple[str, ...]
    must_carry: tuple[str, ...]
    must_carry_one_of: tuple[str, ...]
    should_carry: tuple[str, ...]
    may_carry: tuple[str, ...]
    cacheable: str
    send_when: str
    not_when: str
    sections: tuple[Section, ...]
    related: tuple[Brief, ...]
    http: Http | None
    q850: Cause | None
    from_q850: tuple[Cause, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two codes of a comparison.

    Attributes:
        status: The status code.
        phrase: The reason phrase, as on the wire.
        term: The usual term in this language; in English the reason phrase.
        brief: What it means, in one sentence.
        means: What it means, a paragraph to an entry.
        seen_when: When you see it.
        fix: How to fix it, by who can.
        send_when: A clause that goes on from "Send it when ...".
        not_when: A clause that goes on from "Do not send it when ...".
    """

    status: int
    phrase: str
    term: str
    brief: str
    means: tuple[str, ...]
    seen_when: tuple[str, ...]
    fix: Fix
    send_when: str
    not_when: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Two codes along one axis.

    Attributes:
        axis: What is compared, as "who acts".
        first: What holds for the first code.
        second: What holds for the second code.
    """

    axis: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two codes side by side.

    Attributes:
        language: The language of the texts.
        summary: What tells them apart, in a paragraph.
        first: The first code.
        second: The second code.
        key_differences: The differences worth a sentence, most telling first; empty for a
            pair that nobody has written about.
        differences: The two along each axis, the axes on which they differ first.
        choose: When to use which, a sentence or paragraph to an entry.
    """

    language: Language
    summary: str
    first: Side
    second: Side
    key_differences: tuple[str, ...]
    differences: tuple[Difference, ...]
    choose: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A possible answer to a question of a guide.

    Attributes:
        say: The answer.
        go: The id of the next question; empty when this answer ends the guide.
        codes: The codes it leads to.
        fix: What to do then; empty when a question follows.
    """

    say: str
    go: str = ""
    codes: tuple[int, ...] = ()
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a guide.

    Attributes:
        id: Its name within the guide.
        ask: The question.
        how: How to find the answer out.
        answers: The possible answers.
    """

    id: str
    ask: str
    how: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """A short tree from a symptom to a fix; the first question is where it begins.

    Attributes:
        id: Its name, as "call-does-not-arrive".
        title: The symptom.
        intro: Whom it is for, in a sentence.
        questions: The questions.
    """

    id: str
    title: str
    intro: str
    questions: tuple[Question, ...]
