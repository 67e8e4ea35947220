"""Search: by number, phrase, word, header, RFC and symptom, in both languages."""

import pytest

from ringway.codes import TABLE, Language
from ringway.reference.search import LONGEST_QUERY, index, search, tokens

SYMPTOMS = {
    Language.EN: {
        "phone behind NAT cannot be called after some time": 430,
        "wrong password when registering": 401,
        "caller hears busy tone": 486,
        "number does not exist": 404,
        "no common codec between the two sides": 488,
        "call is forwarded but the caller gets an error": 302,
        "phone is not registered": 480,
        "server is overloaded": 503,
        "registration time too short": 423,
        "call goes round in circles between two servers": 482,
        "Max-Forwards reached zero": 483,
        "caller hung up before the answer": 487,
        "both sides sent a re-INVITE at the same time": 491,
        "BYE fails because the call is already gone": 481,
        "the phone is ringing": 180,
        "early media before answer": 183,
        "call blocked by analytics as robocall": 608,
        "user changed number permanently": 301,
        "proxy asks for a password": 407,
        "no answer at all, request timed out": 408,
        "session timer refresh interval too small": 422,
        "phone does not know the method": 405,
        "message is too large": 513,
        "everybody is busy on all phones": 600,
        "cannot fetch the certificate of the caller's signature": 436,
        "anonymous calls are rejected": 433,
        "edge proxy does not support outbound": 439,
        "subscription to unknown event package": 489,
        "gateway got a bad answer from upstream": 502,
        "dialled number is incomplete": 484,
    },
    Language.ZH: {
        "话机在 NAT 后面，过一段时间打不进来": 430,
        "密码错误注册不上": 401,
        "对方正忙，占线": 486,
        "拨打的是空号": 404,
        "两边没有共同的编解码": 488,
        "设了呼叫转移，主叫却听到失败": 302,
        "话机没有注册": 480,
        "服务器过载": 503,
        "注册有效期太短": 423,
        "呼叫在两台服务器之间转圈": 482,
        "跳数太多": 483,
        "主叫在接听前挂断": 487,
        "双方同时发 re-INVITE": 491,
        "挂机时通话已经不存在": 481,
        "话机正在振铃": 180,
        "接通前的早期媒体": 183,
        "被防骚扰系统拦截": 608,
        "用户永久改号": 301,
        "代理要求鉴权": 407,
        "请求超时，一直没有应答": 408,
        "会话定时器间隔太小": 422,
        "话机不支持这个方法": 405,
        "消息太大": 513,
        "所有话机都忙": 600,
        "取不到主叫签名的证书": 436,
        "拒绝匿名来电": 433,
        "第一跳代理不支持 outbound": 439,
        "订阅不认识的事件包": 489,
        "网关收到上游的无效响应": 502,
        "号码没拨完整": 484,
    },
}


def found(query: str, language: Language = Language.EN, limit: int = 3) -> list[int]:
    return [hit.brief.status for hit in search(query, language, limit)]


class TestSymptoms:
    @pytest.mark.parametrize(
        ("language", "query", "status"),
        [(language, *each) for language in Language for each in SYMPTOMS[language].items()],
    )
    def test_the_code_is_among_the_first_three(
        self, language: Language, query: str, status: int
    ) -> None:
        assert status in found(query, language), found(query, language, 6)


class TestWords:
    @pytest.mark.parametrize("status", TABLE)
    def test_a_number(self, status: int) -> None:
        assert found(str(status))[0] == status
        assert found(f"what is a {status}?")[0] == status

    @pytest.mark.parametrize("status", TABLE)
    def test_a_phrase(self, status: int) -> None:
        first = found(TABLE[status].phrase)
        same = {each for each in TABLE if TABLE[each].phrase == TABLE[status].phrase}
        assert set(first) & same

    def test_a_class(self) -> None:
        assert {each // 100 for each in found("3xx", limit=5)} == {3}

    def test_the_other_language(self) -> None:
        assert found("流失败", Language.EN)[0] == 430
        assert found("flow failed", Language.ZH)[0] == 430

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("Min-Expires", 423),
            ("Min-SE", 422),
            ("WWW-Authenticate", 401),
            ("Proxy-Authenticate", 407),
            ("Unsupported", 420),
            ("RFC 5626", 430),
            ("rfc5079", 433),
            ("SIP-If-Match", 412),
        ],
    )
    def test_a_header_or_an_rfc(self, query: str, status: int) -> None:
        assert status in found(query)

    def test_nothing(self) -> None:
        assert found("") == found("the of") == found("zzzqqq") == []

    def test_only_the_beginning_of_a_long_query_counts(self) -> None:
        assert found("x" * LONGEST_QUERY + " 430") == []


class TestTokens:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Calls, calling; called", ["call", "call", "call"]),
            ("Max-Forwards", ["max-forwards", "max", "forward"]),
            ("流失败", ["流失", "失败"]),
            ("流", ["流"]),
            ("用 NAT 时", ["用", "nat", "时"]),
            ("the proxy is busy", ["proxy", "busy"]),
            ("it's 3pcc", ["it's", "s", "3pcc"]),
            ("retries replies", ["retry", "reply"]),
        ],
    )
    def test_words(self, text: str, expected: list[str]) -> None:
        assert list(tokens(text)) == expected


class TestIndex:
    def test_it_finds_what_search_finds(self) -> None:
        """The pages' script adds up what is in the index, and nothing else."""
        data = index()
        codes, weights = data["codes"], data["tokens"]
        assert isinstance(codes, list)
        assert isinstance(weights, dict)
        for queries in SYMPTOMS.values():
            for query in queries:
                scores = dict.fromkeys(codes, 0.0)
                for token in dict.fromkeys(tokens(query)):
                    for place, weight in weights.get(token, []):
                        scores[codes[place]] += weight
                best = sorted(scores, key=lambda each: (-scores[each], each))[:3]
                assert best == found(query)
