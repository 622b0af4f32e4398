"""Makes the prompts that callers hear: speech by espeak-ng, tones by sox, 8 kHz mono WAV.

Run by hand after changing a text: ``python tools/make_prompts.py``; the files are kept in the tree
so that a centre needs neither program.
"""

import subprocess
import tempfile
import wave
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src" / "tahuri" / "telephony" / "prompts"
NOTICE = "Layanan darurat satu satu dua. Petugas segera menjawab."
COMFORT = "Panggilan Anda tetap tersambung. Jangan tutup telepon, petugas segera menjawab."
QUAKE = (
    "Kami tahu gempa baru saja terasa. Jika ada yang terluka atau dalam bahaya, tetap di telepon. "
    "Petugas akan menjawab. Jauhi bangunan yang retak, dan jauhi pantai."
)
HOLD = "Mohon tunggu sebentar, jangan tutup telepon."
CHALLENGE = "Darurat satu satu dua. Jika ini darurat, tekan satu."
GHOST = {
    "cannot-speak": "Jika Anda tidak dapat berbicara, tekan lima.",
    "police": "Apakah Anda membutuhkan polisi? Tekan lima untuk ya.",
    "medical": "Apakah Anda membutuhkan ambulans? Tekan lima untuk ya.",
    "fire": "Apakah ada kebakaran? Tekan lima untuk ya.",
    "come": "Bolehkah kami datang? Tekan lima untuk ya.",
}
"""Asked of a caller who does not speak; the answer is a key."""
NOTICE_S_MAX = 5.0
NOTICES = FOLDER.parents[1] / "city" / "packs" / "ambon" / "notices"
"""Recorded notices of the city, which a supervisor may switch on."""


def speak(text: str, file: Path) -> None:
    """Speech, levelled, as 8 kHz mono 16-bit WAV."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as raw:
        subprocess.run(["espeak-ng", "-v", "id", "-s", "165", "-w", raw.name, text], check=True)
        subprocess.run(
            ["sox", raw.name, "-r", "8000", "-c", "1", "-b", "16", str(file), "norm", "-6"],
            check=True,
        )


def tones(file: Path, *synth: str) -> None:
    """A tone with the silence after it."""
    subprocess.run(
        ["sox", "-n", "-r", "8000", "-c", "1", "-b", "16", str(file), *synth], check=True
    )


def main() -> None:
    """Makes every prompt and checks that none outlasts what the switch plays."""
    speak(NOTICE, FOLDER / "notice.wav")
    speak(COMFORT, FOLDER / "comfort.wav")
    NOTICES.mkdir(exist_ok=True)
    speak(QUAKE, NOTICES / "gempa.wav")
    speak(HOLD, FOLDER / "hold-words.wav")
    tones(FOLDER / "tone.wav", "synth", "1", "sine", "425", "gain", "-15", "pad", "0", "3")
    tones(FOLDER / "beep.wav", "synth", "0.2", "sine", "1400", "gain", "-18", "pad", "0.1", "0.1")
    with tempfile.NamedTemporaryFile(suffix=".wav") as pause:
        tones(Path(pause.name), "synth", "0.3", "sine", "350", "gain", "-18", "pad", "0.7", "4")
        subprocess.run(
            ["sox", str(FOLDER / "hold-words.wav"), pause.name, str(FOLDER / "hold.wav")],
            check=True,
        )
    (FOLDER / "hold-words.wav").unlink()
    speak(CHALLENGE, FOLDER / "challenge.wav")
    for question, text in GHOST.items():
        speak(text, FOLDER / f"ghost-{question}.wav")
    for name in ("notice", "challenge", *(f"ghost-{question}" for question in GHOST)):
        with wave.open(str(FOLDER / f"{name}.wav")) as prompt:
            length_s = prompt.getnframes() / prompt.getframerate()
        if length_s > NOTICE_S_MAX:
            raise SystemExit(f"{name} lasts {length_s:.1f} s, more than {NOTICE_S_MAX} s")
        print(f"{name} {length_s:.2f} s")


if __name__ == "__main__":
    main()
