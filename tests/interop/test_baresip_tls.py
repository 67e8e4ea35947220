"""baresip 1.0, which checks no certificate, with two flows over TLS, before and after a reload."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.certificate import Certificate
from tests.interop.lab import Lab
from tests.interop.network import Namespace
from tests.interop.phones import baresip
from tests.interop.servers import STAND_IN

PEERS = ("baresip", "sipp")
ALICE = {"user": "alice"}

pytestmark = pytest.mark.skipif(STAND_IN, reason="the stand-in has no TLS here")


@pytest.fixture
def net() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


def test_calls_arrive_before_and_after_a_new_certificate(
    lab: Lab, net: Namespace, tmp_path: Path
) -> None:
    certificate = Certificate(tmp_path, net.outside)
    node = lab.server(["udp", "tls", "tls"], host=net.outside, certificate=certificate)
    phone = baresip(lab, net, "alice", [node.uri("tls", number) for number in (0, 1)])
    for _ in range(2):
        phone.wait_for(r"\{\d/TLS/v4\} 200 OK")
    lab.wait_bindings(node, "alice", 2)
    lab.sipp("caller.xml", node, keys=ALICE).passed()
    Certificate(tmp_path, net.outside)  # in the same files
    node.program.process.send_signal(signal.SIGHUP)
    node.program.wait_for("read again")
    lab.sipp("caller.xml", node, keys=ALICE).passed()
    assert phone.said(r"^INVITE ", 2)
    assert phone.said(r"^TLS \S+ -> \S+\nINVITE ", 2)
    assert len(lab.bindings(node, "alice")) == 2
