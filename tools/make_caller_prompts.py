"""Makes the recorded sentences of the synthetic callers, for machines without espeak-ng.

Run by hand after changing a text: ``python tools/make_caller_prompts.py``.
"""

from pathlib import Path

from make_prompts import speak

FOLDER = Path(__file__).parents[1] / "src" / "tahuri" / "simulate" / "prompts"
SENTENCES = (
    "Halo, tolong, ada kebakaran.",
    "Ada kecelakaan, dua motor, orangnya luka.",
    "Ibu saya sesak napas, tolong cepat.",
    "Pohon tumbang menutup jalan.",
    "Ada orang berkelahi di depan rumah.",
    "Di dekat masjid, masuk gang kecil.",
    "Iya, benar.",
    "Terima kasih, saya tunggu.",
)


def main() -> None:
    """Makes every sentence."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(SENTENCES, 1):
        speak(text, FOLDER / f"sentence-{number}.wav")


if __name__ == "__main__":
    main()
