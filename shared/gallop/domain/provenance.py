"""Where a video comes from: what Gallop says of it, in its receipts, views, webhooks and the metadata of its object.

Gallop adds nothing to the file, and removes nothing from it: the marks are those that it came with, read and not
verified. docs/provenance.md says who asks for which.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gallop.domain.times import timestamp
from gallop.domain.watermarks import NAME as WATERMARK

if TYPE_CHECKING:
    from gallop.domain.job import Job

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
GENERATOR = "Alibaba Cloud Model Studio (DashScope) via Gallop"
# S3 takes 2 KB of metadata, names and values together, in ASCII.
MAX_VALUE = 160
_READABLE = " !#$&'()*+,/:;=?@[]~"


def view(job: Job) -> dict[str, Any] | None:
    """Return the provenance of a job's video, or None before it was saved.

    ``marks`` is None for a video that was stored before Gallop read them.
    """
    if job.result is None:
        return None
    return {**_known_before(job), "video_sha256": job.result.sha256, "marks": job.marks and job.marks.view()}


def metadata(job: Job) -> dict[str, str]:
    """Return what is known when a video begins to arrive, as metadata of its object: short, and in ASCII.

    S3 sets the metadata of an object when its upload begins; hash and marks are known only at its end.
    """
    known = {name: _text(value) for name, value in _known_before(job).items() if value is not None}
    return {name.replace("_", "-"): quote(text[:MAX_VALUE], safe=_READABLE)[:MAX_VALUE] for name, text in known.items()}


def _known_before(job: Job) -> dict[str, Any]:
    prompt, generated_at = job.request.prompt, job.task_ended_at or job.noticed_at or job.ended_at
    return {
        "ai_generated": True,
        "digital_source_type": SOURCE_TYPE,
        "generator": GENERATOR,
        "model": job.request.model,
        "task_id": job.task_id or None,
        "generated_at": timestamp(generated_at) if generated_at else None,
        "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest() if prompt else None,
        "watermark_requested": job.request.parameters.get(WATERMARK),
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
