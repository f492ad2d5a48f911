"""Multipart forms, as uploads send them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError

if TYPE_CHECKING:
    import httpx
    from python_multipart.multipart import Field, File


def read_form(request: httpx.Request) -> tuple[dict[str, str], bytes]:
    """Return the fields and the file of a form; raises ``ValueError`` if it is invalid."""
    fields: dict[str, str] = {}
    files: list[bytes] = []

    def on_field(field: Field) -> None:
        fields[(field.field_name or b"").decode()] = (field.value or b"").decode()

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        files.append(file.file_object.read())
        file.close()

    headers = {"Content-Type": request.headers.get("content-type", "").encode()}
    try:
        parse_form(headers, io.BytesIO(request.content), on_field, on_file)
    except FormParserError as error:
        raise ValueError(str(error)) from error
    if not files:
        raise ValueError("the form has no file")
    return fields, files[-1]
