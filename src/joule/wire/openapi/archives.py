"""Archives: streams of other nodes as files."""

from __future__ import annotations

from joule.wire.openapi.operations import ROWS, Answer, Body, Operation, Refusal, bad
from joule.wire.openapi.schemas import ref
from joule.wire.routes import Route

ARCHIVES = (
    Operation(
        "archive_upload",
        "post",
        Route.ARCHIVE,
        "Import an archive, which a key for archives alone (ImporterKey) allows too",
        Answer(ref("ImportReport"), text="What was imported is durable."),
        body=Body(
            {"type": "string", "contentMediaType": "application/zip"},
            ROWS,
            "The zip file as it is, whatever the content type says.",
        ),
        refused=(
            *bad(
                "invalid joule archive",
                "invalid joule archive: <what is wrong with it>",
                "the body of the request cannot be read",
            ),
            Refusal(500, "<why it cannot be stored now; to be sent again>"),
        ),
        scope="write",
    ),
)
