"""What the name of a file tells: its media type, whether compressed siblings make sense, whether it
carries a hash of its content.

A table of our own, since that of the machine differs from machine to machine, and a wrong type is a
page that does not work. Charsets stand where the type's own rules let them: text and JavaScript.
"""

from __future__ import annotations

import re

OCTETS = b"application/octet-stream"

_TEXT = {
    "css": "text/css", "csv": "text/csv", "cjs": "text/javascript", "htm": "text/html", "html": "text/html",
    "ics": "text/calendar", "js": "text/javascript", "log": "text/plain", "md": "text/markdown",
    "mjs": "text/javascript", "po": "text/plain", "tsv": "text/tab-separated-values",
    "txt": "text/plain", "vcf": "text/vcard", "vtt": "text/vtt",
}  # fmt: skip
_COMPRESSIBLE = {
    "atom": "application/atom+xml", "bmp": "image/bmp", "eot": "application/vnd.ms-fontobject", "geojson": "application/geo+json",
    "glb": "model/gltf-binary", "gltf": "model/gltf+json", "ico": "image/vnd.microsoft.icon",
    "json": "application/json", "jsonld": "application/ld+json", "kml": "application/vnd.google-earth.kml+xml",
    "map": "application/json", "otf": "font/otf", "rdf": "application/rdf+xml", "rss": "application/rss+xml",
    "rtf": "application/rtf", "sql": "application/sql", "svg": "image/svg+xml", "tar": "application/x-tar",
    "topojson": "application/json", "ttc": "font/collection", "ttf": "font/ttf", "wasm": "application/wasm",
    "webmanifest": "application/manifest+json", "xhtml": "application/xhtml+xml", "xml": "application/xml",
    "xsd": "application/xml", "xsl": "application/xml", "xslt": "application/xslt+xml",
    "yaml": "application/yaml", "yml": "application/yaml",
}  # fmt: skip
_DENSE = {
    "7z": "application/x-7z-compressed", "aac": "audio/aac", "apk": "application/vnd.android.package-archive",
    "apng": "image/apng", "avi": "video/x-msvideo", "avif": "image/avif", "br": "application/x-brotli",
    "bz2": "application/x-bzip2", "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip", "flac": "audio/flac", "gif": "image/gif", "gz": "application/gzip",
    "heic": "image/heic", "jar": "application/java-archive", "jpeg": "image/jpeg", "jpg": "image/jpeg",
    "jxl": "image/jxl", "m4a": "audio/mp4", "m4v": "video/mp4", "mid": "audio/midi", "mkv": "video/matroska",
    "mov": "video/quicktime", "mp3": "audio/mpeg", "mp4": "video/mp4", "mpd": "application/dash+xml",
    "m3u8": "application/vnd.apple.mpegurl", "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet", "odt": "application/vnd.oasis.opendocument.text",
    "oga": "audio/ogg", "ogg": "audio/ogg", "ogv": "video/ogg", "opus": "audio/ogg", "pdf": "application/pdf",
    "png": "image/png", "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "tif": "image/tiff", "tiff": "image/tiff", "ts": "video/mp2t", "wav": "audio/wav", "weba": "audio/webm",
    "webm": "video/webm", "webp": "image/webp", "whl": "application/zip", "woff": "font/woff",
    "woff2": "font/woff2", "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xz": "application/x-xz",
    "zip": "application/zip", "zst": "application/zstd",
}  # fmt: skip


class Type:
    """A media type as the header has it, and whether siblings with a content coding are looked for."""

    __slots__ = ("compressible", "value")

    def __init__(self, value: bytes, compressible: bool) -> None:
        self.value = value
        self.compressible = compressible


_UNKNOWN = Type(OCTETS, False)
_TYPES = (
    {ending: Type(f"{name}; charset=utf-8".encode(), True) for ending, name in _TEXT.items()}
    | {ending: Type(name.encode(), True) for ending, name in _COMPRESSIBLE.items()}
    | {ending: Type(name.encode(), False) for ending, name in _DENSE.items()}
)

# The hash that a bundler writes before the ending: main.8e0d62a0.js, app-55e7cbb9ba48.css,
# index-BxK3_a9d.js. Digits and letters both, so that dates and words are none.
_HASHED = re.compile(r"[.-]([0-9a-f]{9,64}|[A-Za-z0-9_-]{8})\.[A-Za-z0-9.]+\Z")


def type_of(name: str) -> Type:
    """The type of the file `name`, by its ending; application/octet-stream where that says nothing."""
    _, dot, ending = name.rpartition(".")
    return _TYPES.get(ending.lower(), _UNKNOWN) if dot else _UNKNOWN


def is_hashed(name: str) -> bool:
    """Whether the name carries a hash of the content, so that the content can never change under it.

    Asked only where the operator says that there are such names: `promo-iPhone12.png` looks like one.
    """
    found = _HASHED.search(name)
    if found is None:
        return False
    return any(char.isdigit() for char in found[1]) and any(char.isalpha() for char in found[1])
