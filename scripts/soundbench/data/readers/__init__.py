"""Readers of sources, one module each: :mod:`soundbench.data.index` says what a reader has."""

from soundbench.core.registry import Registry

READERS = Registry("soundbench.data.readers", key="reader", function="read")

# The keys of sources that are published as an archive.
ARCHIVE = {
    "url": {
        "description": (
            "Address of the published archive (.zip), which is fetched if `root` is not given. It is fetched over "
            "https where the server supports it, even if the address begins with `http:`."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "checksum": {
        "description": (
            "`md5:` or `sha256:` and the archive's digest. An archive with another digest is refused. null: the first "
            "download is trusted, and its digest is kept in `origin.json`; a later download must have the same digest."
        ),
        "type": ["string", "null"],
        "default": None,
    },
}
