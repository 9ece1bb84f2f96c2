"""CLIP-FlanT5: a T5 whose encoder reads a question with the patches of a CLIP between its words.

Source: Lin et al., "Evaluating text-to-visual generation with image-to-text generation", ECCV 2024; repository
linzhiqiu/t2v_metrics, `models/vqascore_models/clip_t5/model`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel, T5Config, T5ForConditionalGeneration


class ClipT5(nn.Module):
    """Sees an image once for all questions about it.

    The vision tower ends before its last layer, whose output nobody reads: official patches are those of the hidden
    state before the last, without the class token (`mm_vision_select_layer` -2, `mm_vision_select_feature` patch).
    """

    def __init__(self, text: T5Config, vision: CLIPVisionConfig) -> None:
        super().__init__()
        self.t5: Any = T5ForConditionalGeneration(text)
        tower = CLIPVisionModel(vision)
        # Earlier versions of the library wrap the tower once more.
        self.vision: Any = getattr(tower, "vision_model", tower)
        self.projector = nn.Sequential(
            nn.Linear(vision.hidden_size, text.d_model), nn.GELU(), nn.Linear(text.d_model, text.d_model)
        )

    def see(self, pixels: Tensor) -> Tensor:
        """Patches of shape (n, patches, vision width) for pixels of shape (n, 3, side, side)."""
        patches: Tensor = self.vision(pixel_values=pixels).last_hidden_state[:, 1:]
        return patches

    def log_probability(self, before: Tensor, patches: Tensor, after: Tensor, real: Tensor, answer: Tensor) -> Tensor:
        """Mean log probability of the tokens of an answer, float32 of shape (n,).

        Args:
            before: ids in front of the image, shape (length,), the same for all.
            patches: what `see` gives, shape (n, patches, vision width).
            after: ids behind the image, shape (n, longest), padded on the right.
            real: False where `after` is padded, shape (n, longest).
            answer: ids of the answer with the end of text, shape (tokens,).
        """
        n = len(patches)
        first = self.t5.shared(before).expand(n, -1, -1)
        embedded = torch.cat([first, self.projector(patches), self.t5.shared(after)], dim=1)
        seen = real.new_ones(n, embedded.shape[1] - real.shape[1])
        written = torch.cat([answer.new_tensor([self.t5.config.decoder_start_token_id]), answer[:-1]])
        logits: Tensor = self.t5(
            inputs_embeds=embedded,
            attention_mask=torch.cat([seen, real], dim=1),
            decoder_input_ids=written.expand(n, -1),
            use_cache=False,
        ).logits
        chances = logits.float().log_softmax(-1)
        return chances.gather(-1, answer.expand(n, -1)[..., None]).squeeze(-1).mean(1)
