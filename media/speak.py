#!/usr/bin/env python3
"""Speaks the prompts: each line of prompts/LANGUAGE/texts.tsv becomes a WAV file beside it.

Needs espeak-ng and sox. 16 kHz, 16 bits, mono, at most -1 dBFS, about -19 dBov where there is voice.
"""

import math
import pathlib
import struct
import subprocess
import wave

RATE = 16_000
FRAME = RATE // 50
LOUDNESS = -19.0
VOICES = {"en-us": "en-us+f3"}
HERE = pathlib.Path(__file__).parent


def spoken(voice, text):
    """The samples of a text."""
    said = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", "160", "-b", "1", "--stdin", "--stdout"],
        input=text.encode(), stdout=subprocess.PIPE, check=True)
    narrowed = subprocess.run(
        ["sox", "-D", "--ignore-length", "-t", "wav", "-", "-t", "raw", "-r", str(RATE), "-e", "signed", "-b", "16", "-"],
        input=said.stdout, stdout=subprocess.PIPE, check=True).stdout
    return struct.unpack(f"<{len(narrowed) // 2}h", narrowed)


def loudened(samples):
    """The same at the loudness of all prompts; pauses do not count."""
    squares = [sum(s * s for s in samples[at:at + FRAME]) / FRAME for at in range(0, len(samples), FRAME)]
    voiced = [square for square in squares if square * 1_000 >= max(squares)]
    level = math.sqrt(sum(voiced) / len(voiced)) / 32_768
    gain = min(10 ** (LOUDNESS / 20) / level, 29_204 / max(abs(s) for s in samples))
    return [round(s * gain) for s in samples]


def main():
    for texts in sorted(HERE.glob("prompts/*/texts.tsv")):
        voice = VOICES[texts.parent.name]
        for line in texts.read_text().splitlines():
            name, text = line.split("\t")
            samples = loudened(spoken(voice, text))
            with wave.open(str(texts.with_name(f"{name}.wav")), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


if __name__ == "__main__":
    main()
