"""Frames of videos and animated GIFs as pictures: every so many-th one, lossless, so that what is learned from lies on the disk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageSequence

from pagesight import decoders, progress
from pagesight.decoders import MAX_PIXELS, UnreadablePicture, UnreadFormat
from pagesight.errors import first_line
from pagesight.pictures.reading import Candidate, Read

_MOST_FRAMES = 5_000
"""Of one clip; a video of an hour has as many at --every-frames 20."""
_MOST_PIXELS = 50_000_000
"""Of one frame."""
_MOST_PIXELS_OF_ALL = 5_000_000_000
SEGMENTS = 5
"""Parts of a clip that stand for different takes, where a class has too few clips to be split by them."""


def take_frames(
    roots: Sequence[Path], candidates: Sequence[Candidate], every: int, into: Path, root: int
) -> tuple[list[Candidate], list[Read]]:
    """Candidates with clips replaced by their frames, written below `into` (place `root`), and the clips that cannot be read."""
    clips = [one for one in candidates if _is_clip(roots[one.root] / one.path, one.path)]
    if not clips:
        return list(candidates), []
    frames: dict[Candidate, list[Candidate]] = {}
    skipped: list[Read] = []
    with progress.task("taking frames", len(clips)) as advance:
        for clip in clips:
            name = f"{clip.root}/{clip.path}"
            try:
                taken = _write(_frames(roots[clip.root] / clip.path, every), into / name)
            except UnreadFormat as cause:
                skipped.append(Read(clip, why_skipped=str(cause), fix_for=cause.format))
            except UnreadablePicture as cause:
                skipped.append(Read(clip, why_skipped=str(cause)))
            else:
                frames[clip] = [
                    replace(clip, path=f"{name}/{file}", root=root, clip=f"{clip.root}:{clip.path}", frame=number)
                    for number, file in enumerate(taken)
                ]
            advance()
    gone = {one.file for one in skipped}
    return [made for one in candidates if one not in gone for made in frames.get(one, [one])], skipped


def groups(reads: Sequence[Read]) -> dict[Candidate, str]:
    """The group of each frame: its clip, or a part of it where its class has fewer than three clips."""
    clips: dict[str, set[str]] = {}
    lengths: dict[str, int] = {}
    framed = [r.file for r in reads if r.file.clip]
    for one in framed:
        clips.setdefault(one.label, set()).add(one.clip)
        lengths[one.clip] = max(lengths.get(one.clip, 0), one.frame + 1)
    return {
        one: one.clip if len(clips[one.label]) >= 3 else f"{one.clip}#{one.frame * SEGMENTS // lengths[one.clip]}" for one in framed
    }


def _is_clip(path: Path, name: str) -> bool:
    try:
        with path.open("rb") as file:
            kind = decoders.sniff(file.read(decoders.HEAD)) or decoders.named(name)
        if kind != "GIF":
            return kind == "video"
        with Image.open(path, formats=("GIF",)) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:  # what cannot be opened is said when it is read
        return False


def _write(frames: Iterator[Image.Image], into: Path) -> list[str]:
    """Write the frames below `into`; the names of their files. Of a clip that is damaged later on, what comes before is taken."""
    names: list[str] = []
    pixels = 0
    try:
        for frame in frames:
            into.mkdir(parents=True, exist_ok=True)
            names.append(f"{len(names):06d}.png")
            frame.save(into / names[-1], compress_level=1)
            pixels += frame.width * frame.height
            if len(names) >= _MOST_FRAMES or pixels >= _MOST_PIXELS_OF_ALL:
                progress.note(
                    f"{into.name}: only its first {len(names):,} frames are taken; pass a larger --every-frames for the rest"
                )
                break
    except UnreadablePicture as cause:
        if not names:
            raise
        progress.note(f"{into.name} {cause}: only the {len(names):,} frames before that are taken")
    if not names:
        raise UnreadablePicture("holds no frame that can be read")
    return names


def _frames(path: Path, every: int) -> Iterator[Image.Image]:
    with path.open("rb") as file:
        is_gif = decoders.sniff(file.read(decoders.HEAD)) == "GIF"
    try:
        yield from _frames_of_gif(path, every) if is_gif else _frames_of_video(path, every)
    except (UnreadablePicture, GeneratorExit):
        raise
    except Exception as cause:  # decoders raise anything
        raise UnreadablePicture(f"is damaged ({first_line(cause, 120).rstrip('.')})") from cause


def _frames_of_gif(path: Path, every: int) -> Iterator[Image.Image]:
    with Image.open(path, formats=("GIF",)) as image:
        _refuse_large(*image.size)
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            if number % every == 0:
                yield frame.convert("RGBA")


def _frames_of_video(path: Path, every: int) -> Iterator[Image.Image]:
    try:
        import av
    except ImportError as cause:
        raise UnreadFormat("video") from cause
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise UnreadablePicture("is a video without pictures")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        _refuse_large(stream.codec_context.width, stream.codec_context.height)
        for number, frame in enumerate(container.decode(stream)):
            if number % every == 0:
                _refuse_large(frame.width, frame.height)
                image = Image.fromarray(frame.to_ndarray(format="rgb24"))
                yield image.rotate(frame.rotation, expand=True) if frame.rotation else image


def _refuse_large(width: int, height: int) -> None:
    if width * height > min(_MOST_PIXELS, MAX_PIXELS):
        raise UnreadablePicture(f"has frames of {width}×{height} pixels, more than {_MOST_PIXELS // 1_000_000} million")
