"""A pjsua2 phone over TCP, as a program of its own (its threads are C's).

Arguments: AOR, outbound proxy URI, instance-id ("" for no outbound), reg-id. It answers calls at
once. The password is in PHONE_PASSWORD, its own address in PHONE_ADDRESS, and with "stop" in
PHONE_REDIRECTS it follows no redirect. Each event is one line of JSON on stdout, its log goes to
the file given last; commands come by line on stdin: "call URI", "hangup", "hold",
"transfer URI", "quit".
"""

import json
import os
import sys
import threading
from queue import Empty, SimpleQueue
from typing import Any

import pjsua2 as pj  # type: ignore[import-not-found,import-untyped,unused-ignore]


def say(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


class PhoneCall(pj.Call):  # type: ignore[misc,unused-ignore]
    inviting = False
    """Whether an INVITE, or the ACK to it, is outstanding: pjsua refuses to send another."""

    def onCallState(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        info = self.getInfo()
        say(
            "call",
            state=info.stateText,
            status=info.lastStatusCode,
            reason=info.lastReason,
            remote=info.remoteUri,
        )

    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802 - as pjsua has it
        transaction = prm.e.body.tsxState.tsx
        if transaction.method == "INVITE":
            self.inviting = transaction.state != pj.PJSIP_TSX_STATE_TERMINATED

    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802 - as pjsua has it
        say("transfer", status=prm.statusCode, final=prm.finalNotify)

    def onCallRedirected(self, prm: Any) -> int:  # noqa: N802 - as pjsua has it
        say("redirected", target=prm.targetUri)
        if os.environ.get("PHONE_REDIRECTS") == "stop":
            return int(pj.PJSIP_REDIRECT_STOP)
        return int(pj.PJSIP_REDIRECT_ACCEPT)


class PhoneAccount(pj.Account):  # type: ignore[misc,unused-ignore]
    def __init__(self) -> None:
        super().__init__()
        self.call: PhoneCall | None = None

    def onRegState(self, prm: Any) -> None:  # noqa: N802 - as pjsua has it
        say("registration", status=prm.code, reason=prm.reason, active=self.getInfo().regIsActive)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802 - as pjsua has it
        say("incoming")
        self.call = PhoneCall(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.call.answer(answer)


def read_commands(commands: "SimpleQueue[str]") -> None:
    for line in sys.stdin:
        commands.put(line.strip())
    commands.put("quit")


def main() -> None:
    aor, proxy, instance, reg_id, log = sys.argv[1:6]
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0  # everything in this thread: callbacks included
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = 5
    config.logConfig.consoleLevel = 0
    config.logConfig.filename = log
    config.logConfig.msgLogging = 1
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress = os.environ.get("PHONE_ADDRESS", "127.0.0.1")
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, transport)
    endpoint.libStart()

    settings = pj.AccountConfig()
    settings.idUri = aor
    settings.regConfig.registrarUri = "sip:" + aor.partition("@")[2]
    settings.regConfig.timeoutSec = 60
    password = os.environ.get("PHONE_PASSWORD")
    if password:
        name = aor.partition(":")[2].partition("@")[0]
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", name, 0, password))
    settings.sipConfig.proxies.append(proxy + ";lr")
    settings.natConfig.sipOutboundUse = 1 if instance else 0
    settings.natConfig.sipOutboundInstanceId = f"<{instance}>" if instance else ""
    settings.natConfig.sipOutboundRegId = reg_id
    account = PhoneAccount()
    account.create(settings)

    commands: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()
    while True:
        endpoint.libHandleEvents(20)
        try:
            command, _, argument = commands.get_nowait().partition(" ")
        except Empty:
            continue
        if command == "call":
            account.call = PhoneCall(account)
            account.call.makeCall(argument, pj.CallOpParam(True))
        elif command == "hangup" and account.call is not None:
            account.call.hangup(pj.CallOpParam(True))
        elif command == "hold" and account.call is not None:
            while account.call.inviting:
                endpoint.libHandleEvents(20)
            account.call.setHold(pj.CallOpParam(True))
        elif command == "transfer" and account.call is not None:
            account.call.xfer(argument, pj.CallOpParam(True))
        elif command == "quit":
            break
    account.call = None
    account.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
