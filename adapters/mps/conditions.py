"""What a caption is looked at for: the words that decide which of its tokens reach the image."""

from __future__ import annotations

from collections.abc import Mapping

AESTHETICS = "light, color, clarity, tone, style, ambiance, artistry"
DETAIL = "shape, face, hair, hands, limbs, structure, instance, texture"
ALIGNMENT = "quantity, attributes, position, number, location"
REST = "word, things"

CONDITIONS: Mapping[str, str] = {
    "overall": f"{AESTHETICS}, {DETAIL}, {ALIGNMENT}, {REST}.",
    "aesthetics": AESTHETICS,
    "detail": DETAIL,
    "alignment": ALIGNMENT,
}
"""Condition texts by name.

`overall`: the one the released checkpoint was trained with and is evaluated with, full stop included
(Kwai-Kolors/MPS, README and eval_overall_mps_on_hpdv2.py). The other three are groups of its words as third parties use
them with this checkpoint, without a full stop; the checkpoint that was trained on single
dimensions was never released, so their scores are no official MPS of a dimension.
"""
