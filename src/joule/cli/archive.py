"""``joule archive``: files that hold the streams of a node, as exporters make them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import joule
from joule.cli import output
from joule.cli.session import on_node
from joule.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joule.api import Node
    from joule.utilities import ImportLogger, LogMessage


@click.group("archive")
def group() -> None:
    """Look into archives and import them."""


# ----------------------------------------------------------------------- inspect


@group.command("inspect")
@click.option("-v", "--verbose", is_flag=True, help="Show each stream.")
@click.argument("archive", type=click.Path(exists=True, path_type=Path))
def inspect(archive: Path, verbose: bool) -> None:
    """Show what is in ARCHIVE, and where it is from. No node is needed."""
    try:
        for text in _described(joule.utilities.archive_tools.read_metadata(archive), verbose):
            output.line(text)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise click.ClickException(f"{archive} is not a valid joule archive") from error


def _described(about: dict[str, Any], verbose: bool) -> list[str]:
    """Give the lines about an archive; fails somehow when its description is none."""
    data, events = about["data_streams"], about["event_streams"]
    lines = [
        "========= Source ===========",
        f"Node:\t{about['node']}",
        f"Label:\t{about['name']}",
        f"Date:\t{_time(about['created_at'])}",
        "",
        "========= Contents ========",
    ]
    filled = [each for each in (*data, *events) if each["start_ts"] is not None]
    if not filled:
        return [*lines, "--no stream data--", ""]
    lines += [
        f"Start:\t{_time(min(each['start_ts'] for each in filled))}",
        f"End:\t{_time(max(each['end_ts'] for each in filled))}",
        f"{len(data)} data streams, {len(events)} event streams",
    ]
    if verbose:
        for stream in data:
            lines += _data_stream(stream)
        for stream in events:
            lines += _event_stream(stream)
        lines.append("")
    return lines


def _data_stream(stream: dict[str, Any]) -> list[str]:
    return [
        "-------- Data Stream -------",
        f"Label:     {stream['source_label']}",
        f"Path:      {stream['stream_path']}",
        f"Layout:    {stream['stream_layout']}",
        f"Rows:      {stream['row_count']}",
        f"Intervals: {stream['interval_count']}",
    ]


def _event_stream(stream: dict[str, Any]) -> list[str]:
    return [
        "-------- Event Stream ------",
        f"Label:     {stream['source_label']}",
        f"Path:      {stream['stream_path']}",
        f"Events:    {stream['event_count']}",
        f"Fields:    {','.join(stream['event_fields']) or '--none--'}",
    ]


def _time(time_us: int) -> str:
    """Write a time as it is here."""
    return datetime.fromtimestamp(time_us / 1e6).strftime("%a, %d %b %Y %H:%M:%S")


# ----------------------------------------------------------------------- upload


@group.command("upload")
@click.option("-f", "--flush", is_flag=True, help="Remove archives that were imported wholly.")
@click.option("-e", "--quit-on-error", is_flag=True, help="Stop at the first that was not.")
@click.option("-v", "--verbose", is_flag=True, help="Show what was imported.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def upload(path: Path, flush: bool, quit_on_error: bool, verbose: bool) -> None:
    """Import the archive PATH, or all those in the folder PATH by name.

    What is there already is left as it is and reported; the exit status is 1 when anything was.
    """
    archives = _archives(path)
    _upload(archives, flush, quit_on_error, verbose)


def _archives(path: Path) -> list[Path]:
    if not path.is_dir():
        if not _is_archive(path):
            raise click.ClickException("this file does not look like a Joule archive")
        return [path]
    found = [file for file in sorted(path.iterdir()) if file.is_file() and _is_archive(file)]
    if not found:
        raise click.ClickException("no Joule archives found in this directory")
    return found


def _is_archive(file: Path) -> bool:
    try:
        joule.utilities.archive_tools.read_metadata(file)
    except ValueError:
        return False
    return True


@on_node
async def _upload(
    node: Node, archives: Sequence[Path], flush: bool, quit_on_error: bool, verbose: bool
) -> None:
    reports: dict[Path, ImportLogger] = {}
    for archive in _announced(archives):
        reports[archive] = report = await _report(node, archive)
        if report.success and flush:
            _remove(archive)
        if quit_on_error and not report.success:
            break
    output.line("\nUploaded the following archive(s):\n")
    for archive, report in reports.items():
        _show_report(archive, report, verbose)
    failed = len(archives) - sum(report.success for report in reports.values())
    if failed:
        raise click.ClickException(f"{failed} of {len(archives)} archives were not imported wholly")


def _remove(archive: Path) -> None:
    try:
        archive.unlink()
    except OSError as error:  # a medium that is only read
        output.note(f"[{archive}] was imported and cannot be removed: {error.strerror}")


def _announced(archives: Sequence[Path]) -> Iterable[Path]:
    """Give the archives one by one and show how many were given."""
    output.line()
    if len(archives) == 1:
        output.line("Uploading...")
        yield archives[0]
        output.ok()
        return
    with output.progress("Uploading...", len(archives)) as bar:
        for archive in archives:
            yield archive
            bar.update(1)


async def _report(node: Node, archive: Path) -> ImportLogger:
    """Send an archive; what the node refuses becomes the report."""
    try:
        return await node.archive_upload(archive)
    except joule.errors.NodeConnectionError:
        raise
    except ApiError as error:
        report: ImportLogger = joule.utilities.ImportLogger()
        report.error(str(error))
        return report


def _show_report(archive: Path, report: ImportLogger, verbose: bool) -> None:
    if report.success and not (verbose and report.has_info):
        output.line(f"{archive}\t[OK]")
        return
    output.line(f"{archive}:")
    _show_messages("ERRORS", report.error_messages)
    _show_messages("WARNINGS", report.warning_messages)
    if verbose:
        _show_messages("INFO", report.info_messages)


def _show_messages(title: str, messages: Iterable[LogMessage]) -> None:
    found = list(messages)
    if found:
        output.line(f"\t=== {title} ===")
    for message in found:
        output.line(f"\t{message}")
