"""The model of a prefix cache, on cases worked by hand."""

from __future__ import annotations

import pytest

from benchmarks.prefix_cache import Cache, best_rate, hit_rate, image_run, prompt_of, rates
from harness.generation import Message, Request
from harness.pictures import BytesPicture
from harness.records import Image

A, B, C = [1] * 4, [2] * 4, [3] * 4
"""A block of four tokens each."""


def test_whole_blocks_from_the_beginning_are_found() -> None:
    cache = Cache(None, block=4)
    assert cache.ask(A + B + [9]) == 0
    assert cache.ask(A + B + [9]) == 8  # The ninth token fills no block.
    assert cache.ask(A + C) == 4
    assert cache.ask(B + A) == 0  # The same blocks in other places are other blocks.
    assert cache.ask([1, 1, 1]) == 0


def test_rate_is_tokens_found_among_all_tokens() -> None:
    assert hit_rate([A + B, A + C, A + B], block=4) == pytest.approx((0 + 4 + 8) / 24)
    assert hit_rate([], block=4) == 0.0


def test_the_block_used_longest_ago_goes_first_and_the_last_of_a_prompt_before_its_first() -> None:
    cache = Cache(capacity=8, block=4)  # Two blocks.
    cache.ask(A + B)
    cache.ask(C)  # B of the first prompt goes: A leads to it.
    assert cache.ask(A + B) == 4
    assert cache.ask(C) == 0


def test_capacity_makes_order_matter() -> None:
    grouped = [A + B, A + C, B + A, B + C]
    mixed = [A + B, B + A, A + C, B + C]
    assert hit_rate(grouped, 8, block=4) == pytest.approx(8 / 32)
    assert hit_rate(mixed, 8, block=4) == 0.0
    assert hit_rate(mixed, None, block=4) == pytest.approx(8 / 32)


def test_best_is_what_a_trie_shares() -> None:
    # Nodes: 1, 12, 123, 124, 5; seven tokens more than that are repeated prefixes.
    prompts = [[1, 2, 3], [1, 2, 4], [5], [1, 2, 3], [1, 2]]
    assert best_rate(prompts) == pytest.approx((12 - 5) / 12)
    assert best_rate([[1], [2]]) == 0.0
    assert best_rate([]) == 0.0


def test_no_order_beats_the_best() -> None:
    prompts = [[*image_run(f"user {user}", 40), user, item] for user in range(5) for item in range(4)]
    found = rates(prompts, capacity=100)
    assert 0.0 <= found.shuffled < found.given <= found.best
    assert found.given == pytest.approx(5 * 3 * 32 / (20 * 42))


def test_requests_that_begin_alike_share_tokens_and_images_are_known_by_content() -> None:
    one, same, other = (Image(BytesPicture(content)) for content in (b"one", b"one", b"other"))
    prompts = [
        prompt_of(Request((Message("user", ("Which does this user prefer?", image, text)),)), lambda _: 10)
        for image, text in ((one, "now"), (same, "then"), (other, "now"))
    ]
    role, question = 3, 7
    assert best_rate(prompts[:2]) == pytest.approx((role + question + 10) / 42)
    assert best_rate(prompts[::2]) == pytest.approx((role + question) / 42)
