"""RFC 3891: a call takes the place of another."""

import pytest
from tests.unit.ua.calls.test_transfer import failed, names
from tests.unit.ua.support import ANSWER, Heard, Party, Town

from ringway.message import parse_datagram
from ringway.ua.calls.call import Call

ALICE = "<sip:alice@example.com>"


class Scene(Town):
    """Alice and bob in a call, and carol who wants bob."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.to_bob, self.bob, _ = self.pair()
        self.carol = self.party("carol")
        self.what = names(self.bob.calls[0])

    def replace(self, what: str, by: str = ALICE, *more: tuple[str, str]) -> Heard:
        return ask(self, self.carol, self.bob, what, by, *more)


def ask(town: Town, who: Party, whom: Party, what: str, by: str, *more: tuple[str, str]) -> Heard:
    heard = who.call(whom.uri, headers=(("Replaces", what), ("Referred-By", by), *more))
    town.run(0.5)
    return heard


@pytest.fixture
def scene() -> Scene:
    return Scene()


class TestSection3:
    def test_a_confirmed_dialog_gets_bye(self, scene: Scene) -> None:
        heard = scene.replace(scene.what)
        replacing = scene.bob.calls[1]
        assert replacing.replaces is scene.bob.calls[0]
        scene.bob.do(replacing.answer, ANSWER)
        scene.run(0.5)
        assert heard.kinds == ["Answered"]
        assert scene.to_bob.kinds == ["Ended"]
        order = [each for each in scene.ladder if each in {"200 INVITE", "BYE"}]
        assert order[:2] == ["200 INVITE", "BYE"]

    def test_one_that_cannot_be_accepted_leaves_the_other_alone(self, scene: Scene) -> None:
        heard = scene.replace(scene.what)
        scene.bob.do(scene.bob.calls[1].reject, 488)
        scene.run(0.5)
        assert failed(heard) == 488
        assert scene.bob.calls[0].up

    @pytest.mark.parametrize(
        "more", [("Replaces", "a;to-tag=b;from-tag=c"), ("Join", "a;to-tag=b;from-tag=c")]
    )
    def test_contradictions(self, scene: Scene, more: tuple[str, str]) -> None:
        assert failed(scene.replace(scene.what, ALICE, more)) == 400

    def test_in_another_method(self, scene: Scene) -> None:
        session = scene.to_bob.call.session
        assert session is not None
        scene.alice.do(scene.to_bob.call.info, b"x", "text/plain", (("Replaces", scene.what),))
        scene.run(0.5)
        said = [parse_datagram(each.data).start_line for each in scene.network.seen]
        assert any(line.startswith("SIP/2.0 400") for line in said)

    def test_no_match(self, scene: Scene) -> None:
        assert failed(scene.replace("nothing;to-tag=a;from-tag=b")) == 481

    def test_the_tags_the_other_way_round(self, scene: Scene) -> None:
        call_id, to_tag, from_tag = scene.what.split(";")
        turned = ";".join(
            (call_id, to_tag.replace("to-", "from-"), from_tag.replace("from-", "to-"))
        )
        assert failed(scene.replace(turned)) == 481

    def test_lately_ended(self, scene: Scene) -> None:
        scene.alice.do(scene.to_bob.call.hang_up)
        scene.run(0.5)
        assert failed(scene.replace(scene.what)) == 603

    def test_not_authorized(self, scene: Scene) -> None:
        assert failed(scene.replace(scene.what, "<sip:mallory@example.com>")) == 403

    def test_early_only_and_confirmed(self, scene: Scene) -> None:
        assert failed(scene.replace(f"{scene.what};early-only")) == 486

    def test_an_early_dialog_that_we_began_gets_cancel(self) -> None:
        town = Town()
        alice, bob, carol = (town.party(each) for each in ("alice", "bob", "carol"))
        first = alice.call(bob.uri)
        town.run(0.5)
        bob.do(bob.calls[0].ring)
        town.run(0.5)
        second = ask(town, carol, alice, early(first.call), f"<{bob.uri}>")
        alice.do(alice.calls[0].answer, ANSWER)
        town.run(0.5)
        assert second.kinds == ["Answered"]
        assert first.kinds == ["Ringing", "Ended"]
        assert bob.heard[0].kinds == ["Ended"]
        assert "CANCEL" in town.ladder

    def test_an_early_dialog_that_we_did_not_begin(self) -> None:
        town = Town()
        alice, bob, carol = (town.party(each) for each in ("alice", "bob", "carol"))
        alice.call(bob.uri)
        town.run(0.5)
        bob.do(bob.calls[0].ring)
        town.run(0.5)
        assert failed(ask(town, carol, bob, names(bob.calls[0]), ALICE)) == 481
        assert bob.calls[0].waits


class TestSection4:
    def test_what_is_sent(self, scene: Scene) -> None:
        other = scene.carol.call(scene.alice.uri)
        scene.run(0.5)
        scene.alice.do(scene.alice.calls[0].answer, ANSWER)
        scene.run(0.5)
        scene.alice.do(scene.to_bob.call.refer, replaces=scene.alice.calls[0])
        (refer,) = scene.sent("REFER")
        target = refer.addresses("refer-to")[0].uri
        assert target.user == "carol"
        assert target.host == scene.carol.address.host
        session = other.call.session
        assert session is not None
        dialog = session.dialog
        assert dict(target.headers)["Replaces"].startswith(dialog.call_id)
        assert dialog.local_tag in dict(target.headers)["Replaces"]


class TestSection6:
    @pytest.mark.parametrize("what", ["x", "x;to-tag=a", "x;from-tag=a", ";to-tag=a;from-tag=b"])
    def test_both_tags_are_needed(self, scene: Scene, what: str) -> None:
        assert failed(scene.replace(what)) == 400

    def test_supported(self, scene: Scene) -> None:
        scene.replace(scene.what)
        assert "replaces" in scene.sent("INVITE")[0].supported


def early(call: Call) -> str:
    """Return the Replaces for a call that rings, as its owner knows it."""
    session = call.session
    assert session is not None
    dialog = session.dialog
    return f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag}"
