"""Stage `export`: a judge folder of the trained pair, with what it was made from."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.engines.checkpoints import digest_of_folder
from adapters.pigreward.wording import Wording
from harness.errors import ConfigError
from training.presets import Preset
from training.stage import STAGES, Work, read_json, versions, write_json
from training.weights import MODEL

CARD, FORMAT = "judge.json", 1
README = Path(__file__).with_name("card.md")


def export(work: Work, preset: Preset, wording: Wording, to: Path) -> str:
    """Writes the judge folder; the value is the digest of its card."""
    for part in ("reasoner", "reward", *(() if preset.model.base else ("base",))):
        shutil.copytree(work.folder(part) / MODEL, to / part, dirs_exist_ok=True)
    for part in ("reasoner", "reward"):
        _without_paths(to / part, preset.model.base or "../base")
    (to / "prompts").mkdir(parents=True, exist_ok=True)
    for name, text in wording.texts.items():
        (to / "prompts" / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    card = card_of(work, preset, wording, to)
    write_json(to / CARD, card)
    (to / "README.md").write_text(readme(card), encoding="utf-8")
    return hashlib.sha256((to / CARD).read_bytes()).hexdigest()


def _without_paths(folder: Path, base: str) -> None:
    """An adapter names its base as the preset does, not by where it lay on this machine."""
    config = read_json(folder / "adapter_config.json")
    if config is not None:
        write_json(folder / "adapter_config.json", {**config, "base_model_name_or_path": base})
        (folder / "README.md").unlink(missing_ok=True)


def card_of(work: Work, preset: Preset, wording: Wording, to: Path) -> dict[str, Any]:
    """All that can be known of the pair: preset, seed, versions, and of each stage digest, inputs and figures."""
    stages = {
        name: work.finished(name) for name in STAGES if (work.folder(name) / "stage.json").exists() and name != "export"
    }
    models = {part: f"sha256:{digest_of_folder(to / part)}" for part in ("reasoner", "reward")}
    return {
        "format": FORMAT,
        "preset": preset.name,
        "seed": preset.seed,
        **({"base": preset.model.base} if preset.model.base else {}),
        "parameters": {
            "max_pixels": preset.model.max_pixels,
            "rationale_tokens": preset.contexts.max_tokens,
            "max_tokens": preset.cot.max_tokens,
            "cot": preset.cot.reasoning,
            "k": preset.data.k,
        },
        "weights": models,
        "prompts": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(wording.texts.items())},
        "origin": dict(preset.origin),
        "gate": read_json(work.folder("reasoner") / "report.json") or {},
        "stages": {
            name: {key: record[key] for key in ("digest", "made_from", "facts", "seconds")}
            for name, record in stages.items()
        },
        "versions": versions(),
    }


def readme(card: Mapping[str, Any]) -> str:
    """The model card: front matter and the card's figures in words."""
    gate = card["gate"]
    rows = [f"| {name} | {stage['digest'][:16]} | {_told(stage['facts'])} |" for name, stage in card["stages"].items()]
    values = {
        "preset": card["preset"],
        "seed": str(card["seed"]),
        "base": card.get("base") or "random weights (stage `base`)",
        "stages": "\n".join(rows),
        "before": f"{gate['before']['share']:.1%}" if gate else "not checked",
        "after": f"{gate['after']['share']:.1%}" if gate else "not checked",
        "measure": gate["before"]["measure"] if gate else "",
        "decision": gate.get("decision", ""),
    }
    text = README.read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def _told(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in facts.items() if isinstance(value, int | float | str))


def push(folder: Path, repository: str) -> str:
    """Uploads a judge folder to the hub; the value is its address. Raises `ConfigError` with the reason."""
    from huggingface_hub import HfApi  # noqa: PLC0415

    try:
        api = HfApi()
        api.create_repo(repository, exist_ok=True)
        return str(api.upload_folder(repo_id=repository, folder_path=str(folder), commit_message="PIGReward judge"))
    except Exception as error:
        raise ConfigError(
            f"the hub does not take {repository} ({type(error).__name__}: {str(error)[:200]}); check the name "
            f"and `hf auth login`. The judge folder itself is whole: {folder}"
        ) from error
