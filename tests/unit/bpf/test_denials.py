"""Names are found in the kernel under the keys that probes count acts by."""

from pyxhon.bpf.denials import call_keys, event_key
from pyxhon.controls import I386_SYSCALLS


def words(text):
    return [int.from_bytes(text[at : at + 8].ljust(8, b"\0"), "little") for at in range(0, len(text), 8)]


def hashed(seed, text):
    """`hash_name` and `mix` of the probes, told again."""
    value = seed
    for word in words(text):
        value = ((value ^ word) * 0x9E3779B97F4A7C15) & (2**64 - 1)
        value ^= value >> 29
    return value


def test_an_event_is_known_by_the_hash_of_its_name():
    for name in ("os.system", "12345678", "socket.connect", "x"):
        assert event_key(7, name) == hashed(7, name.encode()).to_bytes(8, "little")


def test_names_and_seeds_tell_apart():
    assert len({event_key(seed, name) for seed in (1, 2) for name in ("os.system", "os.systen")}) == 4


def test_a_name_that_probes_cut_has_no_key():
    assert event_key(1, "x" * 300) is None


def test_a_system_call_has_a_key_for_each_table():
    keys = [int.from_bytes(key, "little") for key in call_keys("ptrace")]

    assert len(keys) == 5
    assert len(set(keys)) == 5
    assert {key >> 32 for key in keys} == {keys[0] >> 32}
    assert sum(key & 0xFFF >= I386_SYSCALLS for key in keys) == 1
