"""`python -m stream dlq show` and `requeue`: rejected references, looked at and sent back."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing

from stream.commands import start_log
from stream.commands.cluster import cluster_of, outcome_topics_of
from stream.errors import UserError
from stream.letters.letter import DeadLetter, Selection, newest, read_letters
from stream.letters.render import letter_json, letter_line, letter_lines
from stream.letters.requeue import requeue, sentences
from stream.settings import DlqShowSettings, LettersSettings, RequeueSettings


def show(settings: DlqShowSettings) -> int:
    """Prints dead letters in full."""
    start_log(settings)
    found = read_letters(cluster_of(settings), settings.dead_letters_topic, _selection(settings))
    with closing(found) as letters:
        for letter in letters if settings.limit is None else _newest(letters, settings.limit):
            if settings.as_json:
                print(json.dumps(letter_json(letter)))
            else:
                print(*letter_lines(letter), "", sep="\n")
    return 0


def _newest(letters: Iterator[DeadLetter], limit: int) -> Iterator[DeadLetter]:
    """The newest; then says on stderr how many older ones there are, so that --json stays what it is."""
    found = newest(letters, limit)
    yield from found.letters
    if found.of > limit:
        print(f"the newest {limit} of {found.of}: a larger --limit shows more, none shows all", file=sys.stderr)


def send_back(settings: RequeueSettings) -> int:
    """Sends dead letters back."""
    start_log(settings)
    selection = _selection(settings)
    if selection.is_limited == settings.all_letters:
        named = "some are named, too" if settings.all_letters else "it isn't said which"
        raise UserError(f"{named}: give --reason, --clip-id, --since or --until, or nothing but --all")
    done = requeue(
        cluster_of(settings),
        settings.clips_topic,
        outcome_topics_of(settings),
        selection,
        dry_run=settings.dry_run,
        told=lambda letter: None if settings.as_json else print(letter_line(letter)),
    )
    if settings.as_json:
        print(json.dumps({"dry_run": settings.dry_run, "sent": done.sent, "left": done.left}))
    else:
        print(*sentences(done, dry_run=settings.dry_run), sep="\n")
    return 0


def _selection(settings: LettersSettings) -> Selection:
    return Selection(
        reasons=frozenset(settings.reason),
        clip_ids=frozenset(settings.clip_id),
        since=settings.since,
        until=settings.until,
    )
