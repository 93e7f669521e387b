"""Which clips there are, in which order, what they say, where they belong; and whether they are still up to date.

Light: Manim is imported only to look at a scene's numbers.
"""

import hashlib
import importlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from animations.definitions import reached
from unet_lib.core.errors import SettingsError

HERE = Path(__file__).parent
CLIPS = HERE / "clips"
LANGUAGES = ("en", "de")
INDEX = "index.json"
TOLERANCE = 1e-4
"""Of an array's largest value: how far its sums may be off before it counts as another one."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip. `title`, `statement` and `transcript` have a text for each of LANGUAGES; the transcript says what is
    seen, for those who cannot see it. `lesson` is the name of the notebook that shows it; a `short` clip is in the
    two-minute film."""

    name: str
    lesson: str
    short: bool
    title: dict[str, str]
    statement: dict[str, str]
    transcript: dict[str, str]

    @property
    def video(self) -> Path:
        """The committed clip."""
        return CLIPS / f"{self.name}.mp4"

    @property
    def poster(self) -> Path:
        """The still picture that stands for it."""
        return CLIPS / f"{self.name}.jpg"

    def subtitles(self, language: str) -> Path:
        """What is said in it, as a player reads it."""
        return CLIPS / f"{self.name}.{language}.vtt"

    @property
    def scene(self) -> type[Any]:
        """Its scene, a `ClipScene`, which needs Manim."""
        module = importlib.import_module(f"animations.scenes.{self.name}")
        return getattr(module, "".join(part.capitalize() for part in self.name.split("_")))


@cache
def clips() -> tuple[Clip, ...]:
    """All clips, in the order of the film. Raises SettingsError if an entry of clips.toml is not whole."""
    entries = tomllib.loads((HERE / "clips.toml").read_text("utf-8"))["clip"]
    return tuple(_parse(entry) for entry in entries)


def clip_named(name: str) -> Clip:
    """One clip. Raises SettingsError with the names there are."""
    found = {clip.name: clip for clip in clips()}
    if name not in found:
        raise SettingsError(f"no clip {name!r}; expected one of {', '.join(found)}.")
    return found[name]


def _parse(entry: dict[str, Any]) -> Clip:
    texts = ("title", "statement", "transcript")
    keys = entry.keys() - {"short"}
    if keys != {"name", "lesson", *texts} or any(entry[text].keys() != set(LANGUAGES) for text in texts):
        raise SettingsError(f"clips.toml: expected name, lesson, and {', '.join(texts)} in {' and '.join(LANGUAGES)}; "
                            f"got {entry}.")
    plain = {text: {language: " ".join(entry[text][language].split()) for language in LANGUAGES} for text in texts}
    return Clip(entry["name"], entry["lesson"], entry.get("short", False), **plain)


def made_from(clip: Clip, language: str = "en", captions: bool = True) -> dict[str, Any]:
    """All that a clip is made from, as plain data: a hash of its sources and words, and what its numbers amount to.

    The last digits of a number differ from processor to processor, so numbers are not hashed: `unchanged` compares.
    """
    return {"sources and words": fingerprint(clip, language, captions),
            "numbers": {name: amount(values) for name, values in clip.scene.numbers().items()}}


def unchanged(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two answers of `made_from` tell of the same clip; {} is no clip."""
    if before.get("sources and words") != now["sources and words"] or before["numbers"].keys() != now["numbers"].keys():
        return False
    pairs = ((before["numbers"][name], there) for name, there in now["numbers"].items())
    return all(one["shape"] == other["shape"] and abs(one[key] - other[key]) <= TOLERANCE * other["largest"]
               for one, other in pairs for key in ("largest", "sum", "weighted sum"))


def amount(values: np.ndarray) -> dict[str, Any]:
    """An array in a few numbers, at least one of which changes with any of its values or if two change places."""
    flat = np.ravel(values).astype(float)
    return {"shape": "x".join(map(str, np.shape(values))), "largest": float(np.abs(flat).max()),
            "sum": float(flat.sum()), "weighted sum": float(flat @ np.cos(np.arange(flat.size)))}


def fingerprint(clip: Clip, language: str = "en", captions: bool = True) -> str:
    """A hash of the scene's file, of the shared definitions it reaches, and of its words."""
    made = [reached(HERE, f"scenes.{clip.name}"), clip.title[language], clip.statement, language, captions]
    return hashlib.sha256(json.dumps(made, ensure_ascii=False).encode()).hexdigest()


def index(folder: Path = CLIPS) -> dict[str, dict[str, Any]]:
    """What was rendered into a folder, by file name: what each clip was made from, its size and seconds."""
    path = folder / INDEX
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def stale(folder: Path = CLIPS) -> list[str]:
    """The clips that are missing in a folder, or were made from something else than what is there now."""
    rendered = index(folder)
    return [clip.name for clip in clips() if not (folder / clip.video.name).is_file()
            or not unchanged(rendered.get(clip.video.name, {}).get("made from", {}), made_from(clip))]
