"""Embeddings are the input of a last layer; probes on them learn; weights trained on test clips are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

from helpers.library import configuration
from helpers.recipes import RECIPES
from helpers.workflow import TINY, Workflow
from soundbench.core import registry
from soundbench.core.code_digest import module_file
from soundbench.core.errors import InputError
from soundbench.core.storage import read_json, write_json
from soundbench.features.files import FeatureFiles
from soundbench.features.settings import EMBEDDING
from soundbench.models.embedding_settings import embedding_network
from soundbench.models.embeddings import Embedder, EmbeddingSettings, embed_clips
from soundbench.models.families import FAMILIES
from soundbench.models.lineage import lineage
from soundbench.models.registry import build_model

SHAPE = (64, 96)
FRONT_END = {"front_end": "logmel", "normalise": "clip"}
# What leads to the last layer, computed by the networks' own functions.
OWN = {
    "cnn": lambda network, x: (y := network.blocks(x).mean(dim=2)).mean(dim=2) + y.amax(dim=2),
    "resnet10t": lambda network, x: network.forward_head(network.forward_features(x), pre_logits=True),
    "tinyast": lambda network, x: network.forward_head(network.forward_features(x), pre_logits=True),
    "ast": lambda network, x: network.network.classifier.layernorm(
        network.network.audio_spectrogram_transformer(x.squeeze(1).transpose(1, 2)).pooler_output
    ),
    "alexnet": lambda network, x: network.classifier[:6](network.avgpool(network.features(x)).flatten(1)),
}


def run_of_ours(name: str, folder: Path, shape: tuple[int, int] = SHAPE) -> nn.Module:
    """A folder as a training job leaves it; its features were normalised with a mean of -20 and a deviation of 5."""
    network = build_model(RECIPES[name], 4, shape)
    folder.mkdir()
    save_file(network.state_dict(), folder / "model.safetensors")
    normalisation = {"mean": -20.0, "std": 5.0}
    record = {"recipe": RECIPES[name], "shape": list(shape), "sources": ["elsewhere"], "front_end": FRONT_END}
    write_json(folder / "model.json", record | {"normalisation": normalisation})
    return network.eval()


def features(folder: Path, clips: int = 11, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Pictures of clips, and their index, as compute_features leaves them."""
    array = np.random.default_rng(0).normal(-20, 5, (clips, *shape)).astype(np.float16)
    np.save(folder / "features.npy", array)
    index = pd.DataFrame({"clip": [f"clip{row}" for row in range(clips)], "row": range(clips), "frames": shape[1]})
    index.to_csv(folder / "features.csv", index=False)
    return array


def embed(folder: Path, weights: Path, source: str = "here", threads: int = 1, **changes: Any) -> np.ndarray:
    files = [str(weights / name) for name in ("model.safetensors", "model.json", "config.json")]
    embed_clips(
        source,
        EmbeddingSettings(**{"recipe": {}, "front_end": FRONT_END, "precision": "float32"} | changes),
        weights=[file for file in files if Path(file).exists()],
        features=FeatureFiles(str(folder / "features.npy"), str(folder / "features.csv")),
        outputs=FeatureFiles(str(folder / "orig.npy"), str(folder / "orig.csv")),
        threads=threads,
    )
    return np.load(folder / "orig.npy")


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_embedding_is_the_input_of_the_last_layer(name: str, tmp_path: Path) -> None:
    network, before = run_of_ours(name, tmp_path / "fold1"), features(tmp_path)
    found = embed(tmp_path, tmp_path / "fold1")
    with torch.inference_mode():
        expected = OWN[name](network, (torch.from_numpy(before).float()[:, None] + 20) / 5)
    assert found.shape == (11, expected.shape[1], 1)
    assert found[:, :, 0] == pytest.approx(expected.numpy(), abs=1e-4)
    assert found.std(axis=0).mean() > 0
    index = pd.read_csv(tmp_path / "orig.csv")
    assert index["row"].tolist() == list(range(11))
    assert set(index["frames"]) == {1}


def test_embedding_of_acdnet_is_the_input_of_its_last_convolution(tmp_path: Path) -> None:
    """The layers after it depend on the classes of the run."""
    network = run_of_ours("acdnet", tmp_path / "fold1", (1, 2000))
    samples = features(tmp_path, 3, (1, 2000))
    found = embed(tmp_path, tmp_path / "fold1")
    with torch.inference_mode():
        expected = network[:-7]((torch.from_numpy(samples).float()[:, None] + 20) / 5).flatten(2).mean(dim=2)
    assert found[:, :, 0] == pytest.approx(expected.numpy(), abs=1e-4)


def test_clips_that_are_stored_without_padding_have_the_same_embeddings(tmp_path: Path) -> None:
    run_of_ours("cnn", tmp_path / "fold1")
    padded = features(tmp_path, 20)
    lengths = np.where(np.arange(20) == 3, SHAPE[1], 5)
    for clip, length in zip(padded, lengths, strict=True):
        clip[:, length:] = clip[:, :length].min()
    np.save(tmp_path / "features.npy", padded)
    expected = embed(tmp_path, tmp_path / "fold1")
    np.save(
        tmp_path / "features.npy",
        np.concatenate([clip[:, :length].T for clip, length in zip(padded, lengths, strict=True)]),
    )
    index = pd.read_csv(tmp_path / "features.csv").assign(frames=lengths, first_frame=lengths.cumsum() - lengths)
    index.assign(longest=SHAPE[1]).to_csv(tmp_path / "features.csv", index=False)
    assert embed(tmp_path, tmp_path / "fold1").tobytes() == expected.tobytes()
    assert list(pd.read_csv(tmp_path / "orig.csv")) == ["clip", "row", "frames", "digest"]


def test_far_too_long_clips_are_not_embedded(tmp_path: Path) -> None:
    run_of_ours("cnn", tmp_path / "fold1")
    features(tmp_path, 3)
    pd.read_csv(tmp_path / "features.csv").assign(frames=[1, 100, 1]).to_csv(tmp_path / "features.csv", index=False)
    with pytest.raises(InputError, match=r"An embedding takes whole clips.*Set `duration` \(s\) of the front-end that"):
        embed(tmp_path, tmp_path / "fold1")


def test_head_that_pools_by_itself_and_a_convolution_as_last_layer() -> None:
    import timm

    heads = [timm.create_model("convnext_atto", in_chans=1, num_classes=3), _fully_convolutional()]
    for network, dimensions in zip(heads, (320, 6), strict=True):
        assert Embedder(network)(np.zeros((2, 64, 64), np.float16)).shape == (2, dimensions)


def _fully_convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.Conv2d(6, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_threads_change_nothing(tmp_path: Path) -> None:
    run_of_ours("ast", tmp_path / "fold1")
    features(tmp_path, 40)
    assert embed(tmp_path, tmp_path / "fold1").tobytes() == embed(tmp_path, tmp_path / "fold1", threads=3).tobytes()


def test_bfloat16_is_near_but_not_the_same(tmp_path: Path) -> None:
    run_of_ours("ast", tmp_path / "fold1")
    features(tmp_path)
    exact, near = (embed(tmp_path, tmp_path / "fold1", precision=name) for name in ("float32", "bf16"))
    assert near.dtype == np.float32
    assert 0 < np.abs(near - exact).mean() < 0.05 * exact.std()


def test_folder_of_transformers_takes_its_own_constants(tmp_path: Path) -> None:
    """Those of the front-end, as AST's extractor has them; not what these clips would give."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    network = transformers.ASTForAudioClassification(
        transformers.ASTConfig(**sizes, num_mel_bins=64, max_length=96, num_labels=5)
    ).eval()
    network.save_pretrained(tmp_path / "ast")
    before = features(tmp_path)
    fixed = {"front_end": "ast", "normalise": "fixed", "mean": -4.0, "std": 9.0}
    found = embed(tmp_path, tmp_path / "ast", recipe=RECIPES["ast"], front_end=fixed)
    with torch.inference_mode():
        seen = (torch.from_numpy(before).float().transpose(1, 2) + 4) / 9
        expected = network.classifier.layernorm(network.audio_spectrogram_transformer(seen).pooler_output)
    assert found[:, :, 0] == pytest.approx(expected.numpy(), abs=1e-4)


def test_weights_trained_on_the_source_or_on_other_features_are_refused(tmp_path: Path) -> None:
    run_of_ours("cnn", tmp_path / "fold1")
    features(tmp_path)
    with pytest.raises(InputError, match="was trained on elsewhere, perhaps on the clips"):
        embed(tmp_path, tmp_path / "fold1", source="elsewhere")
    with pytest.raises(InputError, match="was trained on features of another front-end"):
        embed(tmp_path, tmp_path / "fold1", front_end=FRONT_END | {"normalise": "fixed"})
    assert not list(tmp_path.glob("*orig*"))


def test_embedding_that_is_not_finite_names_the_clips(tmp_path: Path) -> None:
    run_of_ours("cnn", tmp_path / "fold1")
    array = features(tmp_path)
    array[3] = np.nan
    np.save(tmp_path / "features.npy", array)
    with pytest.raises(InputError, match=r"not finite for clip3$"):
        embed(tmp_path, tmp_path / "fold1")
    assert not list(tmp_path.glob("*orig*"))


def probe(model: dict[str, Any], features: str | None = None, dataset: str = "synthetic", **changes: Any) -> Any:
    """The configuration with a selected probe on an embedding of ``model``."""
    entry = {"front_end": EMBEDDING, "model": model} | ({"features": features} if features else {})
    probed = {"family": "linear", "features": "mine", "training": {"epochs": 1}}
    models = {"probe": probed, **changes}
    return configuration(
        features={"mine": entry}, models=models, benchmark={"datasets": [dataset], "models": ["probe"]}
    )


CNN = "<results>/runs/{}/cnn/seed1/fold1"


def test_run_determines_family_and_front_end_before_it_exists() -> None:
    settings = probe({"pretrained": CNN.format("esc10")})
    assert embedding_network(settings, settings["features"]["mine"]) == ("cnn", "logmel64")
    assert lineage(settings, settings, "probe") == {"esc50"}


def test_options_of_the_family_get_their_defaults() -> None:
    settings = configuration()
    assert settings["features"]["ast-embedding"]["model"]["width"] == 768
    assert embedding_network(settings, settings["features"]["ast-embedding"]) == ("ast", "ast")


@pytest.mark.usefixtures("fresh_schemas")
def test_family_that_declares_no_settings_may_embed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def build(classes, shape, *, hidden): ...\n")
    names = registry._names
    added = {FAMILIES.package: ("mine",)}
    monkeypatch.setattr(registry, "_names", lambda package: (*names(package), *added.get(package, ())))
    monkeypatch.setattr(registry, "module_file", lambda name: file if name.endswith(".mine") else module_file(name))
    model = {"family": "mine", "pretrained": str(Path(__file__))}
    assert probe(model | {"hidden": 3}, "ast")["features"]["mine"]["model"]["hidden"] == 3
    with pytest.raises(InputError, match=r"features\.mine\.model\.hidden: is missing"):
        probe(model, "ast")


def test_run_of_another_study_is_matched_by_its_front_end(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    seen = configuration()["features"]["mfcc20"]
    record = {"sources": ["elsewhere"], "recipe": RECIPES["cnn"], "front_end": seen}
    write_json(tmp_path / "model.json", record)
    settings = probe({"pretrained": str(tmp_path)})
    assert embedding_network(settings, settings["features"]["mine"]) == ("cnn", "mfcc20")
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.safetensors").touch()
    write_json(other / "model.json", record | {"front_end": seen | {"n_mfcc": 21}})
    with pytest.raises(
        InputError, match=r'features\.mine\.model\.pretrained: features has no entry .* add one with .*"n_mfcc": 21'
    ):
        probe({"pretrained": str(other)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "features", "expected"),
    [
        (
            {"pretrained": CNN.format("synthetic")},
            None,
            "features.mine.model.pretrained: .* was trained on synthetic, perhaps",
        ),
        (
            {"pretrained": CNN.format("esc10")},
            "logmel64",
            "features.mine.features: leave it out; the run",
        ),
        (
            {"pretrained": CNN.format("esc10"), "family": "cnn"},
            None,
            "features.mine.model.family: leave it out",
        ),
        (
            {"pretrained": CNN.format("esc10"), "width": 3},
            None,
            "features.mine.model.width: unknown key without a fam",
        ),
        (
            {"pretrained": "/nowhere", "family": "ast"},
            "ast",
            "features.mine.model.pretrained: /nowhere is neither a file of",
        ),
        (
            {"pretrained": str(Path(__file__))},
            None,
            "features.mine.features: is missing.*features.mine.model.family: is missing",
        ),
        (
            {"pretrained": "imagenet"},
            "ast",
            "features.mine.model.pretrained: no imagenet weights are published for no family",
        ),
        (
            {"pretrained": "imagenet", "family": "cnn"},
            "ast",
            "features.mine.model.pretrained: no imagenet weights are .* cnn",
        ),
        (
            {"pretrained": "audioset", "family": "ast", "wdth": 8},
            "ast",
            "features.mine.model.wdth: unknown key; did you mean",
        ),
        (
            {"pretrained": "audioset", "family": "ast", "training": {}},
            "ast",
            "features.mine.model.training: unknown key",
        ),
        ({"pretrained": "audioset", "family": "ast"}, "asd", "features.mine.features: there is no valid entry 'asd'"),
        (
            {"pretrained": "audioset", "family": "ast"},
            "ast-embedding",
            "features.mine.features: .* is itself an embedding",
        ),
        (
            {"pretrained": str(Path(__file__)), "family": "ast"},
            "logmel64",
            "features.mine.features: .* normalised by training clips",
        ),
        ({"pretrained": "<results>/runs/esc10/ast-probe/seed1/fold1"}, None, "was trained on an embedding"),
        ({"pretrained": "<results>/runs/esc10/probe/seed1/fold1"}, None, "circular reference: probe starts from"),
        ({"family": "ast"}, "ast", "features.mine.model.pretrained: is missing"),
    ],
)
def test_impossible_embeddings_are_refused_with_the_reason(
    model: dict[str, Any], features: str | None, expected: str
) -> None:
    with pytest.raises(InputError) as refused:
        probe(model, features)
    assert re.search(expected, str(refused.value), re.S)


def test_uses_that_hear_other_sounds_are_refused() -> None:
    move = {"from": {"dataset": "synthetic", "model": "probe"}, "to": "esc10"}
    with pytest.raises(InputError) as refused:
        settings = {"front_end": EMBEDDING, "model": {"pretrained": CNN.format("esc10")}}
        configuration(
            features={"mine": settings},
            models={"probe": {"family": "linear", "features": "mine", "training": {"epochs": 1}}},
            benchmark={"models": ["probe"]},
            robustness={"low_pass": [4000]},
            transfer={"move": move},
            predict={
                "garden": {"recordings": ["."], "model": {"dataset": "synthetic", "model": "probe"}},
                "yard": {"recordings": ["."], "model": {"dataset": "synthetic", "best": "validation"}},
            },
        )
    keys = [problem.split(":")[0] for problem in refused.value.problems]
    places = ["predict.garden.model.model", "predict.yard.model.best"]
    assert keys == [*places, "robustness.models", "transfer.move.from.model"]


def test_model_folder_alone_does_not_predict(tmp_path: Path) -> None:
    from soundbench.inference.classifier import Classifier

    recipe = {"family": "linear", "dropout": 0.0}
    save_file(build_model(recipe, 2, (4, 1)).state_dict(), tmp_path / "model.safetensors")
    front_end = {"front_end": EMBEDDING, "model": {"pretrained": "audioset"}}
    record = {"recipe": recipe, "front_end": front_end, "labels": ["a", "b"], "shape": [4, 1]}
    write_json(tmp_path / "model.json", record | {"normalisation": {"mean": 0.0, "std": 1.0}})
    with pytest.raises(InputError, match="needs embeddings by audioset, whose weights are not in the folder"):
        Classifier([str(tmp_path)])


def test_training_clips_of_an_embedding_are_checked_for_runs_from_its_probes() -> None:
    """A chain: a run on synthetic, a probe of it on ESC-10, and a model for synthetic that starts from the probe."""
    settings = configuration()
    entry = {"front_end": EMBEDDING, "features": None, "model": {"pretrained": CNN.format("synthetic")}}
    settings["features"]["mine"] = entry
    settings["models"]["probe"] = settings["models"]["ast-probe"] | {"features": "mine"}
    again = settings["models"]["probe"] | {"pretrained": "<results>/runs/esc10/probe/seed1/fold1"}
    settings["models"]["again"] = again
    assert lineage(settings, settings, "again") == {"esc50", "synthetic"}


ARGUMENTS = ("--cores", "2", "--configfile", "probing.yaml")
LEADERBOARD = "results/summary/leaderboard.csv"
FOLD = "runs/synthetic/{}/seed1/fold1/model.json"


@pytest.fixture
def probing(workflow: Workflow) -> Workflow:
    """A source to train on before, a small AST as transformers saves it, and a probe of each."""
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    network = transformers.ASTForAudioClassification(
        transformers.ASTConfig(**sizes, num_mel_bins=32, max_length=64, num_labels=5)
    )
    network.save_pretrained(workflow.folder / "small-ast")
    ast = {"family": "ast", "width": 8, "depth": 1, "heads": 2, "pretrained": "small-ast"}
    small = {"front_end": "ast", "n_mels": 32, "frames": 64}
    linear = {"family": "linear", "training": {"epochs": 2}}
    folds = {"scheme": "kfold", "folds": 2, "protocol": "literature"}
    sources = TINY["sources"]
    workflow.overlay(
        "probing",
        benchmark={"datasets": ["synthetic"], "models": ["probed-ast", "probed-run"], "seeds": [1, 2]},
        sources=sources | {"before": sources["synthetic"] | {"reader": "synthetic", "classes": 4, "seed": 1}},
        datasets={"synthetic": {"split": folds}, "before": {"source": "before", "split": folds}},
        features={
            **TINY["features"],
            "small": small,
            "of-ast": {"front_end": EMBEDDING, "features": "small", "model": ast},
            "of-run": {"front_end": EMBEDDING, "model": {"pretrained": "<results>/runs/before/cnn/seed2/fold1"}},
        },
        models=TINY["models"]
        | {"probed-ast": linear | {"features": "of-ast"}, "probed-run": linear | {"features": "of-run"}},
    )
    return workflow


@pytest.mark.slow
def test_same_source_and_published_weights_before_anything_starts(probing: Workflow) -> None:
    text = (probing.folder / "probing.yaml").read_text()
    (probing.folder / "probing.yaml").write_text(text.replace("runs/before/", "runs/synthetic/"))
    said = probing.run("--dry-run", *ARGUMENTS, check=False)
    assert said.returncode != 0
    assert re.search(r"features\.of-run\.model\.pretrained: .*was trained on synthetic", said.stdout)
    probing.overlay("library", benchmark={"datasets": ["synthetic"], "models": ["ast-probe"], "seeds": [1, 2, 3]})
    planned = probing.planned("--configfile", "library.yaml")
    assert (planned["fetch_weights_of_embedding"], planned["embed_clips"], planned["compute_features"]) == (1, 1, 1)
    assert planned["train_folds_5"] == 3


@pytest.mark.slow
def test_probes_reach_the_leaderboard_and_embed_once(probing: Workflow) -> None:
    planned = probing.planned(LEADERBOARD, "--configfile", "probing.yaml")
    assert planned["embed_clips"] == 2  # one a model, for two seeds of two folds each
    assert planned["train_model"] == 9
    probing.run(LEADERBOARD, *ARGUMENTS)
    table = pd.read_csv(probing.results / "summary" / "leaderboard.csv")
    assert set(table["model"]) == {"probed-ast", "probed-run"}
    assert probing.planned(LEADERBOARD, "--configfile", "probing.yaml") == {}
    features = probing.results / "features" / "synthetic"
    clips = len(pd.read_csv(probing.results / "clips" / "synthetic.csv"))
    assert np.load(features / "of-ast" / "orig.npy").shape == (clips, 8, 1)
    assert np.load(features / "of-run" / "orig.npy").shape == (clips, 4 * 2**3, 1)
    ours, theirs = (read_json(probing.results / FOLD.format(name)) for name in ("probed-run", "probed-ast"))
    assert (ours["sources"], theirs["sources"]) == (["before", "synthetic"], ["synthetic"])
    assert ours["front_end"]["features"]["front_end"] == "logmel"

    weights = probing.folder / "small-ast" / "model.safetensors"
    state = load_file(weights)
    save_file(state | {"classifier.dense.bias": state["classifier.dense.bias"] + 1}, weights)
    again = probing.planned(LEADERBOARD, "--configfile", "probing.yaml")
    assert (again["embed_clips"], again["train_model"]) == (1, 4)
    assert "compute_features" not in again
