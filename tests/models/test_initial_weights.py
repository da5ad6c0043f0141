"""Initial weights in the formats that their libraries save; no network is needed or used."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
import transformers
from safetensors.torch import save_file
from torch import nn

from helpers.library import configuration
from soundbench.core.errors import InputError
from soundbench.core.storage import file_sha256, read_json, write_json
from soundbench.models.download import fetch_weights
from soundbench.models.families import FAMILIES, alexnet
from soundbench.models.families.ast import AUDIOSET, resample_positions
from soundbench.models.initial_weights import PUBLISHED, REVISIONS, Weights, find_weights, weight_files
from soundbench.models.registry import build_model

RESNET = {"family": "timm", "name": "resnet10t", "arguments": {}}
CNN = {"family": "cnn", "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.1}
ACDNET = {"family": "acdnet", "width": 1, "pool": 10, "dropout": 0.2}
TINYAST = {"family": "tinyast", "patch": 8, "width": 12, "depth": 2, "heads": 3, "dropout": 0.0}
AST = {"family": "ast", "width": 8, "depth": 2, "heads": 2, "patch": 16, "frequency_stride": 10, "time_stride": 10}


def start(recipe: dict[str, Any], path: Path, shape: tuple[int, int] = (64, 96), classes: int = 3) -> nn.Module:
    """The network of a recipe that starts from the weights at a path, as a training job builds it."""
    return build_model(recipe, classes, shape, find_weights(weight_files(str(path), "results"))).eval()


@pytest.fixture(scope="module")
def coloured() -> nn.Module:
    """A network of timm for three channels and eleven classes."""
    torch.manual_seed(0)
    import timm

    return timm.create_model("resnet10t", num_classes=11).eval()


def saved(network: nn.Module, folder: Path, form: str) -> Path:
    """Save a network in one of the forms in which weights are passed around."""
    folder.mkdir(exist_ok=True)
    state = network.state_dict()
    match form:
        case "timm folder":
            import timm

            timm.models.save_for_hf(network, str(folder), safe_serialization=True)
            return folder
        case "safetensors":
            save_file(state, folder / "weights.safetensors")
            return folder / "weights.safetensors"
        case "pickled folder":
            torch.save(state, folder / "pytorch_model.bin")
            return folder
        case _:
            torch.save({"epoch": 3, "state_dict": state}, folder / "checkpoint.pth")
            return folder / "checkpoint.pth"


@pytest.mark.parametrize("form", ["timm folder", "safetensors", "pickled folder", "checkpoint"])
def test_summed_channels_give_the_same_output_as_three_equal_channels(
    coloured: nn.Module, tmp_path: Path, form: str
) -> None:
    """The first convolution is summed: numerically the features of a picture that is the same in every channel."""
    network = start(RESNET, saved(coloured, tmp_path / "saved", form))
    picture = torch.randn(2, 1, 64, 96)
    assert torch.allclose(
        network.forward_features(picture), coloured.forward_features(picture.repeat(1, 3, 1, 1)), atol=1e-4
    )
    assert network(picture).shape == (2, 3)


def test_head_of_as_many_classes_is_kept(coloured: nn.Module, tmp_path: Path) -> None:
    network = start(RESNET, saved(coloured, tmp_path / "saved", "safetensors"), classes=11)
    assert torch.equal(network.get_classifier().weight, coloured.get_classifier().weight)


@pytest.mark.slow
def test_alexnet_of_torchvision(tmp_path: Path) -> None:
    """In the published format and of the published shapes; the linear layers are one number, stored once."""
    with torch.device("meta"):
        published = torchvision.models.alexnet().state_dict()
    state = {
        name: torch.randn(value.shape) * 0.01 if value.ndim == 4 else torch.full((1,), 0.01).expand(value.shape)
        for name, value in published.items()
    }
    torch.save(state, tmp_path / "alexnet.pth")
    network = start({"family": "alexnet", "dropout": 0.5}, tmp_path / "alexnet.pth")
    assert torch.equal(network.features[0].weight, state["features.0.weight"].sum(dim=1, keepdim=True))
    assert torch.equal(network.features[3].weight, state["features.3.weight"])
    assert network.classifier[6].weight.std() > 0  # its own, as the classes differ
    assert torch.equal(network.classifier[4].weight, state["classifier.4.weight"])


@pytest.fixture(scope="module")
def audio_transformer(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """A small AST as transformers saves it, for features of 36 bins and 66 frames, with learned positions."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    network = transformers.ASTForAudioClassification(
        transformers.ASTConfig(**sizes, num_mel_bins=36, max_length=66, num_labels=5)
    )
    nn.init.normal_(network.audio_spectrogram_transformer.embeddings.position_embeddings)
    folder = tmp_path_factory.mktemp("ast")
    network.save_pretrained(folder)
    return network.eval(), folder


def test_ast_of_transformers(audio_transformer: tuple[nn.Module, Path]) -> None:
    original, folder = audio_transformer
    network = start(AST, folder, (36, 66))
    assert network(torch.zeros(2, 1, 36, 66)).shape == (2, 3)
    picture = torch.randn(2, 1, 36, 66)
    same = start(AST, folder, (36, 66), classes=5)
    assert torch.allclose(same(picture), original(picture.squeeze(1).transpose(1, 2)).logits, atol=1e-5)


def test_ast_positions_follow_the_length_of_the_input(audio_transformer: tuple[nn.Module, Path]) -> None:
    original, folder = audio_transformer
    before = original.audio_spectrogram_transformer.embeddings.position_embeddings
    body = start(AST, folder, (36, 126)).network.audio_spectrogram_transformer
    after = body.embeddings.position_embeddings
    assert after.shape[1] == 2 + 3 * 12
    assert torch.equal(after[:, :2], before[:, :2])
    assert torch.allclose(after, resample_positions(before, (3, 6), (3, 12)))


def test_positions_between_patches_are_those_between_their_embeddings() -> None:
    """A ramp along time stays a ramp, and frequency is not mixed into it."""
    ramp = torch.arange(4.0).repeat(2, 1) + torch.tensor([[0.0], [10.0]])
    positions = torch.cat([torch.tensor([-1.0, -2.0]), ramp.flatten()])[None, :, None]
    doubled = resample_positions(positions, (2, 4), (2, 8))[0, :, 0]
    assert doubled[:2].tolist() == [-1, -2]
    expected = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    assert torch.allclose(doubled[2:].reshape(2, 8), torch.stack([expected, expected + 10]))


def run_of_ours(recipe: dict[str, Any], folder: Path, shape: tuple[int, int]) -> nn.Module:
    """A folder as a training job leaves it."""
    network = build_model(recipe, 4, shape)
    folder.mkdir()
    save_file(network.state_dict(), folder / "model.safetensors")
    write_json(folder / "model.json", {"recipe": recipe, "shape": list(shape), "sources": ["elsewhere"]})
    return network.eval()


@pytest.mark.parametrize("recipe", [CNN, RESNET, TINYAST, AST], ids=lambda recipe: recipe["family"])
def test_every_family_starts_from_a_run_of_its_own(recipe: dict[str, Any], tmp_path: Path) -> None:
    before = run_of_ours(recipe, tmp_path / "fold1", (64, 96))
    picture = torch.randn(2, 1, 64, 96)
    assert torch.allclose(start(recipe, tmp_path / "fold1", classes=4)(picture), before(picture), atol=1e-5)
    assert start(recipe, tmp_path / "fold1", (64, 128), classes=6)(torch.zeros(2, 1, 64, 128)).shape == (2, 6)


def test_acdnet_starts_from_a_run_with_other_classes(tmp_path: Path) -> None:
    """Its last convolution and batch norm have one channel per class; they are replaced with the last layer."""
    before = run_of_ours(ACDNET, tmp_path / "fold1", (1, 2000)).state_dict()
    after = start(ACDNET, tmp_path / "fold1", (1, 2000), classes=6).state_dict()
    kept = [name for name, value in after.items() if value.shape == before[name].shape]
    replaced = [name for name in after if name not in kept]
    assert all(torch.equal(after[name], before[name]) for name in kept)
    assert replaced == list(after)[-8:-3] + list(after)[-2:]


@pytest.mark.parametrize(("recipe", "grid"), [(TINYAST, (8, 12)), (AST, (5, 9))], ids=["tinyast", "ast"])
def test_positions_of_a_run_are_resampled_on_its_own_grid(
    recipe: dict[str, Any], grid: tuple[int, int], tmp_path: Path
) -> None:
    """What differs along frequency alone stays so when the features get longer; the grid is not square."""
    run_of_ours(recipe, tmp_path / "fold1", (64, 96))
    from safetensors.torch import load_file

    state = load_file(tmp_path / "fold1" / "model.safetensors")
    (name,) = [name for name in state if "pos" in name]
    rows = torch.arange(float(grid[0])).repeat_interleave(grid[1])
    prefix = state[name].shape[1] - len(rows)
    state[name][0, prefix:] = rows[:, None]
    save_file(state, tmp_path / "fold1" / "model.safetensors")
    positions = start(recipe, tmp_path / "fold1", (64, 192)).state_dict()[name][0, prefix:, 0].reshape(grid[0], -1)
    assert positions.shape[1] > grid[1]
    assert torch.allclose(positions, torch.arange(float(grid[0]))[:, None].expand_as(positions), atol=1e-4)


class Harmful:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm-was-done",)


@pytest.mark.parametrize("recipe", [CNN, RESNET, AST], ids=lambda recipe: recipe["family"])
def test_pickles_of_anything_else_are_not_opened(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Harmful()}, tmp_path / "pytorch_model.bin")
    transformers.ASTConfig(num_hidden_layers=1).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"pytorch_model\.bin: is a pickle of more than tensors"):
        start(recipe, tmp_path)
    assert not (tmp_path / "harm-was-done").exists()


def test_damaged_and_other_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "short.safetensors").write_bytes(b"12345")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, expected in (("short.safetensors", "cannot be read as weights"), ("list.pth", "holds no state_dict")):
        with pytest.raises(InputError, match=expected):
            start(CNN, tmp_path / name)


@pytest.mark.parametrize("recipe", [CNN, RESNET], ids=lambda recipe: recipe["family"])
def test_weights_of_another_network_do_not_fit_and_some_are_named(recipe: dict[str, Any], tmp_path: Path) -> None:
    import timm

    other = timm.create_model("resnet10t", in_chans=1, block_args={"attn_layer": "se"})
    with pytest.raises(InputError, match=r"does not fit this model\..*layer1\.0\.se|does not fit.*blocks") as refused:
        start(recipe, saved(other, tmp_path / "saved", "safetensors"))
    assert len(str(refused.value)) < 1000


def test_run_that_does_not_tell_its_sources_is_refused(tmp_path: Path) -> None:
    run_of_ours(CNN, tmp_path / "fold1", (64, 96))
    write_json(tmp_path / "fold1" / "model.json", {"recipe": CNN})
    with pytest.raises(InputError, match="does not state on which sources"):
        find_weights(weight_files(str(tmp_path / "fold1"), "results"))


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of both libraries, and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def no_network(url: str, *_: Any, **__: Any) -> None:
        raise OSError(f"no way to {url}")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    return tmp_path


ALEXNET = {"family": "alexnet", "features": "x", "pretrained": "imagenet", "dropout": 0.5}
RESNET18 = {"family": "timm", "features": "x", "pretrained": "imagenet", "name": "resnet18", "arguments": {}}
# The encoder of the library's embedding, from a fixed commit.
ENCODER = configuration()["features"]["wavlm-embedding"]["model"]
ENCODER_FOLDER = "https://huggingface.co/microsoft/wavlm-base-plus/resolve/4c66d4806a428f2e922ccfa1a962776e232d487b"
RESNET18_REVISION = REVISIONS["timm/resnet18.a1_in1k"]


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        (ALEXNET, ["https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"]),
        (
            RESNET18,
            [f"https://huggingface.co/timm/resnet18.a1_in1k/resolve/{RESNET18_REVISION}/model.safetensors"],
        ),
        (
            RESNET18 | {"name": "densenet121"},
            ["https://huggingface.co/timm/densenet121.ra_in1k/resolve/main/model.safetensors"],
        ),
        (
            AST | {"pretrained": "audioset"},
            [
                f"https://huggingface.co/{AUDIOSET}/resolve/{REVISIONS[AUDIOSET]}/{file}"
                for file in ("model.safetensors", "config.json")
            ],
        ),
        (
            ENCODER,
            [f"{ENCODER_FOLDER}/{file}" for file in ("model.safetensors", "config.json", "preprocessor_config.json")],
        ),
    ],
    ids=lambda value: value["family"] if isinstance(value, dict) else "",
)
def test_missing_download_names_the_file_and_its_folder(
    recipe: dict[str, Any], wanted: list[str], caches: Path
) -> None:
    manifest = caches / "weights" / "mine.json"
    with pytest.raises(InputError) as refused:
        fetch_weights("models.mine.pretrained", recipe, str(manifest))
    for part in (*wanted, f"put it into {caches / 'weights' / 'mine'}", "models.mine.pretrained"):
        assert part in str(refused.value)
    assert not manifest.exists()


def test_files_that_were_put_there_are_taken(caches: Path, audio_transformer: tuple[nn.Module, Path]) -> None:
    folder = caches / "weights" / "mine"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes((audio_transformer[1] / "model.safetensors").read_bytes())
    manifest = folder.with_suffix(".json")
    with pytest.raises(InputError):  # the configuration is missing
        fetch_weights("models.mine.pretrained", AST, str(manifest))
    (folder / "config.json").write_bytes((audio_transformer[1] / "config.json").read_bytes())
    fetch_weights("models.mine.pretrained", AST, str(manifest))
    weights = find_weights([str(manifest)])
    assert weights == Weights(folder / "model.safetensors")
    assert read_json(manifest)["files"][str(weights.file)] == file_sha256(weights.file)
    assert build_model(AST, 2, (36, 66), weights)(torch.zeros(1, 1, 36, 66)).shape == (1, 2)


def test_cached_weights_need_no_network(caches: Path, coloured: nn.Module) -> None:
    repository = caches / "hub" / "models--timm--resnet18.a1_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    newer, cached = (
        repository / "snapshots" / revision / "model.safetensors" for revision in ("0" * 40, RESNET18_REVISION)
    )
    newer.parent.mkdir(parents=True)
    save_file(coloured.state_dict(), newer)
    with pytest.raises(InputError):  # what is there is of another commit
        fetch_weights("models.mine.pretrained", RESNET18, str(caches / "mine.json"))
    cached.parent.mkdir()
    save_file(coloured.state_dict(), cached)
    fetch_weights("models.mine.pretrained", RESNET18, str(caches / "mine.json"))
    assert find_weights([str(caches / "mine.json")]).file == cached

    downloaded = caches / "torch" / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    downloaded.parent.mkdir(parents=True)
    downloaded.write_bytes(b"weights")
    fetch_weights("models.other.pretrained", ALEXNET, str(caches / "other.json"))
    assert list(read_json(caches / "other.json")["files"]) == [str(downloaded)]
    downloaded.unlink()
    with pytest.raises(InputError, match=re.escape(f"remove {caches / 'other.json'}")):
        find_weights([str(caches / "other.json")])


def test_families_with_published_weights_have_an_address() -> None:
    assert {name for name in FAMILIES.names if FAMILIES.defines(name, "published")} == set(PUBLISHED)
    assert PUBLISHED == {"alexnet": "imagenet", "ast": "audioset", "timm": "imagenet", "transformers": "hub"}


def test_published_addresses_are_those_of_the_libraries() -> None:
    family = FAMILIES.load("timm")
    assert family.published(name="densenet121", arguments={}).location == "timm/densenet121.ra_in1k"
    assert alexnet.published().is_url
    with pytest.raises(InputError, match="no pretrained weights"):
        family.published(name="coatnet_0_224", arguments={})
