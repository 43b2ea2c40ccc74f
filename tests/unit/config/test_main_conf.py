from __future__ import annotations

from pathlib import Path

import pytest

from joule.config.main_conf import ProxyConf, default_config, main_config, read_main_conf
from joule.errors import ConfigurationError

FILE = Path("/somewhere/main.conf")


def test_an_empty_main_section_gives_the_documented_defaults() -> None:
    config = main_config("[Main]\n", FILE)
    assert (config.name, config.ip_address, config.database) == ("joule_node", None, None)
    assert (config.insert_period_s, config.cleanup_period_s, config.max_log_lines) == (5, 60, 100)
    assert config.echo_module_logs is False
    assert config.folders.sockets == Path("/tmp/joule")
    assert config.folders.modules == Path("/etc/joule/module_configs")


def test_the_embedded_store_lives_beside_a_main_file_that_names_no_place() -> None:
    assert main_config("[Main]\n", FILE).folders.data == Path("/somewhere/data")
    assert main_config("[Main]\n", Path("/etc/joule/main.conf")).folders.data == Path(
        "/var/lib/joule"
    )
    assert main_config("[Main]\nDataDirectory=/d\n", FILE).folders.data == Path("/d")


def test_an_address_without_a_port_means_port_8088() -> None:
    config = main_config("[Main]\nIPAddress = ::1\n", FILE)
    assert (config.ip_address, config.port) == ("::1", 8088)


@pytest.mark.parametrize(("text", "found"), [("", None), ("none", None), ("PCodec", "pcodec")])
def test_old_rows_stay_as_they_came_unless_an_encoding_is_named(
    text: str, found: str | None
) -> None:
    assert main_config(f"[Main]\nColdEncoding = {text}\n", FILE).cold_encoding == found


@pytest.mark.parametrize(
    ("text", "found"), [("", None), ("Never", None), ("30d", 30 * 86_400 * 1_000_000)]
)
def test_rows_are_compressed_at_an_age_that_is_named(text: str, found: int | None) -> None:
    assert main_config(f"[Main]\nCompressAfter = {text}\n", FILE).compress_after_us == found


@pytest.mark.parametrize(("text", "found"), [("", True), ("yes", True), ("No", False)])
def test_rows_in_postgresql_get_compressed_copies_unless_told_otherwise(
    text: str, found: bool
) -> None:
    assert main_config(f"[Main]\nCompressedCopies = {text}\n", FILE).compressed_copies is found


@pytest.mark.parametrize("found", [None, "http://localhost/nilmdb", "https://nilm.example:8080"])
def test_rows_may_be_in_a_nilmdb_server(found: str | None) -> None:
    text = "" if found is None else f"nilmdburl = {found}/"
    assert main_config(f"[Main]\n{text}\n", FILE).nilmdb_url == found


@pytest.mark.parametrize("text", ["nilmdb", "ftp://host/", "http://", "localhost:8080"])
def test_an_address_of_a_nilmdb_is_one_of_the_web(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"NilmdbUrl \[.*\] is not http://HOST"):
        main_config(f"[Main]\nNilmdbUrl = {text}\n", FILE)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            "CompressAfter=soon",
            "one of s m h d w y, for example 2d ([Main] CompressAfter)",
        ),
        ("IPAddress=local", "IPAddress is invalid ([Main] IPAddress)"),
        ("IPAddress=::1\nPort=x", "Port must be between 0 - 65535 ([Main] Port)"),
        ("IPAddress=::1\nPort=65536", "Port must be between 0 - 65535 ([Main] Port)"),
        ("InsertPeriod=0", "InsertPeriod must be a postive number ([Main] InsertPeriod)"),
        ("InsertPeriod=1.5", "InsertPeriod must be a postive number ([Main] InsertPeriod)"),
        (
            "InsertPeriod=9\nCleanupPeriod=8",
            "CleanupPeriod must be a postive number > InsertPeriod ([Main] CleanupPeriod)",
        ),
        ("MaxLogLines=-1", "MaxLogLines must be a postive number ([Main] MaxLogLines)"),
        (
            "ColdEncoding=zip",
            "ColdEncoding must be pcodec or none, not [zip] ([Main] ColdEncoding)",
        ),
        ("CompressedCopies=1", "CompressedCopies must be true|false or yes|no, not [1]"),
        ("EchoModuleLogs=on", "EchoModuleLogs must be true|false or yes|no, not [on]"),
        ("UsersFile=/no/such", "UsersFile [/no/such] does not exist ([Main] UsersFile)"),
        ("ModuleDirectory=/no", "[ModuleDirectory]=/no, directory does not exist"),
        ("ExporterConfigDirectory=/no", "[ExporterConfigDirectory]=/no, directory does not"),
        ("SocketDirectory=/etc/passwd", "SocketDirectory [/etc/passwd] is a file"),
        ("Name=50%", "write %% for a literal percent ([Main] Name)"),
        ("NilmdbUrl=ftp://me:secret@host", "NilmdbUrl [ftp://me@host] is not http://HOST"),
        ("Database=u:p%secret@h/d", "write %% for a literal percent ([Main] Database)"),
        ("Database=u:%(secret)s@h/d", "write %% for a literal percent ([Main] Database)"),
    ],
)
def test_a_bad_setting_is_refused_with_its_rule_and_option(options: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        main_config(f"[Main]\n{options}\n", FILE)
    assert text in str(caught.value)
    assert "secret" not in str(caught.value)


def test_both_spellings_of_the_importer_folder_are_read(tmp_path: Path) -> None:
    for option in ("ImporterConfigsDirectory", "ImporterConfigDirectory"):
        config = main_config(f"[Main]\n{option}={tmp_path}\n", FILE)
        assert config.folders.importers == tmp_path


def test_proxies_are_numbered_in_file_order_with_lower_case_names() -> None:
    config = main_config("[Main]\n[Proxies]\nMy Site = http://a:1\nb = http://b/x/\n", FILE)
    assert config.proxies == (
        ProxyConf(0, "my site", "http://a:1/"),
        ProxyConf(1, "b", "http://b/x/"),
    )


def test_security_needs_both_files_and_says_which_is_missing(tmp_path: Path) -> None:
    certificate = tmp_path / "c.pem"
    certificate.touch()
    with pytest.raises(ConfigurationError, match=r"missing Key \(\[Security\] Key\)"):
        main_config(f"[Main]\n[Security]\nCertificate={certificate}\n", FILE)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^cannot load file \[.*none\.conf\]$"):
        read_main_conf(tmp_path / "none.conf")
    file = tmp_path / "main.conf"
    file.write_text("[Main]\nIPAddress=x\n")
    with pytest.raises(ConfigurationError, match=rf"^IPAddress is invalid .* in {file}$"):
        read_main_conf(file)


def test_a_file_without_a_main_section_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"missing section \[Main\]"):
        main_config("[main]\nName=x\n", FILE)


def test_without_a_file_everything_is_in_the_data_folder() -> None:
    config = default_config(Path("/d"), "127.0.0.1", 1)
    assert config.folders.modules == Path("/d/module_configs")
    assert config.folders.sockets == Path("/d/sockets")
    assert (config.folders.data, config.port) == (Path("/d"), 1)
