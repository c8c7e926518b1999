"""Peers are matched by what they are, not by how they are written."""

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyxhon.policy.patterns import BadPatternError
from pyxhon.policy.peers import parse_peer, read_host, read_peer, read_url


def matches(pattern, value, port=None):
    peer = read_peer(value, port)
    return peer is not None and parse_peer(pattern).matches(peer)


@pytest.mark.parametrize(
    "pattern, value",
    [
        ("127.0.0.0/8:*", ["127.0.0.1", 80]),
        ("127.0.0.0/8:*", "127.3.4.5:80"),
        ("127.0.0.0/8:*", ["::ffff:127.0.0.1", 80, 0, 0]),
        ("127.0.0.1:80", ["127.0.0.1", 80]),
        ("[::1]:80", ["::1", 80, 0, 0]),
        ("[::1]:80", "[::1]:80"),
        ("[::1]:80", "[0:0:0:0:0:0:0:1]:80"),
        ("[fe80::/10]:*", ["fe80::1%eth0", 80, 0, 3]),
        ("*.example.org:443", ["API.Example.ORG", 443]),
        ("*.example.org:443", ["a.b.example.org.", 443]),
        ("example.org.:443", "example.org:443"),
        ("*:443", ["10.0.0.1", 443]),
        ("*:443", ["example.org", 443]),
        ("*:8000-8999", ["10.0.0.1", 8080]),
        ("*:*", ["", 0]),
        ("0.0.0.0:8000", ["", 8000]),
        ("0.0.0.0/0:*", ["<broadcast>", 9]),
        ("unix:/run/*.sock", "unix:/run/x.sock"),
        ("unix:/run/**", "unix:/run//a/../x.sock"),
        ("unix:@bus*", "unix:@bus-1"),
    ],
)
def test_a_peer_is_matched(pattern, value):
    assert matches(pattern, value)


@pytest.mark.parametrize(
    "pattern, value",
    [
        ("127.0.0.0/8:*", ["128.0.0.1", 80]),
        ("127.0.0.0/8:*", ["localhost", 80]),
        ("127.0.0.0/8:*", ["127.1", 80]),
        ("127.0.0.0/8:*", ["0x7f.1", 80]),
        ("127.0.0.0/8:*", ["0.0.0.0", 80]),
        ("127.0.0.0/8:*", ["127.0.0.1.evil.org", 80]),
        ("127.0.0.1:80", ["127.0.0.1", 81]),
        ("localhost:80", ["127.0.0.1", 80]),
        ("*.example.org:443", ["example.org", 443]),
        ("*.example.org:443", ["evil-example.org", 443]),
        ("*.example.org:443", ["a.example.org.evil.com", 443]),
        ("*.example.org:443", ["evil.com\0.example.org", 443]),
        ("*.example.org:443", ["evil.com x.example.org", 443]),
        ("*.example.org:443", ["93.184.216.34", 443]),
        ("*:443", ["10.0.0.1", 444]),
        ("*:*", [5, 6]),
        ("*:*", ["a", 70_000]),
        ("*:*", ["a", "b"]),
        ("*:*", []),
        ("*:*", None),
        ("*:*", "unix:/run/x.sock"),
        ("*:*", "no-port"),
        ("*:*", "::1:80"),
        ("unix:/run/**", "unix:@run"),
        ("unix:/run/**", "unix:/run/../tmp/x"),
        ("unix:/run/**", "unix:run/x"),
        ("unix:/run/**", "127.0.0.1:80"),
    ],
)
def test_a_peer_is_not_matched(pattern, value):
    assert not matches(pattern, value)


@pytest.mark.parametrize(
    "text",
    [
        "example.org",
        "::1:80",
        "10.0.0.1/8:*",
        "300.1.1.1:80",
        "10.*:80",
        "1.2.3:80",
        "example.org:http",
        "example.org:70000",
        "example.org:9-1",
        "exa mple.org:80",
        "",
        ":80",
        "unix:run/x",
        "http://example.org:80",
    ],
)
def test_a_peer_that_cannot_be_meant_is_refused(text):
    with pytest.raises(BadPatternError):
        parse_peer(text)


def test_bits_beyond_a_network_get_the_network_meant():
    with pytest.raises(BadPatternError) as caught:
        parse_peer("10.1.2.3/8:*")

    assert caught.value.remedy == "did you mean '10.0.0.0/8'?"


@pytest.mark.parametrize(
    "url, host, port",
    [
        ("https://example.org/x", "example.org", 443),
        ("http://user:word@Example.org:8080/", "example.org", 8080),
        ("ftp://[::1]/", "::1", 21),
    ],
)
def test_a_url_leads_to_a_peer(url, host, port):
    peer = read_url(url)

    assert (peer.host, peer.port) == (host, port)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,x", "gopher://x/", "http://[::1", "http://x:99999/", 5])
def test_a_url_that_leads_to_no_peer_is_told_apart(url):
    assert read_url(url) is None


def test_a_name_that_is_looked_up_matches_whatever_the_port():
    assert parse_peer("*.example.org:443").matches(read_host("www.example.org"))
    assert not parse_peer("*.example.org:443").matches(read_host("example.com"))


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
def test_a_network_matches_exactly_its_addresses(inside, other, prefix):
    assume(prefix <= inside.max_prefixlen)
    network = ipaddress.ip_network((inside, prefix), strict=False)
    pattern = f"[{network}]:*" if inside.version == 6 else f"{network}:*"

    assert matches(pattern, [str(inside), 1]) or getattr(inside, "ipv4_mapped", None)
    if other.version == inside.version and not getattr(other, "ipv4_mapped", None):
        assert matches(pattern, [str(other), 1]) == (other in network)


@given(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.one_of(st.text(), st.integers()))), st.integers())
def test_any_value_is_a_peer_or_none(value, port):
    for peer in (read_peer(value), read_peer(value, port), read_host(value), read_url(value)):
        assert peer is None or isinstance(parse_peer("*:*").matches(peer), bool)
