"""TLS's files that can't be used are named at once, each with its setting; nobody is asked for a password."""

from collections.abc import Mapping

import pytest

from stream.broker.cluster import Cluster
from stream.errors import UserError
from tests.certificates import Authority

PASSWORD = "a key's password"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    for name in ("me", "other"):
        made.issue(name)
    made.issue("locked", password=PASSWORD)
    made.cafile.with_name("prose.pem").write_text("no certificate")
    made.cafile.with_name("empty.pem").write_text("\n")
    return made


def refused(authority: Authority, **options: str) -> str:
    """What is said before anybody is connected to; options that name files are relative to the authority's folder."""
    folder = authority.cafile.parent
    given: Mapping[str, str] = {
        name: str(folder / text) if name.endswith("file") else text for name, text in options.items()
    }
    with pytest.raises(UserError) as told:
        Cluster("127.0.0.1:1", options={"security_protocol": "SSL", **given}).admin()
    assert "\n" not in str(told.value)
    assert "did not answer" not in str(told.value)
    return str(told.value).replace(f"{folder}/", "")


def test_a_file_that_is_not_there_or_may_not_be_read_is_named_with_its_setting(authority: Authority):
    for name in ("ssl_cafile", "ssl_crlfile", "ssl_certfile"):
        said = refused(authority, **{name: "gone.pem"})
        assert said == f"the Kafka setting {name} = 'gone.pem' can't be read (No such file or directory): name a file"
    assert "ssl_keyfile = 'gone.key'" in refused(authority, ssl_certfile="me.crt", ssl_keyfile="gone.key")
    assert "can't be read (Is a directory)" in refused(authority, ssl_cafile=".")


def test_a_file_of_another_format_is_named(authority: Authority):
    assert "ssl_cafile = 'prose.pem' holds nothing in PEM: convert it" in refused(authority, ssl_cafile="prose.pem")
    assert "ssl_cafile = 'empty.pem' is an empty file: put the" in refused(authority, ssl_cafile="empty.pem")
    said = refused(authority, ssl_certfile="prose.pem", ssl_keyfile="me.key")
    assert "ssl_certfile = 'prose.pem' and ssl_keyfile = 'me.key' must be a certificate and its key, in PEM" in said


def test_a_key_of_another_certificate_is_none(authority: Authority):
    said = refused(authority, ssl_certfile="me.crt", ssl_keyfile="other.key")
    assert "ssl_keyfile = 'other.key' has not the key of ssl_certfile = 'me.crt'" in said


def test_an_encrypted_key_wants_its_password_from_the_settings(authority: Authority):
    locked = {"ssl_certfile": "locked.crt", "ssl_keyfile": "locked.key"}
    assert "'locked.key' is encrypted, and ssl_password is missing: set it" in refused(authority, **locked)
    said = refused(authority, **locked, ssl_password="another")
    assert "'locked.key' is encrypted, and ssl_password is another one: check it" in said
    assert "ssl_password is missing" in refused(authority, **locked, ssl_password="")


def test_a_key_without_certificate_is_of_no_use(authority: Authority):
    assert "ssl_keyfile is of no use without ssl_certfile" in refused(authority, ssl_keyfile="me.key")


def test_certificates_without_tls_are_of_no_use(authority: Authority):
    said = refused(authority, security_protocol="SASL_PLAINTEXT", ssl_cafile="ca.pem", **LOG_IN)
    assert "ssl_cafile is of no use with security_protocol = SASL_PLAINTEXT: set that to SSL or SASL_SSL" in said


LOG_IN = {"sasl_mechanism": "PLAIN", "sasl_plain_username": "me", "sasl_plain_password": "word"}


def test_files_that_are_right_are_no_matter(authority: Authority):
    folder = authority.cafile.parent
    locked = {"ssl_certfile": str(folder / "locked.crt"), "ssl_keyfile": str(folder / "locked.key")}
    options = {"security_protocol": "SSL", "ssl_cafile": str(authority.cafile), **locked, "ssl_password": PASSWORD}
    with pytest.raises(UserError, match="did not answer"):
        Cluster("127.0.0.1:1", options=options, connect_timeout_s=0.2).admin()
