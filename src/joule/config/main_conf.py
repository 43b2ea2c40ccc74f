"""The node's main file: names, folders, listeners, limits. Values only; nothing is created here."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from joule.config.ini import Section, main_section, parse_ini
from joule.config.rules import duration_us
from joule.errors import ConfigurationError
from joule.utilities.addresses import without_password

SYSTEM_FILE = Path("/etc/joule/main.conf")
SYSTEM_DATA = Path("/var/lib/joule")
DEFAULT_NAME = "joule_node"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8088


@dataclass(frozen=True, slots=True)
class Folders:
    """Where configuration files are looked for and where working files go."""

    modules: Path = Path("/etc/joule/module_configs")
    data_streams: Path = Path("/etc/joule/data_stream_configs")
    event_streams: Path = Path("/etc/joule/event_stream_configs")
    importers: Path = Path("/etc/joule/importer_configs")
    exporters: Path = Path("/etc/joule/exporter_configs")
    importer_data: Path = SYSTEM_DATA / "importer_data"
    exporter_data: Path = SYSTEM_DATA / "exporter_data"
    sockets: Path = Path("/tmp/joule")
    data: Path = SYSTEM_DATA


@dataclass(frozen=True, slots=True)
class Security:
    """Files for TLS; ``authority`` verifies other nodes and is handed to the modules."""

    certificate: Path
    key: Path
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class ProxyConf:
    """A web page that the node makes reachable; ``url`` ends with a slash."""

    id: int
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class MainConfig:
    """Everything a node is told at its start.

    ``ip_address`` None means that it listens on its UNIX socket only. ``database`` None is the
    embedded store in ``folders.data``; ``cold_encoding`` is how that stores old rows, ``pcodec``
    or None for as they came; ``compress_after_us`` is the age at which TimescaleDB does, None for
    never; ``compressed_copies`` says whether PostgreSQL without it gets them. ``nilmdb_url`` is the
    NilmDB server that has the rows, None where the database does.
    """

    name: str = DEFAULT_NAME
    folders: Folders = field(default_factory=Folders)
    ip_address: str | None = None
    port: int = DEFAULT_PORT
    database: str | None = None
    cold_encoding: str | None = None
    compress_after_us: int | None = None
    compressed_copies: bool = True
    nilmdb_url: str | None = None
    insert_period_s: int = 5
    cleanup_period_s: int = 60
    max_log_lines: int = 100
    echo_module_logs: bool = False
    users_file: Path | None = None
    importer_key: str | None = None
    security: Security | None = None
    proxies: tuple[ProxyConf, ...] = ()
    file: Path | None = None


def default_config(
    data_folder: Path, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT
) -> MainConfig:
    """Give the settings of a node that has no main file: everything is in its data folder."""
    folders = Folders(
        modules=data_folder / "module_configs",
        data_streams=data_folder / "data_stream_configs",
        event_streams=data_folder / "event_stream_configs",
        importers=data_folder / "importer_configs",
        exporters=data_folder / "exporter_configs",
        importer_data=data_folder / "importer_data",
        exporter_data=data_folder / "exporter_data",
        sockets=data_folder / "sockets",
        data=data_folder,
    )
    return MainConfig(folders=folders, ip_address=host, port=port)


def read_main_conf(file: Path) -> MainConfig:
    """Read a main file; ``ConfigurationError`` names file, section and option."""
    try:
        text = file.read_text("utf-8-sig")
    except PermissionError as error:
        raise ConfigurationError(f"cannot read {file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot load file [{file}]") from error
    try:
        return main_config(text, file)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} in {file}") from error


def main_config(text: str, file: Path) -> MainConfig:
    """Read the text of a main file; ``file`` tells where the data folder is by default."""
    sections = parse_ini(text, str(file))
    main = main_section(sections)
    insert_s = _positive(main, "InsertPeriod", 5, "InsertPeriod must be a postive number")
    return MainConfig(
        name=main.text("Name") or DEFAULT_NAME,
        folders=_folders(main, file),
        ip_address=_ip_address(main),
        port=_port(main),
        database=main.text("Database") or None,
        cold_encoding=_cold_encoding(main),
        compress_after_us=_compress_after(main),
        compressed_copies=_yes(main, "CompressedCopies", default=True),
        nilmdb_url=_nilmdb_url(main),
        insert_period_s=insert_s,
        cleanup_period_s=_cleanup_period(main, insert_s),
        max_log_lines=_positive(main, "MaxLogLines", 100, "MaxLogLines must be a postive number"),
        echo_module_logs=_yes(main, "EchoModuleLogs", default=False),
        users_file=_users_file(main),
        importer_key=main.text("ImporterKey") or None,
        security=_security(sections.get("Security")),
        proxies=_proxies(sections.get("Proxies")),
        file=file,
    )


def _folders(main: Section, file: Path) -> Folders:
    default = Folders()
    beside = SYSTEM_DATA if file == SYSTEM_FILE else file.parent / "data"
    data = Path(main.text("DataDirectory") or beside)
    return Folders(
        modules=_existing(main, default.modules, "ModuleDirectory"),
        data_streams=_existing(main, default.data_streams, "DataStreamDirectory"),
        event_streams=_existing(main, default.event_streams, "EventStreamDirectory"),
        importers=_existing(
            main, default.importers, "ImporterConfigsDirectory", "ImporterConfigDirectory"
        ),
        exporters=_existing(
            main, default.exporters, "ExporterConfigsDirectory", "ExporterConfigDirectory"
        ),
        importer_data=Path(main.text("ImporterDataDirectory") or data / "importer_data"),
        exporter_data=Path(main.text("ExporterDataDirectory") or data / "exporter_data"),
        sockets=_sockets(main, default.sockets),
        data=data,
    )


def _existing(main: Section, default: Path, *options: str) -> Path:
    """Give a folder that must exist when the file names it; a default one may be absent."""
    for option in options:
        text = main.text(option)
        if text:
            if not Path(text).is_dir():
                raise main.fault(option, f"[{option}]={text}, directory does not exist")
            return Path(text)
    return default


def _sockets(main: Section, default: Path) -> Path:
    path = Path(main.text("SocketDirectory") or default)
    if path.exists() and not path.is_dir():
        raise main.fault("SocketDirectory", f"SocketDirectory [{path}] is a file")
    return path


def _ip_address(main: Section) -> str | None:
    text = main.text("IPAddress")
    if not text:
        return None
    return str(main.convert("IPAddress", ipaddress.ip_address, "IPAddress is invalid"))


def _port(main: Section) -> int:
    if not main.text("IPAddress") or not main.text("Port"):
        return DEFAULT_PORT
    text = "Port must be between 0 - 65535"
    port = main.convert("Port", int, text)
    if not 0 <= port <= 65535:
        raise main.fault("Port", text)
    return port


def _positive(main: Section, option: str, default: int, text: str) -> int:
    if not main.text(option):
        return default
    value = main.convert(option, int, text)
    if value <= 0:
        raise main.fault(option, text)
    return value


def _cleanup_period(main: Section, insert_s: int) -> int:
    text = "CleanupPeriod must be a postive number > InsertPeriod"
    value = _positive(main, "CleanupPeriod", max(60, insert_s), text)
    if value < insert_s:
        raise main.fault("CleanupPeriod", text)
    return value


def _cold_encoding(main: Section) -> str | None:
    text = (main.text("ColdEncoding") or "none").lower()
    if text not in ("none", "pcodec"):
        raise main.fault("ColdEncoding", f"ColdEncoding must be pcodec or none, not [{text}]")
    return None if text == "none" else text


def _nilmdb_url(main: Section) -> str | None:
    text = main.text("NilmdbUrl")
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = without_password(text)
        raise main.fault("NilmdbUrl", f"NilmdbUrl [{shown}] is not http://HOST or https://HOST")
    return text.rstrip("/")


def _compress_after(main: Section) -> int | None:
    text = main.text("CompressAfter") or "never"
    if text.lower() == "never":
        return None
    try:
        return duration_us(text)
    except ConfigurationError as error:
        raise main.fault("CompressAfter", str(error)) from error


def _yes(main: Section, option: str, *, default: bool) -> bool:
    text = (main.text(option) or "").lower()
    if text not in ("", "true", "yes", "false", "no"):
        raise main.fault(option, f"{option} must be true|false or yes|no, not [{text}]")
    return text in ("true", "yes") if text else default


def _users_file(main: Section) -> Path | None:
    text = main.text("UsersFile")
    if text and not Path(text).is_file():
        raise main.fault("UsersFile", f"UsersFile [{text}] does not exist")
    return Path(text) if text else None


def _security(section: Section | None) -> Security | None:
    if section is None:
        return None
    authority = section.text("CertificateAuthority")
    return Security(
        certificate=_file(section, "Certificate"),
        key=_file(section, "Key"),
        authority=_file(section, "CertificateAuthority") if authority else None,
    )


def _file(section: Section, option: str) -> Path:
    path = Path(section.required(option))
    if not path.is_file():
        raise section.fault(option, f"{option} [{path}] does not exist")
    return path


def _proxies(section: Section | None) -> tuple[ProxyConf, ...]:
    if section is None:
        return ()
    return tuple(
        ProxyConf(index, name, f"{section.required(name).rstrip('/')}/")
        for index, name in enumerate(section.items())
    )
