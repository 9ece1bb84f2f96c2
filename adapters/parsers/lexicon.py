"""The tokens that verdict sentences are made of (`lexicon.toml`) and phrases that are no sentence (`phrases.toml`)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

Languages = dict[str, list[str]]


def _table(name: str) -> dict[str, Languages]:
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


_WORDS, _PHRASES = _table("lexicon.toml"), _table("phrases.toml")
_UNSPACED = ("zh", "ja", "ko")
_BEFORE, _BEHIND = "(?<![a-zа-я])", "(?:(?<=')|(?![a-zа-я]))"


def phrases(name: str) -> str:
    """Alternatives of a table of `phrases.toml`, without group or borders."""
    return "|".join(form for forms in _PHRASES[name].values() for form in forms)


def bounded(name: str) -> str:
    """The same as a group, between letters of no alphabet where the language sets words apart."""
    spaced, unspaced = _split(_PHRASES[name])
    return f"(?:{_BEFORE}(?:{spaced}){_BEHIND}{'|' * bool(unspaced)}{unspaced})"


def _split(forms: Languages) -> tuple[str, str]:
    """Alternatives of the languages with and without spaces between words."""
    spaced = [form for language, some in forms.items() if language not in _UNSPACED for form in some]
    unspaced = [form for language, some in forms.items() if language in _UNSPACED for form in some]
    return "|".join(spaced), "|".join(unspaced)


_NOUN, _GLYPHS = (f"(?:{forms})" for forms in _split(_WORDS["images"]))
_NUMBERED = r"[ _#:-]{0,2}(?:(?:no\.|nr\.|number|n°) ?)?"
_MEASURED = "|".join(f"(?<={words} )" for words in ("than the", "over the", "que la", "als das", "della", "dan de"))
_OPEN = r"[\[(<]?"
_OR = r"(?: ?[/|] ?| (?:or|oder|ou|o|and/or|vs\.?|или) | ?(?:或者?|または|또는) ?)"
_AND = r"(?: ?[&+] ?| (?:and|und|et|y|e|en|и) | ?(?:和|与|と|와|과) ?)"
_LAST = r"(?:{image} ?#?(?:1|2|one|two|a|b)|the (?:first|second)(?: one| {image})?)(?: for (?:me|(?:the|this) user))?$"
_AGAIN = rf"(?:(?:the )?(?:{_NOUN}|{_GLYPHS})[ _]?)?"
_TWICE = "|".join(f"{x}%s{_AGAIN}{y}" for x, y in (("1", "2"), ("2", "1"), ("a", "b"), ("b", "a")))


def _image(order: str, digits: str, digit: str, letter: str) -> str:
    """Mentions of one of the two images: `image 1`, `picture b`, `the first one`, `图1`, `두 번째 이미지`.

    A lower-case letter counts only where it cannot be an article.
    """
    follows = "is|was|wins|has|over|than|would|and|or|as|because|looks|beats"
    lone = rf"{letter}(?=$|[.,;:!)\]\"'>]| ?>| (?:{follows}){_BEHIND})"
    ordinal = rf"{_NOUN}(?! ?(?:[0-9]|[ab]{_BEHIND}))|one|of the (?:two|pair)(?: images)?"
    return "|".join(
        [
            rf"{_BEFORE}{_NOUN}{_NUMBERED}(?:{digits}|{lone})(?![a-z0-9]|[.,][0-9]|'(?!s{_BEHIND}))",
            rf"{_GLYPHS} ?[:#]? ?(?:{digit}|{letter})(?![a-z0-9]|\.[0-9])",
            rf"{_BEFORE}(?:{phrases(order)}) (?:{ordinal}){_BEHIND}",
            rf"(?:{_MEASURED})(?:{phrases(order)}){_BEHIND}",
            rf"{_BEFORE}the (?:{phrases(order)})(?=$| (?:is|was|wins|beats|would be) )",
            phrases(f"{order}_glyphs"),
        ]
    )


def _group(kind: str) -> str:
    spaced, unspaced = _split(_WORDS[kind])
    forms = [f"{_BEFORE}(?:{spaced}){_BEHIND}"] if spaced else []
    return _filled(f"(?P<{kind}>{'|'.join([*forms, unspaced] if unspaced else forms)})")


def _filled(forms: str) -> str:
    """`{image}`: any word for a picture; `{last}`: an image's name that ends the sentence."""
    return forms.replace("{last}", _LAST).replace("{image}", _NOUN)


_EITHER = "|".join(
    [
        rf"{_BEFORE}{_NOUN}[ _#:-]{{1,2}}{_OPEN} ?(?:x|n|\?|___?){_BEHIND}",
        rf"{_BEFORE}{_NOUN}{_NUMBERED}{_OPEN} ?(?:{_TWICE.replace('%s', _OR)})(?![a-z0-9])",
        rf"{_GLYPHS} ?(?:{_TWICE.replace('%s', _OR)}|x{_BEHIND})",
        rf"{_BEFORE}(?:first{_OR}(?:the )?second){_BEHIND}",
    ]
)
_BOTH = rf"{_BEFORE}{_NOUN} ?(?:{_TWICE.replace('%s', _AND)})(?![a-z0-9])|{_BEFORE}both{_BEHIND}"

PREDICATES = ("tie", "as_good", "worse_than", "beats", "worse", "better")
"""Kinds that say which image is better, or that none is."""

_SAID = [form for kind in PREDICATES for forms in _WORDS[kind].values() for form in forms]
PREDICATE = re.compile(_filled("|".join(_SAID)))
"""Found in every folded sentence that holds a predicate, and much faster than its tokens."""

_SPECIAL = ("images", "characters")

TOKEN = re.compile(
    "|".join(
        [
            rf"(?P<either>{_EITHER})",
            rf"(?P<both>{_BOTH})",
            rf"(?P<one>{_image('first', '(?:1|one|eins|uno)', '(?:1|一(?!样))', 'a')})(?P<of_one>'s{_BEHIND})?",
            rf"(?P<two>{_image('second', '(?:2|two|zwei|dos|due)', '[2二]', 'b')})(?P<of_two>'s{_BEHIND})?",
            rf"(?P<alien>{_BEFORE}{_NOUN}{_NUMBERED}[0-9]+)",
            *(_group(kind) for kind in _WORDS if kind not in _SPECIAL),
            f"(?P<character>{'|'.join(form for forms in _WORDS['characters'].values() for form in forms)})",
            r"(?P<stop>[,;:()\[\]…、→]| - |[-=]>)",
            r"(?P<glyph>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])",
            r"(?P<word>[^\W_]+)",
        ]
    )
)
"""One token of a folded sentence; its kind is the name of the group. Letters that no kind knows are a `word`."""
