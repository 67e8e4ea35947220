"""Which peers are on this machine. A test module names those it needs in PEERS."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.interop.network import why_not

NODE_MODULES = Path(__file__).parent / ".peers" / "node_modules"
INSTALL = "see tests/interop/install-peers"


def missing(why: str) -> None:
    """Skip a test whose peer is not here; in CI every peer has to be, so there it fails."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def need(program: str) -> str:
    """The path of a program; a skip when there is none."""
    found = find(program)
    if found is None:
        missing(f"{program} is not installed: {INSTALL}")
        raise AssertionError  # both ways out raise
    return found


def need_namespace() -> None:
    reason = why_not()
    if reason:
        missing(reason)


def need_baresip() -> None:
    need("baresip")
    need_namespace()


def need_pjsua2() -> None:
    if importlib.util.find_spec("pjsua2") is None:
        missing(f"pjsua2-python is not installed: {INSTALL}")


def need_jssip() -> None:
    need("node")
    if not (NODE_MODULES / "jssip").is_dir() or not (NODE_MODULES / "ws").is_dir():
        missing(f"JsSIP and ws (npm) are not installed: {INSTALL}")


def need_linphone() -> None:
    need("linphonec")


def need_sipp() -> None:
    need("sipp")


def need_kamailio() -> None:
    need("kamailio")


def need_nft() -> None:
    need("nft")
    need_namespace()


def need_dnsmasq() -> None:
    need("dnsmasq")


def need_dumpcap() -> None:
    need("dumpcap")


NEEDS: dict[str, Callable[[], None]] = {
    "baresip": need_baresip,
    "dnsmasq": need_dnsmasq,
    "dumpcap": need_dumpcap,
    "jssip": need_jssip,
    "kamailio": need_kamailio,
    "linphone": need_linphone,
    "namespace": need_namespace,
    "nft": need_nft,
    "pjsua2": need_pjsua2,
    "sipp": need_sipp,
}
