"""The processes of a launch over several devices, as `accelerate launch` and `torchrun` name them to each other."""

from __future__ import annotations

import os


def processes() -> int:
    """How many work on one fit."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def main_process() -> bool:
    """False in all but the first of them, which write nothing."""
    return os.environ.get("RANK", "0") == "0"


def sharing() -> tuple[int, int]:
    """By how many processes the weights are shared out, and what training keeps beside them.

    FSDP and stage 3 of ZeRO share both, lower stages keep the weights whole (Rajbhandari et al., "ZeRO", 2020,
    section 5). Stage 2 is what `accelerate launch` takes where none is named.
    """
    if _on("ACCELERATE_USE_FSDP"):
        return processes(), processes()
    if _on("ACCELERATE_USE_DEEPSPEED"):
        whole = os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2") != "3"
        return 1 if whole else processes(), processes()
    return 1, 1


def together(*, cpu: bool) -> None:
    """Waits for the other processes; each has its own device from then on."""
    if processes() > 1:
        from accelerate import PartialState  # noqa: PLC0415

        PartialState(cpu=cpu).wait_for_everyone()


def _on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("true", "1")
