"""Protects weights from a folder: those that it holds, of the architecture asked for, or a reason why not."""

import json
from pathlib import Path

import pytest
import torch

from tests.workloads.texts import TINY, inference, training
from workloads.text.weights import WeightsError


def saved(name: str, folder: Path, *, seed: int = 5, encoder_alone: bool = False, **parameters) -> Path:
    network = inference(name, seed=seed, **parameters).model.network
    (network.base_model if encoder_alone else network).save_pretrained(folder)
    return folder


def state(payload) -> dict[str, torch.Tensor]:
    return payload.model.network.state_dict()


@pytest.mark.parametrize("name", TINY)
def test_weights_of_a_folder_are_those_that_were_saved(name, tmp_path):
    folder = saved(name, tmp_path)
    wanted, found = state(inference(name, seed=5)), state(training(name, seed=0, weights=str(folder)))
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)
    fresh = state(training(name, seed=0))
    assert any(not torch.equal(fresh[key], found[key]) for key in found)


def test_an_encoder_without_a_head_gets_one_from_the_seed(tmp_path):
    folder = str(saved("bert-tiny", tmp_path, encoder_alone=True))
    first, same, other = (state(inference("bert-tiny", seed=seed, weights=folder)) for seed in (1, 1, 2))
    assert torch.equal(first["classifier.weight"], same["classifier.weight"])
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])
    assert torch.equal(first["bert.pooler.dense.weight"], other["bert.pooler.dense.weight"])


def test_weights_are_read_in_float32_whatever_they_were_saved_in(tmp_path):
    inference("bert-tiny").model.network.to(torch.bfloat16).save_pretrained(tmp_path)
    assert {value.dtype for value in state(inference("bert-tiny", weights=str(tmp_path))).values()} == {torch.float32}


def test_dropout_is_the_parameters_and_not_the_folders(tmp_path):
    folder = saved("bert-tiny", tmp_path, dropout=0.3)
    payload = training("bert-tiny", weights=str(folder), dropout=0)
    assert {layer.p for layer in payload.model.modules() if isinstance(layer, torch.nn.Dropout)} == {0}


def problem(name: str, folder: Path, **parameters) -> str:
    with pytest.raises(WeightsError) as caught:
        inference(name, weights=str(folder), **parameters)
    message = str(caught.value)
    assert message.startswith("weights: ")
    assert "save_pretrained" in message
    assert "\n" not in message
    return message


def test_a_folder_that_is_not_there_is_told(tmp_path):
    assert "has no config.json" in problem("bert-tiny", tmp_path / "nowhere")


def test_a_configuration_that_is_no_json_is_told(tmp_path):
    folder = saved("bert-tiny", tmp_path)
    (folder / "config.json").write_text("{")
    assert "has no config.json that can be used" in problem("bert-tiny", folder)


@pytest.mark.parametrize("content", ["[]", '"text"', '{"hidden_size": "wide"}'])
def test_a_configuration_that_is_none_is_told(tmp_path, content):
    folder = saved("bert-tiny", tmp_path)
    (folder / "config.json").write_text(content)
    problem("bert-tiny", folder)


def test_pickled_weights_are_not_read(tmp_path):
    folder = saved("bert-tiny", tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(state(inference("bert-tiny")), folder / "pytorch_model.bin")
    assert "no file of safetensors" in problem("bert-tiny", folder)


def test_another_architecture_is_refused_by_the_field_that_differs(tmp_path):
    folder = saved("bert-tiny", tmp_path)
    assert "num_hidden_layers is 2, not 12" in problem("bert-base", folder)
    assert "model_type is 'bert', not 'roberta'" in problem("roberta-tiny", folder)


def test_a_head_for_other_classes_is_refused(tmp_path):
    folder = saved("bert-tiny", tmp_path, classes=5)
    assert "classifier.bias of the shape (5,), not (2,)" in problem("bert-tiny", folder, classes=2)


def test_a_file_cut_short_is_refused(tmp_path):
    folder = saved("bert-tiny", tmp_path)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in problem("bert-tiny", folder)


def test_an_encoder_with_layers_missing_is_refused(tmp_path):
    folder = saved("bert-tiny", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    network = inference("bert-tiny").model.network
    kept = {key: value for key, value in network.state_dict().items() if "layer.1." not in key}
    network.save_pretrained(folder, state_dict=kept)
    (folder / "config.json").write_text(json.dumps(config))
    assert "lacks" in problem("bert-tiny", folder)
