"""The response context: what it tries, in which order, and what it must not try again."""

from tests.unit.proxy.world import DOMAIN, World

from ringway.proxy import RecursionPolicy


class TestSection7OfRfc5626:
    def test_a_phone_that_redirected_gets_no_other_copy(self) -> None:
        """Bob redirects to Carol and she back to Bob: his answer stands, for all his flows."""
        world = World(recursion=RecursionPolicy(domains=frozenset({DOMAIN})))
        first, second = world.flows(user="bob")
        carol = world.phone("carol", "10.0.3.1")
        alice = world.caller()
        alice.invite("bob")
        first.answer(first.last, 302, headers=[("Contact", f"<sip:carol@{DOMAIN}>")])
        carol.answer(carol.last, 302, headers=[("Contact", f"<sip:bob@{DOMAIN}>")])
        assert second.requests == []
        assert alice.heard == [100, 480]
