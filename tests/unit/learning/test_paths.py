"""Patterns that are learned for paths: each matches what it was learned from, and little more."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.learning.paths import Varying, learn_paths
from pyxhon.policy.patterns import parse_path, plain_path

NOTHING = Varying(frozenset(), frozenset())


def learned(*paths, varying=NOTHING):
    return [each.text for each in learn_paths([plain_path(path, None) for path in paths], varying)]


def test_few_files_of_a_folder_are_named_one_by_one():
    assert learned("/srv/app/a.json", "/srv/app/b.json") == ["/srv/app/a.json", "/srv/app/b.json"]


def test_many_files_of_a_folder_are_one_pattern_with_their_ending():
    assert learned(*(f"/srv/app/{name}.json" for name in "abcde")) == ["/srv/app/*.json"]
    assert learned(*(f"/srv/app/{name}" for name in ("a.json", "b", "c.txt", "d", "e"))) == ["/srv/app/*"]


def test_many_folders_with_the_same_file_are_one_pattern():
    paths = [f"/sys/devices/system/cpu/cpu{number}/online" for number in range(8)]

    assert learned(*paths) == ["/sys/devices/system/cpu/*/online"]


def test_files_of_folders_for_everybody_are_never_taken_together():
    names = ("passwd", "hosts", "group", "fstab", "services", "resolv.conf")

    assert learned(*(f"/etc/{name}" for name in names)) == sorted(f"/etc/{name}" for name in names)
    assert len(learned(*(f"/root/.ssh/{name}" for name in names))) == len(names)


def test_a_list_too_long_to_read_takes_a_folder_together():
    paths = [f"/srv/data/{a}{b}/{a}/x{b}" for a in "abcdefgh" for b in "ijklmnop"]

    assert len(learned(*paths)) <= 40
    assert all(text.startswith("/srv/data/") for text in learned(*paths))


def test_processes_and_descriptors_are_any():
    assert learned("/proc/4242/status") == ["/proc/[0-9]*/status"]
    assert learned("/proc/self/task/17/stat") == ["/proc/self/task/[0-9]*/stat"]
    assert learned("/proc/self/fd/3") == ["/proc/self/fd/[0-9]*"]


def test_a_link_of_proc_stays_to_the_letter_for_nothing_else_matches_it():
    (text,) = learned("/proc/self/root/etc/hosts")

    assert text == "/proc/self/root/etc/hosts"
    assert parse_path(text).matches(plain_path("/proc/self/root/etc/hosts", None))


def test_a_home_is_any_home_and_a_folder_called_so_is_not():
    assert learned("/root/.config/app", "/home/ada/.config/app") == ["~/.config/app"]
    assert learned("/~/x") == ["/[~]/x"]


def test_a_temporary_folder_is_any_and_what_lies_in_it_is_told():
    varying = Varying(frozenset(), frozenset({("tmp", "work-abcdefgh")}))

    assert learned("/tmp/work-abcdefgh/out.txt", varying=varying) == ["/tmp/work-*/out.txt"]


_SEGMENT = st.one_of(
    st.sampled_from(
        ["tmp", "proc", "self", "fd", "root", "etc", "home", "17", "**", "*", "~", "python3.11", "[a]", "x y"]
    ),
    st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=12),
)
_PATHS = st.lists(st.lists(_SEGMENT, max_size=5).map(lambda parts: "/" + "/".join(parts)), min_size=1, max_size=60)


@settings(max_examples=150)
@given(_PATHS)
def test_every_path_is_matched_by_what_was_learned_from_it(paths):
    plain = [plain_path(path, None) for path in paths]
    found = learn_paths(plain, NOTHING)

    patterns = [parse_path(each.text) for each in found]
    for path in plain:
        if all(path.segments[at].isprintable() for at in path.links):
            assert any(pattern.matches(path) for pattern in patterns), path
    assert {path for each in found for path in each.sources} == set(plain)
    assert [each.text for each in learn_paths(reversed(plain), NOTHING)] == [each.text for each in found]
