"""Real MP4 files with marks of origin: written by FFmpeg where it can, else by the specification."""

from __future__ import annotations

import io
import json
from uuid import UUID

import av

from tests.support.films import box, film

LABEL = json.dumps({"Label": "1", "ContentProducer": "00119144", "ProduceID": "a1", "ReservedCode1": ""})
XMP_UUID = UUID("BE7ACFCB-97A9-42E8-9C71-999491E3AFAC").bytes
C2PA_UUID = UUID("D8FEC3D6-1B0E-483C-9297-5828877EC481").bytes
MANIFEST_STORE = UUID("63327061-0011-0010-8000-00AA00389B71").bytes
_RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description {}/></rdf:RDF>'
_PACKET = '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>'


def with_label(key: str = "AIGC", value: str = LABEL) -> bytes:
    """Return a film with metadata as TC260's practice guide has FFmpeg write it."""
    written = io.BytesIO()
    options = {"movflags": "use_metadata_tags"}
    with (
        av.open(io.BytesIO(film()), "r") as source,
        av.open(written, "w", format="mp4", options=options) as copy,
    ):
        copy.metadata[key] = value
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return written.getvalue()


def packet(properties: str = 'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="video/mp4"') -> bytes:
    """Return a packet of XMP."""
    return _PACKET.format(_RDF.format(properties)).encode()


def labelled_packet() -> bytes:
    """Return a packet of XMP with the label of the Chinese standard."""
    label = LABEL.replace('"', "&quot;")
    return packet(f'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" TC260:AIGC="{label}"')


def xmp_box(content: bytes) -> bytes:
    """Return the box of a packet of XMP (XMP part 3, 1.2.7)."""
    return box(b"uuid", XMP_UUID + content)


def c2pa_box(content: bytes = b"", purpose: bytes = b"manifest") -> bytes:
    """Return the box of a manifest store (C2PA 2.2, A.5), with its description only."""
    store = box(b"jumb", box(b"jumd", MANIFEST_STORE + b"\3c2pa\0") + content)
    return box(b"uuid", C2PA_UUID + bytes(4) + purpose + b"\0" + bytes(8) + store)
