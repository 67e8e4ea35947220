"""Phones that are programs of their own, each with the least configuration that works."""

import json
import math
import re
import struct
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path

from tests.interop.lab import LOOPBACK, Lab
from tests.interop.network import Namespace
from tests.interop.peers import NODE_MODULES, need
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN, HERE
from tests.interop.town import Host

BARESIP_MODULES = sorted(Path("/usr/lib").glob("**/baresip/modules"))


def tone(path: Path, seconds: int = 5) -> Path:
    """An 8 kHz WAV: baresip's audio source, without one it never answers."""
    samples = (int(8000 * math.sin(number / 5)) for number in range(8000 * seconds))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


def baresip(
    lab: Lab,
    net: Namespace | Host,
    user: str,
    flows: Sequence[str],
    *,
    password: str = "",
) -> Program:
    """Start baresip in a namespace with a flow to each of these URIs; it answers by itself.

    Commands come by line: "/dial URI", "/hangup".
    """
    home = lab.file("baresip")
    home.mkdir()
    tone(home / "tone.wav")
    module_path = BARESIP_MODULES[0] if BARESIP_MODULES else "/usr/lib/baresip/modules"
    config = f"""\
poll_method epoll
sip_listen 0.0.0.0:0
audio_source aufile,{home}/tone.wav
audio_player aufile,{home}/heard.wav
audio_alert aufile,{home}/alert.wav
module_path {module_path}
module stdio.so
module g711.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
"""
    account = f"<sip:{user}@{DOMAIN}>;regint=60;answermode=auto;sipnat=outbound"
    if password:
        account += f";auth_user={user};auth_pass={password}"
    for number, uri in enumerate(flows, start=1):
        account += f';outbound{number if number > 1 else ""}="{uri}"'
    (home / "config").write_text(config)
    (home / "accounts").write_text(account + "\n")
    (home / "contacts").write_text("")
    command = net.command(["baresip", "-f", home, "-v", "-s"])
    # Ending, it waits for answers that will not come.
    return lab.start(f"baresip-{user}", command, terminal=True, goodbye=0.2)


def pjsua(
    lab: Lab,
    user: str,
    proxy: str,
    *,
    instance: str = "",
    reg_id: int = 0,
    password: str = "",
    address: str = LOOPBACK,
    follows: bool = True,
) -> Program:
    """Start a pjsua2 phone; with an instance-id it does RFC 5626 under this reg-id.

    It is told its address, and whether it follows redirects.
    """
    log = lab.file(f"pjsua-{user}.siplog")
    args = [f"sip:{user}@{DOMAIN}", proxy, instance, str(reg_id or ""), str(log)]
    return lab.start(
        f"pjsua-{user}",
        [sys.executable, HERE / "phone_programs" / "pjsua_phone.py", *args],
        env={
            "PHONE_PASSWORD": password,
            "PHONE_ADDRESS": address,
            "PHONE_REDIRECTS": "accept" if follows else "stop",
        },
    )


def jssip(
    lab: Lab,
    user: str,
    urls: Sequence[str],
    *,
    authority: Path | None = None,
    password: str = "",
) -> Program:
    """Start a JsSIP phone that tries these WebSocket URLs in turn."""
    args: list[str | Path] = [
        need("node"),
        HERE / "phone_programs" / "jssip_phone.js",
        f"sip:{user}@{DOMAIN}",
    ]
    env = {"NODE_PATH": str(NODE_MODULES), "PHONE_PASSWORD": password}
    if authority is not None:
        env["NODE_EXTRA_CA_CERTS"] = str(authority)
    return lab.start(f"jssip-{user}", [*args, *urls], env=env)


def linphone(lab: Lab, user: str, proxy: str, *, password: str = "", expires: int = 60) -> Program:
    """Start linphonec: it sends an instance-id and no reg-id, and answers by itself.

    Commands come by line: "call URI", "terminate".
    """
    home = lab.file("linphone")
    (home / ".local" / "share" / "linphone").mkdir(parents=True)
    config = home / "linphonerc"
    login = f"[auth_info_0]\nusername={user}\npasswd={password}\nrealm={DOMAIN}\n"
    # Without the two network settings it waits for a network that is not loopback.
    config.write_text(f"""\
[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=0
default_proxy=0
auto_net_state_mon=0
register_only_when_network_is_up=0
[proxy_0]
reg_proxy=<{proxy}>
reg_route=<{proxy}>
reg_identity=sip:{user}@{DOMAIN}
reg_expires={expires}
reg_sendregister=1
publish=0
{login if password else ""}""")
    folders = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    env = dict.fromkeys(folders, str(home))
    args: list[str | Path] = ["linphonec", "-c", config, "-a", "-d", "5"]
    return lab.start(f"linphone-{user}", args, env=env, cwd=home, terminal=True)


def said(phone: Program, status: str, method: str, seconds: float = 10.0) -> None:
    """Wait until linphonec gets a response of this status, as a pattern, to a request."""
    phone.wait_for(rf"^SIP/2\.0 {status} .*\n(?:\S.*\n)*?CSeq: \d+ {method}\n", seconds)


def event(phone: Program, name: str, seconds: float = 10.0, **wanted: object) -> dict[str, object]:
    """Wait for the phone's next event of this name (with these values, where given)."""
    deadline = time.monotonic() + seconds
    while True:
        left = max(0.0, deadline - time.monotonic())
        found: dict[str, object] = json.loads(
            phone.wait_for(rf'^\{{"event": ?"{re.escape(name)}".*\}}$', left)[0]
        )
        if all(found.get(key) == value for key, value in wanted.items()):
            return found
