"""Published weights, fetched by the libraries that publish them into their usual caches."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import file_sha256, write_json
from soundbench.models.initial_weights import Address
from soundbench.models.registry import published_weights

logger = logging.getLogger(__name__)


def fetch_weights(wanted: str, recipe: dict[str, Any], manifest: str) -> None:
    """Fetch the published weights of a model recipe, unless they are here, and list them in ``manifest``.

    A folder beside the manifest, called like it, may hold the files instead: where there is no network, they are
    brought there by hand.

    Args:
        wanted: the key of the configuration that asks for them.

    Raises:
        InputError: they cannot be fetched; the text says which files to put where.
    """
    address, folder = published_weights(recipe), Path(manifest).with_suffix("")
    files = _placed(address, folder)
    if not files:
        try:
            files = _from_torch_hub(address) if address.is_url else _from_hugging_face(address)
        except (OSError, RuntimeError) as error:  # the network's and either library's; torch's where a digest differs
            why = str(error).strip().partition("\n")[0]
            raise InputError(
                f"{wanted}: {address.place} cannot be fetched ({why}). Where there is network, get "
                f"{' and '.join(address.urls())}, put it into {folder} and run again. Or set {wanted} to where you "
                "have a copy"
            ) from error
    logger.info("%s: the weights of %s are %s", wanted, address.place, files[0])
    write_json(manifest, {"from": address.place, "files": {str(file): file_sha256(file) for file in files}})


def _placed(address: Address, folder: Path) -> list[Path]:
    """The files that were put into ``folder``; none unless all are there."""
    weights = [folder / name for name in address.names if (folder / name).is_file()][:1]
    others = [folder / name for name in address.companions]
    return [*weights, *others] if weights and all(file.is_file() for file in others) else []


def _from_hugging_face(address: Address) -> list[Path]:
    """The files in the cache of the Hugging Face Hub, downloaded where they are not there yet."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def get(name: str) -> Path:
        try:
            return Path(hf_hub_download(address.place, name, revision=address.revision, local_files_only=True))
        except LocalEntryNotFoundError:
            return Path(hf_hub_download(address.place, name, revision=address.revision))

    for name in address.names:
        try:
            return [get(name), *map(get, address.companions)]
        except LocalEntryNotFoundError:  # neither in the cache nor to be had from the network
            raise
        except EntryNotFoundError as error:
            missing = error
    raise OSError(f"{address.place}: {missing}")


def _from_torch_hub(address: Address) -> list[Path]:
    """The file in torch's cache, downloaded where it is not there yet; its name tells the beginning of its digest."""
    import torch

    name = address.names[0]
    path = Path(torch.hub.get_dir(), "checkpoints", name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = torch.hub.HASH_REGEX.search(name)
        torch.hub.download_url_to_file(address.place, str(path), digest[1] if digest else None, progress=False)
    return [path]
