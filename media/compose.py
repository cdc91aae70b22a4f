#!/usr/bin/env python3
"""Composes media/moh/demo-60s.ogg: a minute of music that loops without a seam.

Needs oggenc (vorbis-tools) and nothing else; the same input gives the same file.
Notes ring on past the end into the beginning, so the last bar leads back to the first.
All of it lies where a telephone hears: the bass at 130 Hz and up, the melody between 330 and 1,100.
"""

import math
import pathlib
import struct
import subprocess
import wave

RATE = 16_000
BEATS_A_MINUTE = 96
BARS = 24
BEAT = RATE * 60 // BEATS_A_MINUTE
LENGTH = BARS * 4 * BEAT  # 60 s to the sample
LOUDNESS = -19.0  # dBov, as the prompts
HERE = pathlib.Path(__file__).parent

CHORDS = {
    "C": (48, 60, 64, 67), "G/B": (47, 59, 62, 67), "Am": (45, 60, 64, 69), "F": (53, 60, 65, 69),
    "Em": (52, 59, 64, 67), "G": (55, 59, 62, 67), "Dm": (50, 62, 65, 69), "C/G": (55, 60, 64, 67),
}
VERSE = ["C", "G/B", "Am", "F", "C", "Em", "F", "G"]
BRIDGE = ["F", "G", "Em", "Am", "Dm", "G", "C", "C/G"]
HARMONY = VERSE + BRIDGE + VERSE

# (beat, beats, key) for each bar; keys are MIDI numbers.
TUNE = [
    [(0, 1.5, 76), (1.5, 0.5, 74), (2, 2, 72)],
    [(0, 1, 74), (1, 1, 71), (2, 2, 67)],
    [(0, 1.5, 69), (1.5, 0.5, 71), (2, 1, 72), (3, 1, 76)],
    [(0, 3, 77), (3, 1, 76)],
    [(0, 1, 76), (1, 1, 79), (2, 1.5, 84), (3.5, 0.5, 83)],
    [(0, 2, 83), (2, 1, 79), (3, 1, 76)],
    [(0, 1, 77), (1, 1, 76), (2, 1, 74), (3, 1, 72)],
    [(0, 3, 74), (3, 1, 71)],
]
BRIDGE_TUNE = [
    [(0, 2, 81), (2, 1, 79), (3, 1, 77)],
    [(0, 2, 79), (2, 1, 77), (3, 1, 74)],
    [(0, 1, 76), (1, 1, 79), (2, 2, 83)],
    [(0, 3, 81), (3, 1, 79)],
    [(0, 1, 77), (1, 1, 81), (2, 1, 79), (3, 1, 77)],
    [(0, 1, 74), (1, 1, 77), (2, 1, 76), (3, 1, 74)],
    [(0, 2, 76), (2, 2, 72)],
    [(0, 2, 67), (2, 1, 71), (3, 1, 74)],
]
MELODY = TUNE + BRIDGE_TUNE + TUNE[:7] + [[(0, 1, 71), (1, 1, 74), (2, 2, 72)]]


def hertz(key):
    return 440.0 * 2.0 ** ((key - 69) / 12.0)


def sound(mix, start, seconds, key, volume, partials, attack, decay):
    """Adds one note; its partials fade faster the higher they are."""
    length = int(seconds * RATE)
    rise = int(attack * RATE)
    for number, share in enumerate(partials, start=1):
        step = math.tau * hertz(key) * number / RATE
        if step > 0.45 * math.tau:
            break
        fade = math.exp(-decay * number / RATE)
        level = volume * share
        for at in range(length):
            edge = min(1.0, at / rise, (length - at) / 800.0)
            mix[(start + at) % LENGTH] += level * edge * math.sin(step * at)
            level *= fade


def compose():
    mix = [0.0] * LENGTH
    for bar, (chord, notes) in enumerate(zip(HARMONY, MELODY, strict=True)):
        start = bar * 4 * BEAT
        bass, *upper = CHORDS[chord]
        for beat in (0, 2):
            sound(mix, start + beat * BEAT, 1.3, bass, 0.5, (1.0, 0.5, 0.25), 0.01, 1.2)
        for half, key in enumerate(upper + upper[-2:] + upper[:1] + upper[1:]):
            sound(mix, start + half * BEAT // 2, 1.0, key, 0.28, (1.0, 0.35, 0.15), 0.008, 2.5)
        for beat, beats, key in notes:
            seconds = beats * BEAT / RATE + 0.35
            sound(mix, start + int(beat * BEAT), seconds, key, 0.8, (1.0, 0.4, 0.2, 0.08), 0.015, 0.9)
    return mix


def main():
    mix = compose()
    loud = math.sqrt(sum(s * s for s in mix) / LENGTH)
    gain = min(10 ** (LOUDNESS / 20) / loud, 0.89 / max(abs(s) for s in mix))
    samples = struct.pack(f"<{LENGTH}h", *(round(s * gain * 32_768) for s in mix))
    plain = HERE / "moh" / "demo-60s.wav"
    with wave.open(str(plain), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)
    # A serial of our own, because oggenc's is random.
    tags = ["-t", "Demo", "-a", "offhook"]
    subprocess.run(["oggenc", "-Q", "-q", "2", "--serial", "60", *tags, str(plain), "-o", str(plain.with_suffix(".ogg"))], check=True)
    plain.unlink()


if __name__ == "__main__":
    main()
