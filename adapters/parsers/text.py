"""Text as models write it, made plain enough to be read by short patterns. Linear in the length of the text.

`clean` keeps what the text says and may be shown; `prose` also drops mark-up; `folded` is for matching only.
"""

from __future__ import annotations

import re
import unicodedata

_SPACES = "\u00a0\u1680\u202f\u205f\u3000\t" + "".join(map(chr, range(0x2000, 0x200B)))
_NEWLINES = "\u2028\u2029\u0085\v\f"
_INVISIBLE = "\u00ad\ufeff\ufe0e\ufe0f\u20e3" + "".join(
    chr(code)
    for low, high in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x7F))
    for code in range(low, high + 1)
)
_SIGNS = {
    **dict.fromkeys(map(ord, "‘’‚′´"), "'"),
    **dict.fromkeys(map(ord, "“”„″«»「」『』"), '"'),
    **dict.fromkeys(map(ord, "‐‑−"), "-"),
    **dict.fromkeys(map(ord, "–—―"), " - "),
    **dict.fromkeys(map(ord, "⁄∕"), "/"),
    **dict.fromkeys(map(ord, "≻≫"), ">"),
    **dict.fromkeys(map(ord, "→⇒➜➔➡"), "->"),
    **dict.fromkeys(map(ord, "❶➀➊"), "1"),
    **dict.fromkeys(map(ord, "❷➁➋"), "2"),
}


def _compatible() -> dict[int, str]:
    """Full-width, circled, mathematical and non-Latin digits and letters that stand for one ASCII character.

    Character by character: normalising a whole text takes quadratic time on long runs of combining marks.
    """
    ranges = ((0x0660, 0x066A), (0x06F0, 0x06FA), (0x0966, 0x0970), (0x2460, 0x24EA), (0xFF01, 0xFFEF),
              (0x1D400, 0x1D800))  # fmt: skip
    plain: dict[int, str] = {}
    for code in (code for low, high in ranges for code in range(low, high)):
        digit = unicodedata.digit(chr(code), None)
        form = str(digit) if digit is not None else unicodedata.normalize("NFKC", chr(code))
        if len(form) == 1 and form.isascii():
            plain[code] = form
    return plain


_CLEAN: dict[int, str] = {
    **_compatible(),
    **dict.fromkeys(map(ord, _SPACES), " "),
    **dict.fromkeys(map(ord, _NEWLINES), "\n"),
    **dict.fromkeys(map(ord, _INVISIBLE), ""),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    **_SIGNS,
}

_UNACCENTED: dict[int, str] = {
    **dict.fromkeys(range(0x0300, 0x0370), ""),
    **{
        code: base
        for code in range(0xC0, 0x180)
        if (base := unicodedata.normalize("NFKD", chr(code))[0]).isascii() and base.isalpha()
    },
}

_ENTITIES = (("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&"))
_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|<(?:eos|bos|pad|image|end_of_utterance|end_of_turn)>")
"""Tokens of chat templates that were decoded with the answer."""
_STRUCK = re.compile(r"~~[^~\n]{1,400}~~")
_COMMANDS = r"boxed|fbox|text[a-z]{0,9}|math[a-z]{0,9}|emph|underline|bf|it|left|right|quad|large"
_COMMAND = re.compile(rf"\\(?:(?:{_COMMANDS})(?![a-z])|[()\[\],;:! ])")
_ESCAPED_NEWLINE = re.compile(r"\\n(?![a-z])")
_EMPHASIS = re.compile(r"\*+|`+|\$+|(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])|[{}]+")
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|h[1-6]|pre) ?/?>", re.IGNORECASE)
_INLINE_TAG = re.compile(r"</?(?:b|i|u|em|strong|span|code) ?>", re.IGNORECASE)
_BOX = re.compile(r"^[^\w\n]*\\boxed(?=\{)", re.MULTILINE)
"""A line that holds nothing but a box: the convention for final answers."""
_TABLE_ROW = re.compile(r"^[ ]*\|(?P<cells>.*?)\|?[ ]*$", re.MULTILINE)
_LINE_MARK = re.compile(r"^[ ]*(?:#{1,6} |>+ ?)", re.MULTILINE)
_BLANKS = re.compile(r" {2,}")


def clean(text: str) -> str:
    """The text with plain spaces, quotes, dashes, digits and line ends; lone surrogates become U+FFFD.

    Tokens of chat templates are gone.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEAN)
    return _BLANKS.sub(" ", _SPECIAL.sub("", text))


def prose(text: str) -> str:
    """Cleaned text without Markdown, LaTeX and HTML; what is struck out is gone."""
    text = clean(text)
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    text = _INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", _ESCAPED_NEWLINE.sub("\n", text)))
    text = _EMPHASIS.sub("", _COMMAND.sub(" ", _BOX.sub("Answer: ", _STRUCK.sub("", text))))
    text = _TABLE_ROW.sub(lambda row: row["cells"], text)
    return _BLANKS.sub(" ", _LINE_MARK.sub("", text))


def folded(text: str) -> str:
    """Case and accents removed, for matching against the lexicon."""
    return text.casefold().translate(_UNACCENTED)


def lines(text: str) -> list[str]:
    """The lines that are not blank, stripped."""
    return [line for raw in text.split("\n") if (line := raw.strip())]
