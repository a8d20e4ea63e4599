"""Contact sheet: one picture of many clips, a row of evenly spaced frames for each, with its label and its verdict."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from stream.clip.decode import Frame, decode_frames
from stream.clip.preflight import preflight
from stream.errors import ClipFault, UserError
from stream.files.textfiles import read_labels
from stream.records import Outcome, Verdict
from stream.validation import first_error
from training.synthetic.folder import LABELS

Picture = NDArray[np.uint8]
_CAPTION_PX = 16
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


def write_contact_sheet(
    paths: Sequence[Path], out: Path, *, outcomes: Path | None = None, rows: int, columns: int, width: int
) -> int:
    """Writes a PNG and returns the number of clips in it.

    Args:
        paths: MP4 files, or folders whose MP4 files are taken by name.
        out: the PNG.
        outcomes: as `python -m stream score --json` prints them; found by the clip's name or its path.
        rows: most clips shown.
        columns: frames of each clip.
        width: of a frame on the sheet, in pixels.

    Raises:
        UserError: no clip found, a file or its folder's table of labels can't be read, or the sheet can't be written.
    """
    if out.suffix.lower() != ".png":
        raise UserError(f"--out {out}: a contact sheet is a PNG; give a name that ends in .png")
    clips = [clip for path in paths for clip in (sorted(path.glob("*.mp4")) if path.is_dir() else [path])][:rows]
    if not clips:
        raise UserError(f"no *.mp4 in {', '.join(map(str, paths))}; give MP4 files or folders of them")
    folders = {clip.parent for clip in clips}
    labels = {folder: read_labels(folder / LABELS) if (folder / LABELS).is_file() else {} for folder in folders}
    verdicts = read_verdicts(outcomes) if outcomes else {}
    captions = {clip: _caption(clip, labels[clip.parent], verdicts) for clip in clips}
    sheet = np.vstack([_row(clip, caption, columns=columns, width=width) for clip, caption in captions.items()])
    _, png = cv2.imencode(".png", sheet)
    try:
        out.write_bytes(png.tobytes())
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}; give a file that can be written") from None
    return len(clips)


def read_verdicts(path: Path) -> dict[str, str]:
    """Verdicts by clip_id, in words.

    Raises:
        UserError: the file can't be read, or a line is no outcome.
    """
    try:
        outcomes = [_OUTCOME.validate_json(line) for line in path.read_bytes().splitlines()]
    except OSError as error:
        raise UserError(f"--outcomes {path}: {error.strerror}; give what `score --json` printed") from None
    except ValidationError as error:
        raise UserError(f"--outcomes {path}: {first_error(error)}; give what `score --json` printed") from None
    return {
        each.clip_id: f"judged {each.verdict}, P(stalled) = {each.probability:.3f}"
        for each in outcomes
        if isinstance(each, Verdict)
    }


def _caption(clip: Path, labels: Mapping[str, bool], verdicts: Mapping[str, str]) -> str:
    label = {True: "stalled", False: "flowing", None: ""}[labels.get(clip.name)]
    return "  ".join(filter(None, [clip.name, label, verdicts.get(clip.name) or verdicts.get(str(clip))]))


def _row(clip: Path, caption: str, *, columns: int, width: int) -> Picture:
    row = np.zeros((_CAPTION_PX + width * 3 // 4, width * columns, 3), np.uint8)
    try:
        data = clip.read_bytes()
    except OSError as error:
        raise UserError(f"{clip}: {error.strerror}; give MP4 files or folders of them") from None
    try:
        facts = preflight(data)
        chosen = np.linspace(0, facts.samples - 1, columns).round().astype(int).tolist()
        for place, frame in enumerate(decode_frames(data, facts, chosen)):
            picture = _to_bgr(frame)
            scale = min(width / picture.shape[1], width * 0.75 / picture.shape[0])
            small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            row[_CAPTION_PX : _CAPTION_PX + small.shape[0], place * width : place * width + small.shape[1]] = small
        caption += f"  {facts.samples} frames"
    except ClipFault as fault:
        caption = f"{clip.name}  {fault}"
    cv2.putText(row, caption, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return row


def _to_bgr(frame: Frame) -> Picture:
    """By BT.601; odd sizes lose their last row or column."""
    height, width = (size // 2 * 2 for size in frame.luma.shape)
    planes = (frame.luma[:height, :width], frame.u[: height // 2, : width // 2], frame.v[: height // 2, : width // 2])
    packed = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, width)
    return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420), np.uint8)
