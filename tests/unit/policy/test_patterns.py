"""Patterns match what a path means, however the traced program spells it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.policy.patterns import BadPatternError, parse_dll, parse_name, parse_path, plain_path, read_dll


def matches(pattern, path, directory=None):
    plain = plain_path(path, directory)
    return plain is not None and parse_path(pattern).matches(plain)


@pytest.mark.parametrize(
    "pattern, path",
    [
        ("/etc/hosts", "/etc/hosts"),
        ("/etc/hosts", "/etc//./hosts/"),
        ("/etc/hosts", "//etc/hosts"),
        ("/etc/hosts", "/tmp/../etc/hosts"),
        ("/etc/hosts", "/../../etc/hosts"),
        ("/etc/*", "/etc/hosts"),
        ("/etc/*", "/etc/.hidden"),
        ("/etc/host?", "/etc/hosts"),
        ("/etc/[gh]ost", "/etc/host"),
        ("/srv/**", "/srv"),
        ("/srv/**", "/srv/a"),
        ("/srv/**", "/srv/a/b/c"),
        ("/srv/**/x", "/srv/x"),
        ("/srv/**/x", "/srv/a/b/x"),
        ("/srv/*/**/x", "/srv/a/x"),
        ("**/x", "/x"),
        ("**/.aws/credentials", "/home/a/.aws/credentials"),
        ("~/.ssh/**", "/root/.ssh/id_rsa"),
        ("~/.ssh/**", "/home/someone/.ssh/id_rsa"),
        ("~", "/root"),
        ("/**", "/anything/at/all"),
        ("**", "/proc/self/root/etc/shadow"),
        ("/", "/"),
        ("/proc/self/status", "/proc/self/status"),
        ("/proc/**", "/proc/self/status"),
        ("/proc/**", "/proc/12/task/13/stat"),
        ("/proc/*/exe", "/proc/self/exe"),
        ("/proc/self/fd/**", "/proc/self/fd/3"),
        ("/srv/a\nb", "/srv/a\nb"),
        ("/srv/*", "/srv/a\nb"),
    ],
)
def test_a_pattern_matches(pattern, path):
    assert matches(pattern, path)


@pytest.mark.parametrize(
    "pattern, path",
    [
        ("/etc/hosts", "/etc/Hosts"),
        ("/etc/hosts", "/etc/hosts.bak"),
        ("/etc/hosts", "/srv/etc/hosts"),
        ("/etc/*", "/etc/ssl/certs"),
        ("/etc/*", "/etc"),
        ("/srv/app/**", "/srv/app/../../etc/passwd"),
        ("/srv/app/**", "/srv/application"),
        ("/srv/app/*", "/srv/app/../x"),
        ("/tmp/*/x", "/tmp/a/b/x"),
        ("/tmp/x", "/tmp/x\0.txt"),
        ("**", "/tmp/\0"),
        ("**/x", "relative/x"),
        ("~/.ssh/**", "/home/a/b/.ssh/id_rsa"),
        ("~/.ssh/**", "~/.ssh/id_rsa"),
        ("/proc/**", "/proc/self/root/etc/shadow"),
        ("/proc/**", "/proc/thread-self/cwd/x"),
        ("/proc/**", "/proc/12/task/13/root/etc/shadow"),
        ("/proc/self/*", "/proc/self/exe"),
        ("/proc/self/*/etc/shadow", "/proc/self/root/etc/shadow"),
        ("/proc/self/[r]oot/etc/shadow", "/proc/self/root/etc/shadow"),
        ("**/shadow", "/proc/self/root/etc/shadow"),
        ("/dev/**", "/dev/fd/3"),
    ],
)
def test_a_pattern_does_not_match(pattern, path):
    assert not matches(pattern, path)


def test_a_relative_path_is_taken_from_the_working_directory():
    assert matches("/srv/app/data", "data", "/srv/app")
    assert not matches("/srv/app/**", "../data", "/srv/app")


def test_an_object_shown_by_its_type_is_no_path():
    assert plain_path("<pathlib.PosixPath>", "/srv/app") is None


@pytest.mark.parametrize(
    "pattern", ["etc/x", "", "*", "/a/../b", "/a/./b", "/a/", "/a**/b", "/**b", "$HOME/x", "~root/x", "C:\\x"]
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern):
    with pytest.raises(BadPatternError):
        parse_path(pattern)


def test_matching_takes_no_time_whatever_the_path():
    pattern = parse_path("/**/a*a*a*a*a*a*b/**/c/**/d")
    path = plain_path("/" + "a" * 2000 + "/a" * 1000, None)
    start = time.process_time()

    assert not pattern.matches(path)

    assert time.process_time() - start < 2


_SEGMENT = st.text(alphabet="abXé.- ", min_size=1, max_size=5).filter(lambda text: text not in (".", ".."))
_SEGMENTS = st.lists(_SEGMENT, max_size=6)


@given(_SEGMENTS)
def test_a_path_without_wildcards_matches_itself(segments):
    assert matches("/" + "/".join(segments), "/" + "/".join(segments))


@given(_SEGMENTS, _SEGMENTS)
def test_two_stars_match_all_beneath_and_nothing_beside(folder, rest):
    pattern = "/".join(["", *folder, "**"])

    assert matches(pattern, "/".join(["", *folder, *rest]) or "/")
    assert not folder or not matches(pattern, "/".join(["", *folder[:-1], folder[-1] + "x", *rest]))


@given(_SEGMENTS, st.lists(st.sampled_from(["..", ".", "", "x"]), max_size=8))
def test_no_spelling_leaves_a_folder_unseen(folder, tail):
    path = "/".join(["", "srv", *folder, *tail])
    meant = []
    for segment in path.split("/"):
        if segment == "..":
            meant = meant[:-1]
        elif segment not in ("", "."):
            meant.append(segment)

    assert matches("/srv/**", path) == (meant[:1] == ["srv"])


@given(st.lists(st.sampled_from(["a", "b", "*", "**", "a*"]), max_size=5), st.lists(st.sampled_from("ab"), max_size=6))
def test_matching_is_what_a_plain_search_finds(pattern, path):
    def search(wanted, left):
        if not wanted:
            return not left
        if wanted[0] == "**":
            return search(wanted[1:], left) or (bool(left) and search(wanted, left[1:]))
        if not left:
            return False
        is_same = wanted[0] == left[0] or wanted[0] == "*" or (wanted[0] == "a*" and left[0][0] == "a")
        return is_same and search(wanted[1:], left[1:])

    assert matches("/" + "/".join(pattern), "/" + "/".join(path)) == search(pattern, path)


@pytest.mark.parametrize(
    "pattern, name, expected",
    [
        ("os.getenv", "os.getenv", True),
        ("os.getenv", "os.getenvb", False),
        ("os.*", "os.getenv", True),
        ("os.*", "os.environ.get", True),
        ("os.*", "posix.getenv", False),
        ("os.get*", "os.getenv", True),
        ("*", "anything", True),
        ("os.getenv", "OS.getenv", False),
    ],
)
def test_a_name_pattern_is_exact_or_a_glob_over_dots(pattern, name, expected):
    assert parse_name(pattern).matches(name) is expected


@pytest.mark.parametrize(
    "pattern, module, expected",
    [
        ("http", "http.client", True),
        ("http", "https", False),
        ("http.*", "http", False),
        ("http.client", "http", False),
        ("xml*", "xmlrpc.client", True),
    ],
)
def test_a_module_pattern_means_what_lies_in_it_too(pattern, module, expected):
    assert parse_name(pattern).matches_module(module) is expected


@given(st.text(alphabet="abc.", min_size=1, max_size=8), st.text(alphabet="abc.*", min_size=1, max_size=8))
def test_a_whole_name_is_more_specific_than_any_glob(name, glob):
    assert parse_name(name).specificity > parse_name(glob + "*").specificity


@pytest.mark.parametrize(
    "pattern, asked, expected",
    [
        ("*openblas*", "/usr/lib/libopenblas.so.0", True),
        ("*openblas*", "libopenblas.so.0", True),
        ("*openblas*", "/tmp/openblas/evil.so", False),
        ("libc.so.6", "/lib/libc.so.6", True),
        ("/usr/lib/**", "/usr/lib/x/libz.so", True),
        ("/usr/lib/**", "/usr/lib/../../tmp/evil.so", False),
        ("/usr/lib/**", "libz.so", False),
        ("**/libz.so", "libz.so", False),
    ],
)
def test_a_dll_pattern_is_for_the_file_name_or_the_path(pattern, asked, expected):
    assert parse_dll(pattern).matches(read_dll(asked, None)) is expected
