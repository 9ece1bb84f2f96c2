"""What is wrong with a checkpoint is said before weights are loaded, with the file and the next step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adapters.engines import checkpoints
from adapters.engines.local import LocalEngine, LocalOptions
from harness.errors import ConfigError
from tests.adapters.engines.asked import mixed
from tests.adapters.engines.tiny import tiny_qwen2_vl

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_qwen2_vl(tmp_path_factory.mktemp("files") / "good")


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


def drop_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def spoil_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def empty_config(folder: Path) -> None:
    (folder / "config.json").write_text("{}", encoding="utf-8")


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lose_a_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")


def become_adapter(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/base"}', encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (drop_config, ["config.json", "hf download"]),
        (spoil_config, ["config.json", "no JSON"]),
        (empty_config, ["model_type"]),
        (pickle_only, ["pytorch_model.bin", "safetensors"]),
        (lose_a_shard, ["model-00002-of-00002.safetensors", "1 of 2", "hf download"]),
        (become_adapter, ["LoRA adapter", "owner/base"]),
    ],
)
def test_an_incomplete_folder_is_refused(copy: Path, spoil: Callable[[Path], None], words: list[str]) -> None:
    spoil(copy)
    with pytest.raises(ConfigError) as refused:
        LocalEngine(LocalOptions(model=str(copy)))
    assert all(word in str(refused.value) for word in words)
    assert str(copy.parent) not in str(refused.value)


def change_config(folder: Path, name: str = "config.json", **values: object) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_a_model_that_reads_no_images_is_refused(copy: Path) -> None:
    change_config(copy, model_type="qwen2")
    with pytest.raises(ConfigError, match="reads no images"):
        LocalEngine(LocalOptions(model=str(copy))).identity()


def test_an_unknown_architecture_is_refused_and_its_code_not_run(copy: Path) -> None:
    change_config(copy, model_type="secret", auto_map={"AutoConfig": "code.Config"})
    (copy / "code.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        LocalEngine(LocalOptions(model=str(copy))).identity()


def test_a_model_without_chat_template_is_refused(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError, match="chat_template"):
        LocalEngine(LocalOptions(model=str(copy))).identity()


def test_weights_that_leave_parameters_unset_are_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    weights.pop("model.language_model.norm.weight", None) or weights.pop("model.norm.weight")
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"1 parameters unset.*norm"):
        LocalEngine(LocalOptions(model=str(copy))).load()


@pytest.mark.parametrize("name", ["no/such-model", "no/such-model@v1", "./nowhere", "/nowhere/at/all", "one-word"])
def test_what_is_neither_folder_nor_to_be_had_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"hf download no/such-model --revision (main|v1)|is no folder"):
        LocalEngine(LocalOptions(model=name))


def test_a_commit_in_the_cache_needs_no_network(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--owner--tiny"
    shutil.copytree(good, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("owner/tiny", f"owner/tiny@{commit}"):
        found = checkpoints.model(name)
        assert found.identity == f"owner/tiny@{commit}"
        assert (found.folder / "config.json").is_file()


def test_a_device_that_is_not_there_is_refused(good: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(ConfigError, match="device=auto"):
        LocalEngine(LocalOptions(model=str(good), device="cuda")).identity()


def test_four_bits_need_their_package(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install bitsandbytes"):
        LocalEngine(LocalOptions(model=str(good), quantization="4bit"))


def lora(base: Path, folder: Path, targets: str = "q_proj") -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(base)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adapted = get_peft_model(model, LoraConfig(r=2, target_modules=[targets], init_lora_weights=False))
    adapted.save_pretrained(folder)
    return folder


def test_an_adapter_changes_replies_and_identity(good: Path, tmp_path: Path) -> None:
    adapter = lora(good, tmp_path / "adapter")
    plain, adapted = (LocalEngine(LocalOptions(model=str(good), adapter=a)) for a in ("", str(adapter)))
    pairs = list(zip(plain.generate(mixed()), adapted.generate(mixed()), strict=True))
    assert any(a.text != b.text for a, b in pairs)
    assert adapted.identity() == {**plain.identity(), "adapter": adapted.identity()["adapter"]}
    assert adapted.identity()["adapter"].startswith("sha256:")


def test_an_adapter_that_does_not_fit_is_refused(good: Path, tmp_path: Path) -> None:
    adapter = lora(good, tmp_path / "adapter")
    for targets in (["no_such_layer"], ["q_proj", "v_proj"]):
        change_config(adapter, "adapter_config.json", target_modules=targets)
        with pytest.raises(ConfigError, match="does not fit"):
            LocalEngine(LocalOptions(model=str(good), adapter=str(adapter))).load()


def test_an_adapter_of_another_kind_or_form_is_refused(good: Path, tmp_path: Path) -> None:
    adapter = lora(good, tmp_path / "adapter")
    with pytest.raises(ConfigError, match=r"adapter_config\.json"):
        LocalEngine(LocalOptions(model=str(good), adapter=str(good)))
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(ConfigError, match=r"adapter_model\.safetensors"):
        LocalEngine(LocalOptions(model=str(good), adapter=str(adapter)))
    change_config(adapter, "adapter_config.json", peft_type="PROMPT_TUNING")
    with pytest.raises(ConfigError, match="only LORA"):
        LocalEngine(LocalOptions(model=str(good), adapter=str(adapter)))
