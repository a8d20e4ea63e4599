"""What of a uri may be shown, and what its escapes mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.fetch.uris import decoded, without_secrets


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("/clips/a?b#c@d.mp4", "/clips/a?b#c@d.mp4"),
        ("file:///clips/a.mp4", "file:///clips/a.mp4"),
        ("s3://bucket/a%20b.mp4", "s3://bucket/a%20b.mp4"),
        ("https://host:8443/a@b.mp4?X-Amz-Signature=ab#t=1", "https://host:8443/a@b.mp4"),
        ("http://[::1]:80/a.mp4?x", "http://[::1]:80/a.mp4"),
        ("https://host?x=y", "https://host"),
        ("https://user:word@host/a.mp4", "https://..."),
        ("https://user:wo/rd@host/a.mp4", "https://..."),
        ("https://user:wo?rd@host/a.mp4", "https://..."),
        ("s3://KEY:SECRET@bucket/a.mp4", "s3://..."),
        ("https://user:word", "https://..."),
        ("//user:word@host/a", "//user:word@host/a"),
        ("a.mp4?x", "a.mp4"),
        ("", ""),
    ],
)
def test_neither_query_nor_password_is_shown(uri: str, shown: str):
    assert without_secrets(uri) == shown


SECRET = "s3cr3t"
REST = st.text(st.sampled_from(list("ab/:@?#%&=.\n\\ä[]")), max_size=12)


@given(st.sampled_from(["http://", "https://", "S3://", "ftp://"]), REST, REST)
def test_what_follows_a_question_mark_is_never_shown(scheme: str, before: str, after: str):
    assert SECRET not in without_secrets(f"{scheme}host/{before}?{SECRET}{after}")


@given(st.sampled_from(["http://", "https://", "S3://", "ftp://"]), st.text(max_size=5), REST)
def test_a_password_is_never_shown(scheme: str, before: str, after: str):
    user = "".join(each for each in before if each not in "/?#")
    assert SECRET not in without_secrets(f"{scheme}{user}:{SECRET}@{after}")


def test_escapes_are_undone_once():
    assert decoded("a%20b%2520c%C3%A4ä+") == "a b%20cää+"


@pytest.mark.parametrize(
    ("text", "rule"),
    [("100%.mp4", "it is %25"), ("%a", "it is %25"), ("%ff", "no UTF-8"), ("\udcff", "no UTF-8"), ("a%00", "control")],
)
def test_what_cannot_be_undone_says_the_rule(text: str, rule: str):
    with pytest.raises(ValueError, match=rule):
        decoded(text)
