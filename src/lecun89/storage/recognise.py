"""What a file really is, by its first bytes: people hold an HTML page as often as the file."""

_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "Parquet"),
    (b"GGUF", "GGUF"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF", "a PDF"),
    *((bytes([0x80, protocol]), "a pickle") for protocol in range(2, 6)),
)
_ADVICE = {
    "an HTML page": "the download went wrong, so download the file itself",
    "a Git LFS pointer": "it only names the file, so run `git lfs pull` where it lies",
}
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


def what_it_is(content: bytes) -> str | None:
    """What a file is, as in ``an HTML page``, ``gzip`` or ``a zip archive``; None when unknown.

    Args:
        content: its first bytes; 1 kB is enough.
    """
    if not content:
        return "empty"
    for start, name in _STARTS:
        if content.startswith(start):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "a WebP picture"
    if content[257:262] == b"ustar":
        return "a tar archive"
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") < 1 << 32:
        return "safetensors"
    text = content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGES):
        return "an HTML page"
    if text.startswith((b"<?xml", b"<!--")):
        return "an HTML page" if any(tag in text for tag in _PAGES) else "XML"
    return None


def advice(name: str) -> str | None:
    """What to do about a file that is what `what_it_is` says, where that is plain."""
    return _ADVICE.get(name)
