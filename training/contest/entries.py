"""The rows of the two tables: the networks that are compared, and the recipe with one thing changed at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from stream.clip.spec import ClipSpec
from training.contest.contest import Entry
from training.learning.augment import can_shrink
from training.networks import Views, network_named
from training.recipe import Recipe

_VIEWS: tuple[Views, ...] = (4, 8)


def compared(names: Sequence[str], spec: ClipSpec, recipe: Recipe, rates: Sequence[float]) -> Iterator[Entry]:
    """One row for each network, which may choose from these learning rates; the mosaic comes as the competition's first
    benchmark had it, too: few stalled clips, and a loss that weights them.

    Raises:
        UserError: there is no such network.
    """
    for name in names:
        network = network_named(name, spec)
        yield Entry(name, network, recipe, spec, tuple(rates))
        if name == "mosaic":
            weighted = recipe.variant(stalled_share=1 / 16, stalled_weight=15.0)
            yield Entry("mosaic, 1 in 16 stalled, weighted", network, weighted, spec, tuple(rates))


def ablated(network_name: str, spec: ClipSpec, recipe: Recipe, *, other_specs: bool) -> Iterator[Entry]:
    """The recipe as it is, also with several views; one part changed at a time; other clip specs, if there are any.

    What changes nothing, such as leaving out what the recipe doesn't have, has no row. A part without which the row is
    clearly better doesn't stay in the recipe.
    """
    network = network_named(network_name, spec)

    def row(name: str, **changes: Any) -> Entry:
        changed = recipe.variant(**changes)
        return Entry(name, network, changed, spec, (changed.learning_rate,))

    as_it_is = replace(row("as it is"), trained_for=(1, *_VIEWS))
    yield as_it_is
    for views in _VIEWS:
        yield replace(as_it_is, name=f"{views} views averaged", views=views)
    parts = {name: {"augmentation": part} for name, part in _PARTS.items()}
    for name, changes in (parts | _CHANGES | {"half the batch": {"batch": max(2, recipe.batch // 2)}}).items():
        changed = row(name, **changes)
        if _acting(changed.recipe, spec) != _acting(recipe, spec):
            yield changed
    for name, read in _SPECS.items() if other_specs else ():
        if (other := ClipSpec.model_validate(spec.model_dump() | read)) != spec:
            yield Entry(name, network_named(network_name, other), recipe, other, (recipe.learning_rate,))


def _acting(recipe: Recipe, spec: ClipSpec) -> Recipe:
    """The recipe without the limits of what it never does to such clips, so that those that do the same are equal."""
    how, idle = recipe.augmentation, dict[str, float]()
    if not how.warped:
        idle |= {"rotate_deg": 0, "scale": 0}
    if not how.noise:
        idle |= {"noise_dashes": 0}
    if not can_shrink(spec):
        idle |= {"shrink_px": 0}
    return recipe.variant(augmentation=idle)


_PARTS: dict[str, dict[str, Any]] = {
    "no augmentation at all": {
        "turns": False,
        "reversal": False,
        "warped": 0,
        "gain": 0,
        "gamma": 0,
        "noise": 0,
        "frames_lost": 0,
        "shrink_px": 0,
    },
    "no turns and mirrors": {"turns": False},
    "no reversed time": {"reversal": False},
    "no small rotation and scale": {"warped": 0},
    "no small rotation": {"rotate_deg": 0},
    "no small scale": {"scale": 0},
    "no gain": {"gain": 0},
    "no gamma": {"gamma": 0},
    "no noise": {"noise": 0},
    "white noise only": {"noise_dashes": 0},
    "no lost frames": {"frames_lost": 0},
    "no thicker stroke": {"shrink_px": 0},
}
_CHANGES: dict[str, dict[str, Any]] = {
    "a quarter stalled": {"stalled_share": 0.25},
    "clips as they come, stalled ones count twice": {"stalled_share": None, "stalled_weight": 2.0},
    "no averaged weights": {"ema_decay": 0.0},
    "no warm-up": {"warm_up": 0.0},
    "no weight decay": {"weight_decay": 0.0},
    "gradients not shortened": {"clip_norm": 1e6},
}
_SPECS: dict[str, dict[str, Any]] = {
    "mask instead of distance": {"extra": "mask"},
    "no second channel": {"extra": "none"},
    "surroundings left in": {"outside": "keep"},
    "frames from the whole clip": {"sampling": "whole"},
    "box made to fit": {"scale": "fit"},
}
