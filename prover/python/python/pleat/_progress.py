"""Progress of long calls."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Union

#: Called as ``progress(stage, done, total)``, on the calling thread; an exception ends the work. ``True``: a bar of ``tqdm``'s, where
#: that is installed, for what takes longer than a second. ``False``: nothing.
Progress = Union[bool, Callable[[str, int, int], Any]]


#: Seconds until a bar shows up.
PATIENCE = 1.0


@contextmanager
def heard(progress: Progress) -> Iterator[Callable[[str, int, int], Any] | None]:
    """What the extension calls."""
    if progress is not True:
        yield progress if callable(progress) else None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        tqdm = None
    if tqdm is None:
        yield None
        return
    start = time.monotonic()
    bars: list[Any] = []

    def tell(stage: str, done: int, total: int) -> None:
        if not bars:
            if time.monotonic() - start < PATIENCE:
                return
            bars.append(tqdm(total=1, leave=False, bar_format="{desc}: {elapsed} {bar} {n_fmt}/{total_fmt}"))
        bar = bars[0]
        bar.set_description_str(stage, refresh=False)
        bar.total = total
        bar.n = done
        # Not more often than the bar itself would.
        bar.update(0)

    try:
        yield tell
    finally:
        for bar in bars:
            bar.close()
