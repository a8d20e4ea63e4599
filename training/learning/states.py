"""The folder of a run under way: what it is, and the state it goes on from after a crash.

run.json             RunCard: a run is only gone on with by one that is the same; finished.json once it has ended
member-0/state.pt    weights, averaged weights, optimizer, step, time used; replaced whole, now and then
member-0/done.pt     a finished member's weights
member-0/events...   for TensorBoard
"""

import io
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.files.outfile import unfinished
from stream.validation import first_error
from training.fields import differences
from training.learning.loop import State
from training.networks import NetworkConfig
from training.outfile import write_whole
from training.recipe import Recipe
from training.runs import GO_ON, RUN_CARD

_FINISHED, _STATE, _DONE = "finished.json", "state.pt", "done.pt"


class RunCard(BaseModel):
    """All that decides what a run computes, but for the code."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    network: NetworkConfig
    spec: ClipSpec
    recipe: Recipe
    seed: int
    budget: str
    members: str
    """How many networks, and what each is trained on, in words."""
    dataset: str
    clips: str
    """Their digest."""
    precision: str
    processes: int


def open_run(folder: Path, card: RunCard, *, resume: bool) -> None:
    """Begins a run's folder, or goes on with it.

    One that has saved nothing yet is begun again, whatever it was.

    Raises:
        UserError: there is an unfinished run and it isn't to be gone on with, or it is another one.
    """
    path = folder / RUN_CARD
    if not (path.exists() and _states(folder)):
        _drop_states(folder)  # of a run that ended while it was being closed
        write_whole(path, card.model_dump_json(indent=2).encode() + b"\n")
        return
    if not resume:
        raise UserError(f"{folder} holds an unfinished run; go on with it by --resume, or delete that folder")
    _check_same(path, card, otherwise="give what it was begun with, or another folder")


def check_finished(folder: Path, card: RunCard) -> None:
    """Refuses to take a finished run for another one; what kept no card, as before there were any, is believed.

    Raises:
        UserError: naming what differs.
    """
    if (path := folder / _FINISHED).exists():
        _check_same(path, card, otherwise="without --resume it is begun again")


def _check_same(path: Path, card: RunCard, *, otherwise: str) -> None:
    try:
        begun = RunCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is no run: {first_error(error)}; delete that folder") from None
    if changed := differences(begun.model_dump(mode="json"), card.model_dump(mode="json")):
        raise UserError(f"--resume: {path.parent} was begun with another {changed}; {otherwise}")


class MemberFolder:
    """Where one network of a run keeps its state."""

    def __init__(self, path: Path, *, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._every_s, self._clock, self._saved_at = every_s, clock, clock()

    def save_if_due(self, state: State) -> None:
        """Saves the state if the last time is long ago."""
        if self._clock() - self._saved_at >= self._every_s:
            self.save(state)
            self._saved_at = self._clock()

    def load(self, state: State) -> None:
        """Brings a new state to where the run was; leaves it alone where nothing has been saved yet.

        Raises:
            UserError: what was saved can't be read or is of another network.
        """
        saved = self._read(_STATE)
        if saved is None:
            return
        try:
            for part, name in ((state.network, "network"), (state.average, "average"), (state.optimizer, "optimizer")):
                part.load_state_dict(saved[name])
        except (RuntimeError, ValueError, KeyError) as error:
            said = str(error).splitlines()[0]
            raise UserError(f"{self.path / _STATE} is of another network ({said}); delete the run's folder") from None
        state.losses.extend(saved["losses"])
        state.step, state.seconds = saved["step"], saved["seconds"]

    def save(self, state: State) -> None:
        """Saves the state."""
        self._write(
            _STATE,
            {
                "network": state.network.state_dict(),
                "average": state.average.state_dict(),
                "optimizer": state.optimizer.state_dict(),
                "losses": list(state.losses),
                "step": state.step,
                "seconds": state.seconds,
            },
        )

    def finish(self, weights: dict[str, torch.Tensor], facts: dict[str, float]) -> None:
        """Keeps the finished network's weights, with what is to be told of it, and drops the state."""
        self._write(_DONE, {"weights": weights, "facts": facts})
        (self.path / _STATE).unlink(missing_ok=True)

    def finished(self) -> tuple[dict[str, torch.Tensor], dict[str, float]] | None:
        """What `finish` kept."""
        saved = self._read(_DONE)
        return None if saved is None else (saved["weights"], saved["facts"])

    def _write(self, name: str, content: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_whole(self.path / name, buffer.getvalue(), otherwise=GO_ON)

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise UserError(f"{path} can't be read ({error}); delete the run's folder and begin again") from None
        return saved


def close_run(folder: Path) -> None:
    """Drops what a finished run would go on from; its card and what TensorBoard shows stay."""
    with suppress(FileNotFoundError):
        (folder / RUN_CARD).replace(folder / _FINISHED)  # first: a run without states would begin again
    _drop_states(folder)


def _states(folder: Path) -> list[Path]:
    return [path for name in (_STATE, _DONE) for path in folder.glob(f"*/{name}")]


def _drop_states(folder: Path) -> None:
    for path in (*_states(folder), *folder.glob(f"*/{unfinished('*')}")):
        path.unlink(missing_ok=True)
