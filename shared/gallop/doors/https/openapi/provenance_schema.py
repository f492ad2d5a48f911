"""The schemas of where a video comes from, and of its signed copy."""

from __future__ import annotations

from gallop.domain.credentials import Unsigned
from gallop.domain.provenance import SOURCE_TYPE
from gallop.doors.https.openapi.basics import TEXT, Schema, choice, closed, nullable


def provenance() -> Schema:
    """Describe where a video comes from, as ``domain.provenance.view`` says it."""
    flag = {"type": "boolean"}
    marks = closed(
        {
            "c2pa": nullable({**flag, "description": "A manifest of Content Credentials (C2PA)."}),
            "xmp": nullable({**flag, "description": "A packet of XMP."}),
            "aigc": nullable({**flag, "description": "The implicit label of GB 45438-2025."}),
        }
    )
    found = "Which marks the file carries; null where that is not known. They are found, not verified."
    return closed(
        {
            "ai_generated": {"const": True},
            "digital_source_type": {"const": SOURCE_TYPE, "description": "IPTC's term."},
            "generator": TEXT,
            "model": TEXT,
            "task_id": nullable(TEXT),
            "generated_at": nullable({"type": "string", "format": "date-time"}),
            "prompt_sha256": nullable({**TEXT, "description": "Of the prompt in UTF-8; null without a prompt."}),
            "watermark_requested": nullable({**flag, "description": "The visible watermark, at DashScope."}),
            "video_sha256": TEXT,
            "marks": {**nullable(marks), "description": found},
        }
    )


def credentials(file: Schema) -> Schema:
    """Describe whether a video was signed, as ``domain.credentials.view`` says it; ``file`` is that of the copy."""
    codes = f"Why there is no signed copy: {', '.join(Unsigned)}."
    return closed(
        {
            "state": choice(("signed", "failed")),
            "file": file,
            "code": {**TEXT, "description": codes},
            "reason": TEXT,
        },
        required=("state",),
    )
