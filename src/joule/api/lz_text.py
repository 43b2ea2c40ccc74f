"""LZ-string compression into characters that a URL may hold, as web pages unpack it.

Phrases that were seen get numbers, which are written with as many bits as the largest of them
needs, lowest bit first; six bits make a character.
"""

from __future__ import annotations

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$"

_NEW_CHARACTER, _END = 0, 2
_FIRST_CODE = 3  # 1 would announce a character of 16 bits


class _Packer:
    """The numbers of phrases, and the bits written so far."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._unsent: set[str] = set()
        self._bits: list[int] = []
        self._width = 2
        self._room = 2  # numbers that may still be given before the width grows

    def knows(self, phrase: str) -> bool:
        return phrase in self._codes

    def learn(self, phrase: str) -> None:
        self._codes[phrase] = _FIRST_CODE + len(self._codes)
        if len(phrase) == 1:
            self._unsent.add(phrase)

    def send(self, phrase: str) -> None:
        if phrase in self._unsent:
            self._unsent.remove(phrase)
            self._write(_NEW_CHARACTER, self._width)
            self._write(ord(phrase), 8)
            self._grow()
        else:
            self._write(self._codes[phrase], self._width)
        self._grow()

    def finished(self) -> str:
        self._write(_END, self._width)
        bits = self._bits + [0] * (6 - len(self._bits) % 6)
        sixes = (bits[at : at + 6] for at in range(0, len(bits), 6))
        return "".join(_ALPHABET[int("".join(map(str, six)), 2)] for six in sixes)

    def _write(self, value: int, width: int) -> None:
        self._bits += [value >> place & 1 for place in range(width)]

    def _grow(self) -> None:
        self._room -= 1
        if not self._room:
            self._room = 1 << self._width
            self._width += 1


def packed_for_url(text: str) -> str:
    """Compress ``text``, all of whose characters must be below 256; ``ValueError`` otherwise."""
    text.encode("latin-1")
    packer = _Packer()
    phrase = ""
    for character in text:
        if not packer.knows(character):
            packer.learn(character)
        if packer.knows(phrase + character):
            phrase += character
            continue
        packer.send(phrase)
        packer.learn(phrase + character)
        phrase = character
    if phrase:
        packer.send(phrase)
    return packer.finished()
