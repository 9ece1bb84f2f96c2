"""DreamSim: vision transformers fine-tuned by LoRA on which of two images people find more alike to a third."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from timm.layers import QuickGELU
from timm.models import VisionTransformer
from torchvision import transforms

from adapters.backbones.base import Backbone
from adapters.devices import Device
from adapters.weights import Weights, check_keys, digest_of_files, fit, read_state
from harness.errors import ConfigError
from harness.parameters import one_of

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""Mean and deviation of a pixel, as the network was trained."""

ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")
HEAD_WIDTH = 64

State = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Branch:
    """One network of a model."""

    file: str
    """Where the package keeps the weights before fine-tuning."""
    clip: bool = True
    """CLIP: a norm before the blocks, the class token projected. DINO: the class token before the last norm."""
    quick: bool = False
    """x · sigmoid(1.702 x) in place of GELU."""


BRANCHES = {
    # `torch.hub` of the package puts DINO's own file below its folder.
    "dino_vitb16": Branch("checkpoints/dino_vitbase16_pretrain.pth", clip=False),
    "clip_vitb16": Branch("clip_vitb16_pretrain.pth.tar", quick=True),
    "open_clip_vitb16": Branch("open_clip_vitb16_pretrain.pth.tar"),
    "clip_vitb32": Branch("clip_vitb32_pretrain.pth.tar", quick=True),
    "open_clip_vitb32": Branch("open_clip_vitb32_pretrain.pth.tar"),
}


@dataclass(frozen=True, slots=True)
class Model:
    """Whose vectors are joined, and the folder of their LoRA weights."""

    branches: tuple[str, ...]
    lora: str


MODELS = {
    "ensemble": Model(("dino_vitb16", "clip_vitb16", "open_clip_vitb16"), "ensemble_lora"),
    "dino_vitb16": Model(("dino_vitb16",), "dino_vitb16_single_lora"),
    "clip_vitb32": Model(("clip_vitb32",), "clip_vitb32_single_lora"),
    "open_clip_vitb32": Model(("open_clip_vitb32",), "open_clip_vitb32_single_lora"),
}
"""dreamsim 0.2.1, config.py; those with patch features, DINOv2 or SynCLR are left out."""


class DreamSimVit(Backbone):
    """The networks of a DreamSim model, their vectors joined (Fu et al., DreamSim, NeurIPS 2023; dreamsim 0.2.1).

    An image is resized to a square (Pillow, bicubic, aspect not kept). LoRA weights are merged into the networks.

    Args:
        weights: the folder of the package (`cache_dir`): an unpacked release, with DINO's file in `checkpoints/`.
        device: where and in which precision it runs.
        model: one of `MODELS`.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether vectors are kept on disk.

    Raises:
        ConfigError: a file is missing or damaged; a key is missing, left over or has another shape.
    """

    libraries = (*Backbone.libraries, "torchvision", "timm")

    def __init__(
        self, weights: Weights, device: Device, *, model: str = "ensemble", decode: str = "exact", cache: bool = True
    ) -> None:
        super().__init__(device, decode=decode, cache=cache)
        chosen = MODELS[one_of("model", model, MODELS)]
        config = weights.file(f"{chosen.lora}/adapter_config.json")
        adapter = weights.file(*(f"{chosen.lora}/{name}" for name in ADAPTER))
        files = [weights.file(BRANCHES[name].file) for name in chosen.branches]
        lora = _Lora(config, adapter)
        self._branches = [
            _Network(BRANCHES[name], file, lora, index, device)
            for index, (name, file) in enumerate(zip(chosen.branches, files, strict=True))
        ]
        lora.check_all_used()
        self.size = _common_side(self._branches, files)
        self._resize = transforms.Compose([
            transforms.Resize((self.size, self.size), interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
        ])  # fmt: skip
        self._described = {"weights": digest_of_files([config, adapter, *files]), "model": model}

    def described(self) -> Mapping[str, Any]:
        """Digest of all files, which model, preprocessing."""
        return {**self._described, "preprocessing": f"bicubic to {self.size} × {self.size}, aspect not kept"}

    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        """Pixels in [0, 1]; each network normalises them in its own way."""
        return self._resize(image)  # type: ignore[no-any-return]

    def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """The networks' vectors, joined and not centred."""
        return torch.cat([branch(pixels) for branch in self._branches], dim=1)


class _Network:
    """One vision transformer with its normalisation of pixels and, for CLIP, its projection."""

    def __init__(self, branch: Branch, file: Path, lora: _Lora, index: int, device: Device) -> None:
        state = read_state(file, inside=("state_dict",))
        projection = state.pop("proj", None)
        if branch.clip != (projection is not None):
            raise ConfigError(f"{file}: {'no' if branch.clip else 'a'} key proj; expected the file {branch.file}")
        state = {key.replace("pos_drop.", "norm_pre."): tensor for key, tensor in state.items()}
        lora.merge(state, index, file)
        network = _vit(branch, state, file)
        self.side = int(network.patch_embed.img_size[0])
        self._network = device.place(network)
        mean, deviation = OPENAI if branch.clip else IMAGENET
        self._normalise = transforms.Normalize(mean, deviation)
        self._projection = None if projection is None else projection.to(device.device, device.torch_dtype)

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        token: torch.Tensor = self._network(self._normalise(pixels))
        return token if self._projection is None else token @ self._projection


def _vit(branch: Branch, state: State, file: Path) -> VisionTransformer:
    """A transformer of the sizes the tensors have, with these tensors."""
    try:
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        grid = round((state["pos_embed"].shape[1] - 1) ** 0.5)
        ratio = state["blocks.0.mlp.fc1.bias"].shape[0] / width
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(
            f"{file}: {error!r}; expected a vision transformer as the release {branch.file} has it"
        ) from error
    depth = len({key.split(".")[1] for key in state if key.startswith("blocks.")})
    norm = partial(torch.nn.LayerNorm, eps=1e-5 if branch.clip else 1e-6)
    with torch.device("meta"):
        network = VisionTransformer(
            img_size=grid * patch, patch_size=patch, embed_dim=width, depth=depth,
            num_heads=max(1, width // HEAD_WIDTH), mlp_ratio=ratio, num_classes=0, pre_norm=branch.clip,
            norm_layer=norm, act_layer=QuickGELU if branch.quick else torch.nn.GELU,
        )  # fmt: skip
        # timm leaves out this bias where a norm follows; the release has it.
        network.patch_embed.proj = torch.nn.Conv2d(3, width, patch, patch)
        if not branch.clip:
            network.norm = torch.nn.Identity()
    fit(network, state, file, unused=() if branch.clip else ("norm.weight", "norm.bias"))
    return network


class _Lora:
    """LoRA weights as peft saves them (Hu et al., LoRA, ICLR 2022): W becomes W + alpha / r · B A."""

    def __init__(self, config: Path, adapter: Path) -> None:
        self._file = adapter
        self._state = read_state(adapter)
        try:
            said = json.loads(config.read_text(encoding="utf-8"))
            self._scale = float(said["lora_alpha"]) / int(said["r"])
            foreign = [key for key in ("use_rslora", "use_dora", "fan_in_fan_out") if said.get(key)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{config}: {error!r}; expected peft's adapter_config.json with lora_alpha and r"
            ) from error
        if foreign:
            raise ConfigError(f"{config}: {foreign[0]} is set; expected plain LoRA as DreamSim was released with")

    def merge(self, state: State, index: int, file: Path) -> None:
        """Changes the tensors of network `index` in place of its layers' additions, which count as used."""
        prefix, ending = f"base_model.model.extractor_list.{index}.model.", ".lora_A.weight"
        for key in [key for key in self._state if key.startswith(prefix) and key.endswith(ending)]:
            layer = key.removesuffix(ending)
            target = f"{layer.removeprefix(prefix)}.weight"
            down, up = self._state.pop(key), self._state.pop(f"{layer}.lora_B.weight", None)
            if up is None or target not in state or up.shape[0] != len(state[target]):
                raise ConfigError(f"{self._file}: {key} has no lora_B of its shape, or {file} has no {target}")
            state[target] = state[target] + self._scale * (up.float() @ down.float())

    def check_all_used(self) -> None:
        """Raises `ConfigError` when a tensor belongs to none of the networks."""
        check_keys(self._file, "the networks of this DreamSim model", (), self._state)


def _common_side(networks: Sequence[_Network], files: Sequence[Path]) -> int:
    sides = {file.name: network.side for network, file in zip(networks, files, strict=True)}
    if len(set(sides.values())) > 1:
        raise ConfigError(f"{files[0].parent}: networks for images of different sides: {sides}; expected one side")
    return networks[0].side
