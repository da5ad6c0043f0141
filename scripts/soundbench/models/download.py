"""Downloads of published weights, by the libraries that publish them, into their usual caches."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import file_sha256, write_json
from soundbench.models.initial_weights import Address
from soundbench.models.registry import published_weights

logger = logging.getLogger(__name__)


def fetch_weights(key: str, recipe: dict[str, Any], manifest: str) -> None:
    """Fetch the published weights of a model recipe, unless they are in the cache, and list them in ``manifest``.

    Without a network, the files may be put by hand into a folder beside the manifest that has its name without the
    suffix.

    Args:
        key: the key of the configuration that names the weights.

    Raises:
        InputError: they cannot be fetched; the message names the files and the folder to put them into.
    """
    address = published_weights(recipe)
    folder = Path(manifest).with_suffix("")
    files = _files_in(folder, address)
    if not files:
        try:
            files = _from_torch_hub(address) if address.is_url else _from_hugging_face(address)
        except (OSError, RuntimeError) as error:  # of the network or of a library; torch raises one for a wrong digest
            reason = str(error).strip().partition("\n")[0]
            other = f" (or {address.names[1]} if there is no {address.names[0]})" if address.names[1:] else ""
            raise InputError(
                f"{key}: {address.location} cannot be fetched ({reason}). Download "
                f"{' and '.join(address.urls())} elsewhere, put it into {folder} and run again{other}. Or set "
                f"{key} to the path of a copy"
            ) from error
    logger.info("%s: the weights of %s are %s", key, address.location, files[0])
    write_json(manifest, {"from": address.location, "files": {str(file): file_sha256(file) for file in files}})


def _files_in(folder: Path, address: Address) -> list[Path]:
    """The files of an address in ``folder``; empty unless all exist."""
    weights = [folder / name for name in address.names if (folder / name).is_file()][:1]
    others = [folder / name for name in address.companions]
    return [*weights, *others] if weights and all(file.is_file() for file in others) else []


def _from_hugging_face(address: Address) -> list[Path]:
    """The files in the cache of the Hugging Face Hub; missing ones are downloaded."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def get(name: str) -> Path:
        try:
            return Path(hf_hub_download(address.location, name, revision=address.revision, local_files_only=True))
        except LocalEntryNotFoundError:
            return Path(hf_hub_download(address.location, name, revision=address.revision))

    for name in address.names:
        try:
            return [get(name), *map(get, address.companions)]
        except LocalEntryNotFoundError:  # neither in the cache nor reachable
            raise
        except EntryNotFoundError as error:
            missing = error
    raise OSError(f"{address.location}: {missing}")


def _from_torch_hub(address: Address) -> list[Path]:
    """The file in torch's cache, downloaded if it is missing; its name holds the beginning of its digest."""
    import torch

    name = address.names[0]
    path = Path(torch.hub.get_dir(), "checkpoints", name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = torch.hub.HASH_REGEX.search(name)
        torch.hub.download_url_to_file(address.location, str(path), digest[1] if digest else None, progress=False)
    return [path]
