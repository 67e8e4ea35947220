import pytest

from ringway.aio.identities import identities, speaks_for


def certificate(*others: tuple[str, str], common: str = "") -> dict[str, object]:
    values: dict[str, object] = {"serialNumber": "1"}
    if others:
        values["subjectAltName"] = others
    if common:
        values["subject"] = ((("organizationName", "Example"),), (("commonName", common),))
    return values


class TestRfc5922Section71:
    def test_a_sip_uri_counts_before_dns_names(self) -> None:
        both = certificate(("DNS", "host.example.com"), ("URI", "sip:example.com"))
        assert identities(both) == ("example.com",)

    @pytest.mark.parametrize(
        "uri",
        ["sip:alice@example.com", "sips:example.com", "https://example.com/", "urn:x:1", "sip:"],
    )
    def test_other_uris_are_no_domains(self, uri: str) -> None:
        assert identities(certificate(("URI", uri))) == ()
        assert identities(certificate(("URI", uri), ("DNS", "a.example"))) == ("a.example",)

    @pytest.mark.parametrize(
        "uri",
        [
            "SIP:Example.COM",
            "sip:example.com:5061",
            "sip:example.com;transport=tls",
            "sip:example.com.",
        ],
    )
    def test_only_the_host_of_a_uri_counts(self, uri: str) -> None:
        assert identities(certificate(("URI", uri))) == ("example.com",)

    def test_all_dns_names_without_a_uri(self) -> None:
        names = certificate(("DNS", "A.example"), ("DNS", "b.example"), ("DNS", "a.example"))
        assert identities(names) == ("a.example", "b.example")

    def test_the_common_name_only_without_alternative_names(self) -> None:
        assert identities(certificate(common="old.example")) == ("old.example",)
        assert identities(certificate(("IP Address", "192.0.2.1"), common="old.example")) == ()
        assert identities(certificate(("email", "a@b.example"), common="old.example")) == ()

    def test_a_common_name_that_is_no_host_name_is_none(self) -> None:
        assert identities(certificate(common="Alice Example")) == ()

    @pytest.mark.parametrize("nothing", [None, {}])
    def test_a_certificate_that_was_not_verified_proves_nothing(
        self, nothing: dict[str, object] | None
    ) -> None:
        assert identities(nothing) == ()
        assert not speaks_for(nothing, "example.com")


class TestRfc5922Section72:
    def test_case_does_not_matter(self) -> None:
        assert speaks_for(certificate(("DNS", "EXAMPLE.com")), "Example.COM.")

    @pytest.mark.parametrize("name", ["*.example.com", ".example.com", "example.com"])
    def test_wildcards_and_suffixes_match_nothing(self, name: str) -> None:
        assert not speaks_for(certificate(("DNS", name)), "foo.example.com")

    def test_a_dns_name_does_not_count_beside_a_uri(self) -> None:
        both = certificate(("DNS", "host.example.com"), ("URI", "sip:example.com"))
        assert not speaks_for(both, "host.example.com")


class TestAddresses:
    @pytest.mark.parametrize(
        ("listed", "name"),
        [
            (("IP Address", "192.0.2.1"), "192.0.2.1"),
            (("IP Address", "2001:DB8:0:0:0:0:0:1"), "2001:db8::1"),
            (("IP Address", "2001:DB8:0:0:0:0:0:1"), "[2001:db8::1]"),
            (("URI", "sip:192.0.2.1:5061"), "192.0.2.1"),
            (("URI", "sip:[2001:db8::1]"), "2001:db8::1"),
        ],
    )
    def test_an_address_has_to_be_listed_as_one(self, listed: tuple[str, str], name: str) -> None:
        assert speaks_for(certificate(listed), name)

    def test_another_address_is_not_it(self) -> None:
        listed = certificate(("IP Address", "192.0.2.1"))
        assert not speaks_for(listed, "192.0.2.2")
        assert not speaks_for(listed, "example.com")
