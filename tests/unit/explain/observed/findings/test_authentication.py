"""Credentials that were refused, once and again."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, look, nearly, shows
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen


def challenge(
    scene: Scene, request: Seen, nonce: str, *, more: str = "", realm: str = "example.com"
) -> Seen:
    value = f'Digest realm="{realm}", nonce="{nonce}"{more}'
    return scene.reply(request, 401, headers=(("WWW-Authenticate", value),))


def register(scene: Scene, number: int, nonce: str = "", *, realm: str = "example.com") -> Seen:
    headers: Headers = ()
    if nonce:
        value = (
            f'Digest username="bob", realm="{realm}", nonce="{nonce}", '
            'uri="sip:example.com", response="00"'
        )
        headers = (("Authorization", value),)
    return scene.request(
        "bob", "server", "REGISTER", "sip:example.com", cseq=number, headers=headers
    )


class TestRefused:
    def test_once(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        tried = register(scene, 2, "n1")
        refused = challenge(scene, tried, "n2")
        found = shows(scene, "credentials-refused")
        assert found.frames == (*tried.frames, *refused.frames)
        assert found.facts["user"] == "bob"
        nearly(scene, "authentication-loop")

    def test_again_and_again(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        for number in (2, 3, 4):
            challenge(scene, register(scene, number, f"n{number - 1}"), f"n{number}")
        found = shows(scene, "authentication-loop")
        assert found.facts["times"] == "3"
        assert len(found.frames) == 6
        hides(scene, "credentials-refused")

    def test_a_proxy_and_the_server_behind_it_use_one_name(self) -> None:
        """The proxy took its credentials; who asks now is another."""
        scene = Scene()
        value = 'Digest realm="example.com", nonce="{}"'
        first = register(scene, 1)
        scene.reply(first, 407, headers=(("Proxy-Authenticate", value.format("p1")),))
        mine = f'{value.format("p1")}, username="bob", response="0"'
        second = scene.request(
            "bob", "server", "REGISTER", "x:y", cseq=2, headers=(("Proxy-Authorization", mine),)
        )
        challenge(scene, second, "s1")
        healthy(scene)

    @pytest.mark.parametrize(
        ("status", "asks", "answers"),
        [
            (401, "WWW-Authenticate", "Authorization"),
            (407, "Proxy-Authenticate", "Proxy-Authorization"),
        ],
    )
    def test_either_may_refuse(self, status: int, asks: str, answers: str) -> None:
        scene = Scene()
        value = 'Digest realm="example.com", nonce="n{}"'
        for number in (1, 2):
            mine: Headers = ()
            if number == 2:
                mine = ((answers, f'{value.format(1)}, username="bob", response="0"'),)
            sent = scene.request("bob", "server", "INVITE", AOR, cseq=number, headers=mine)
            scene.ack(scene.reply(sent, status, headers=((asks, value.format(number)),)))
        assert shows(scene, "credentials-refused").status == status

    def test_two_clients_each_once(self) -> None:
        """Two phones with one Call-ID: neither tries twice."""
        scene = Scene()
        headers = (
            (
                "Authorization",
                'Digest username="bob", realm="example.com", nonce="n1", response="0"',
            ),
        )
        first = register(scene, 1)
        challenge(scene, first, "n1")
        challenge(scene, register(scene, 2, "n1"), "n2")
        other = scene.request("carol", "server", "REGISTER", "x:y", cseq=3, headers=headers)
        challenge(scene, other, "n3")
        shows(scene, "credentials-refused")
        hides(scene, "authentication-loop")

    def test_two_names_each_once(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        challenge(scene, register(scene, 2, "n1"), "n2")
        other = register(scene, 3, "n2")
        data = other.data.replace(b'username="bob"', b'username="rob"')
        scene.items.remove(other)
        challenge(scene, scene.raw("bob", "server", data), "n3")
        assert sorted(each.facts["user"] for each in look(scene)) == ["bob", "rob"]

    def test_refused_with_another_code(self) -> None:
        """403 says no to who it is, not to how he proves it."""
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        scene.reply(register(scene, 2, "n1"), 403)
        healthy(scene)

    def test_accepted(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        scene.reply(register(scene, 2, "n1"), 200)
        healthy(scene)
        nearly(scene, "credentials-refused")

    def test_the_nonce_was_too_old(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        challenge(scene, register(scene, 2, "n1"), "n2", more=", stale=TRUE")
        scene.reply(register(scene, 3, "n2"), 200)
        healthy(scene)

    def test_an_old_nonce_and_a_server_that_does_not_say_stale(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        scene.reply(register(scene, 2, "n1"), 200)
        challenge(scene, register(scene, 3, "n1"), "n2")
        scene.reply(register(scene, 4, "n2"), 200)
        healthy(scene)

    def test_a_nonce_from_before_the_capture(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 7, "old"), "n1")
        scene.reply(register(scene, 8, "n1"), 200)
        healthy(scene)

    def test_an_older_nonce_proves_nothing(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 7, "old"), "n1")
        healthy(scene)

    def test_a_nonce_that_was_good_once_proves_nothing(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        scene.reply(register(scene, 2, "n1"), 200)
        challenge(scene, register(scene, 3, "n1"), "n2")
        healthy(scene)

    def test_through_a_proxy_it_is_one_attempt(self) -> None:
        scene = Scene()
        for number, nonce in ((1, ""), (2, "n1")):
            onward = scene.forward(register(scene, number, nonce), "registrar")
            scene.back(challenge(scene, onward, f"n{number}"))
        assert shows(scene, "credentials-refused").facts["client"] == str(scene.place("bob"))

    def test_corrected_in_the_end(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1")
        challenge(scene, register(scene, 2, "n1"), "n2")
        scene.reply(register(scene, 3, "n2"), 200)
        healthy(scene)

    def test_two_realms_ask_in_turn(self) -> None:
        scene = Scene()
        challenge(scene, register(scene, 1), "n1", realm="one")
        challenge(scene, register(scene, 2, "n1", realm="one"), "n2", realm="other")
        scene.reply(register(scene, 3, "n2", realm="other"), 200)
        healthy(scene)

    @pytest.mark.parametrize("value", ["Basic Ym9i", "Digest", 'Digest realm="x', "", "Digest ="])
    def test_what_cannot_be_read(self, value: str) -> None:
        scene = Scene()
        request = scene.request(
            "bob", "server", "REGISTER", AOR, headers=(("Authorization", value),)
        )
        scene.reply(request, 401, headers=(("WWW-Authenticate", value),))
        healthy(scene)
