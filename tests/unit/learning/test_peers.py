"""Entries that are learned for peers: ports the kernel chose are any, many hosts are a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.learning.paths import Varying
from pyxhon.learning.peers import can_be_listed, learn_peers
from pyxhon.policy.peers import parse_peer, read_host, read_peer

NOTHING = Varying(frozenset({"4242"}), frozenset())


def learned(*peers, looked_up=()):
    names = [(read_host(host), port) for host, port in looked_up]
    return [each.text for each in learn_peers([read_peer(peer) for peer in peers], names, NOTHING)]


@pytest.mark.parametrize(
    "peers, entries",
    [
        (["10.0.0.1:443"], ["10.0.0.1:443"]),
        (["[::1]:8000"], ["[::1]:8000"]),
        (["127.0.0.1:40123", "127.0.0.1:5432"], ["127.0.0.1:32768-60999", "127.0.0.1:5432"]),
        (["localhost:40123"], ["localhost:32768-60999"]),
        (["127.0.0.1:61000"], ["127.0.0.1:32768-65535"]),
        (["93.184.216.34:40123"], ["93.184.216.34:40123"]),
        ([f"10.1.2.{number}:443" for number in range(16, 24)], ["10.1.2.16/29:443"]),
        ([f"{number}.1.1.1:443" for number in (1, 50, 99, 150, 200)], ["0.0.0.0/0:443"]),
        ([f"[2001:db8::{number}]:443" for number in range(8)], ["[2001:db8::/125]:443"]),
        ([f"{name}.example.org:443" for name in "abcde"], ["*.example.org:443"]),
        ([f"db{number}:5432" for number in range(3)], ["db0:5432", "db1:5432", "db2:5432"]),
        ([f"10.0.0.1:{port}" for port in (80, 81, 82, 90, 99)], ["10.0.0.1:80-99"]),
        (["unix:/run/x.sock"], ["unix:/run/x.sock"]),
        (["unix:/tmp/app-4242.sock"], ["unix:/tmp/app-*.sock"]),
        (["unix:@name-4242"], ["unix:@name-*"]),
    ],
)
def test_peers_become_entries(peers, entries):
    assert learned(*peers) == entries


def test_a_name_that_was_looked_up_needs_an_entry_of_its_own_only_where_no_host_is_it():
    assert learned("example.org:443", looked_up=[("example.org", 80)]) == ["example.org:443"]
    assert learned(looked_up=[("example.org", 443)]) == ["example.org:443"]
    assert learned(looked_up=[("example.org", None)]) == ["example.org:*"]


_HOSTS = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9-]{1,8}){0,3}", fullmatch=True),
    st.text(min_size=1, max_size=10),
)


@given(st.lists(st.tuples(_HOSTS, st.integers(0, 65535)), max_size=30))
def test_every_peer_that_can_be_listed_is_matched(pairs):
    told = [peer for host, port in pairs if (peer := read_peer(host, port))]
    peers = [peer for peer in told if can_be_listed(peer)]

    patterns = [parse_peer(each.text) for each in learn_peers(peers, [], NOTHING)]

    assert [peer for peer in peers if not any(pattern.matches(peer) for pattern in patterns)] == []
    assert all(peer.address is None for peer in set(told) - set(peers))
