"""Writing images to a record file: decoded, resized and encoded by several processes, written in order, resumable.

While a file is being written, NAME.rec.partial grows beside NAME.journal, which has a line of JSON for
each image: an interrupted run resumes after the journal's last line. After the last image the index
and the list are written and the file gets its name. An image that cannot be decoded is skipped, and
named in the journal.
"""

import io
import json
import os
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Callable, Deque, Iterable, Iterator, List, NamedTuple, Sequence, Tuple, TypeVar

import numpy as np

from ...base import files
from ...base.errors import UserError
from .. import decode
from . import recordio
from .ilsvrc import Item

Chunk = TypeVar('Chunk')
Result = TypeVar('Result')

FLUSH = 256  # images between two syncs of the journal to disk
CHUNK = 16  # images that a process takes at a time
LARGEST = 65500  # pixels a side of a JPEG


class WorkerDied(UserError):
    """A worker process that ended before its work was done, most often for lack of memory."""


class Row(NamedTuple):
    """A line of the journal: an image's position in the list of items, the bytes of its record, why it was skipped.

    start and end are equal, and reason is not empty, for an image that was skipped.
    """

    position: int
    start: int
    end: int
    label: int
    name: str
    reason: str


def _plain_jpeg(content: bytes) -> bool:
    """Tell whether a file is a JPEG that every decoder reads alike: three channels, no rotation in its EXIF."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return image.format == 'JPEG' and image.mode == 'RGB' and decode.orientation(image, otherwise=0) == 1


def encode(content: bytes, name: str, short_side: int, quality: int) -> bytes:
    """Encode an image file as a JPEG whose shorter side is at most short_side pixels (0: any).

    A plain JPEG that is small enough stays as it is. Raises decode.BadImage if the file is damaged or too large.
    """
    import cv2

    pixels = decode.read_rgb(content, name, short_side)
    if short_side and min(pixels.shape[:2]) > short_side:
        pixels = decode.resize_short(pixels, short_side)
    elif _plain_jpeg(content):
        return content
    if max(pixels.shape[:2]) > LARGEST:
        raise decode.BadImage(f'{name}: {pixels.shape[1]} x {pixels.shape[0]} pixels are too many for a JPEG')
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    _, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def _encode_chunk(items: Sequence[Item], short_side: int, quality: int) -> List[Tuple[bytes, str]]:
    """Encode items: for each (JPEG, '') or (b'', the reason to skip it)."""
    out = []
    for item in items:
        try:
            out.append((encode(item.read(), item.name, short_side, quality), ''))
        except (decode.BadImage, OSError) as error:
            out.append((b'', str(error)))
    return out


def in_order(work: Callable[..., Result], chunks: Iterable[Chunk], workers: int, *arguments: Any) -> Iterator[Result]:
    """Iterate over work(chunk, *arguments) in the order of the chunks, done by `workers` processes a few chunks ahead.

    Raises WorkerDied if a process ends before its work is done.
    """
    if workers == 1:
        for chunk in chunks:
            yield work(chunk, *arguments)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context('spawn')) as pool:
        pending: Deque['Future[Result]'] = deque()
        try:
            for chunk in chunks:
                pending.append(pool.submit(work, chunk, *arguments))
                if len(pending) > 4 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerDied(f'one of the {workers} worker processes died; is the memory enough?') from error
        finally:
            for future in pending:
                future.cancel()


def read_journal(path: str, size: int) -> Tuple[List[Row], int]:
    """Read the journal of a file of `size` bytes: (rows, bytes of the journal that they take).

    Stops before a line that is not whole or whose record is not within the file. No journal: no rows.
    """
    rows: List[Row] = []
    used = 0
    if not os.path.isfile(path):
        return rows, used
    with open(path, 'rb') as lines:
        for line in lines:
            try:
                row = Row(*json.loads(line.decode('utf-8')))
                whole = 0 <= row.start <= row.end <= size
            except (ValueError, TypeError, RecursionError):
                break
            if not whole or not line.endswith(b'\n') or row.position != len(rows):
                break
            rows.append(row)
            used += len(line)
    return rows, used


def write(
    folder: str,
    stem: str,
    items: Sequence[Item],
    short_side: int,
    quality: int,
    workers: int,
    progress: Callable[[int], object] = lambda count: None,
) -> List[Row]:
    """Write folder/stem.rec, .idx and .lst of the items, or resume writing them. Returns the journal's rows.

    short_side, quality: as of encode. progress(n) is told that n more images have been handled.
    """
    partial, journal, whole = (os.path.join(folder, stem + suffix) for suffix in ('.rec.partial', '.journal', '.rec'))
    if os.path.isfile(whole) and os.path.isfile(journal) and not os.path.isfile(partial):
        rows, _ = read_journal(journal, os.path.getsize(whole))
        if len(rows) == len(items):
            progress(len(rows))
            return rows
    rows, used = read_journal(journal, os.path.getsize(partial) if os.path.isfile(partial) else 0)
    progress(len(rows))
    end = rows[-1].end if rows else 0
    with files.named(partial), open(partial, 'ab') as records, open(journal, 'ab') as lines:
        records.truncate(end)
        lines.truncate(used)
        fresh: List[Row] = []

        def make_safe() -> None:
            for out, content in ((records, b''), (lines, b''.join(json.dumps(row).encode() + b'\n' for row in fresh))):
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            rows.extend(fresh)
            progress(len(fresh))
            del fresh[:]

        left = items[len(rows) :]
        chunks = [left[i : i + CHUNK] for i in range(0, len(left), CHUNK)]
        for chunk, results in zip(chunks, in_order(_encode_chunk, chunks, workers, short_side, quality)):
            for item, (jpeg, reason) in zip(chunk, results):
                position = len(rows) + len(fresh)
                record = b'' if reason else recordio.frame(recordio.pack(item.label, position, jpeg))
                records.write(record)
                fresh.append(Row(position, end, end + len(record), item.label, item.name, reason))
                end += len(record)
            if len(fresh) >= FLUSH:
                make_safe()
        make_safe()
    kept = [row for row in rows if not row.reason]
    write_table(os.path.join(folder, stem + '.idx'), [(i, row.start) for i, row in enumerate(kept)])
    write_table(os.path.join(folder, stem + '.lst'), [(i, row.label, row.name) for i, row in enumerate(kept)])
    os.replace(partial, whole)
    files.sync_folder(folder)
    return rows


def write_table(path: str, rows: Iterable[Sequence[object]]) -> None:
    """Write rows as a tab-separated file, which replaces `path` once it is whole."""
    with files.replacing(path) as out:
        for row in rows:
            line = '\t'.join(str(value).replace('\t', ' ').replace('\n', ' ') for value in row) + '\n'
            out.write(line.encode('utf-8', 'surrogateescape'))
