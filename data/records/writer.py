"""Images to a record file: decoded, resized and encoded by several processes, written in order, continued after an interruption.

While a file is being made, NAME.rec.partial grows beside NAME.journal, which has a line of JSON for each image: what the file
holds at that point is known, and a new start goes on from the last line.  When every image has had its turn, index and list
are written and the file gets its name.  An image that cannot be decoded is skipped, and named in the journal.
"""

import io
import json
import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from ...base import files
from ...base.errors import UserError
from .. import decode
from . import recordio

FLUSH = 256  # images between two times that the journal is made safe
CHUNK = 16  # images that a process takes at a time
LARGEST = 65500  # pixels a side of a JPEG


class Row(NamedTuple):
    """A line of the journal: the image's place in the plan, where its record lies (nowhere if skipped), and why it was skipped."""

    position: int
    start: int
    end: int
    label: int
    name: str
    reason: str


def _plain_jpeg(content):
    """Whether a file is a JPEG that every decoder reads alike: three channels, not to be turned."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return image.format == 'JPEG' and image.mode == 'RGB' and image.getexif().get(0x0112, 1) == 1


def encode(content, name, short_side, quality):
    """An image file as a JPEG whose shorter side is at most short_side (0: any); decode.BadImage where it is damaged."""
    import cv2

    pixels = decode.read_rgb(content, name, short_side)
    if short_side and min(pixels.shape[:2]) > short_side:
        pixels = decode.resize_short(pixels, short_side)
    elif _plain_jpeg(content):
        return content
    if max(pixels.shape[:2]) > LARGEST:
        raise decode.BadImage('%s: %d x %d pixels are too many for a JPEG' % (name, pixels.shape[1], pixels.shape[0]))
    return cv2.imencode('.jpg', np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])[
        1
    ].tobytes()


def _encode_chunk(items, short_side, quality):
    out = []
    for item in items:
        try:
            out.append((encode(item.read(), item.name, short_side, quality), ''))
        except (decode.BadImage, OSError) as error:
            out.append((b'', str(error)))
    return out


def in_order(work, chunks, workers, *arguments):
    """Results of work(chunk, *arguments), done by `workers` processes a few chunks ahead, in the order of the chunks."""
    if workers == 1:
        for chunk in chunks:
            yield work(chunk, *arguments)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context('spawn')) as pool:
        pending = deque()
        try:
            for chunk in chunks:
                pending.append(pool.submit(work, chunk, *arguments))
                if len(pending) > 4 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise UserError(
                'one of the %d worker processes died; is the memory enough?  Fewer --workers need less' % workers
            ) from error
        finally:
            for future in pending:
                future.cancel()


def read_journal(path, size):
    """(rows, bytes of the journal that they take): the whole lines whose records lie within a file of `size` bytes."""
    rows, used = [], 0
    if not os.path.isfile(path):
        return rows, used
    with open(path, 'rb') as lines:
        for line in lines:
            try:
                row = Row(*json.loads(line.decode('utf-8')))
            except (ValueError, TypeError):
                break
            if not line.endswith(b'\n') or row.position != len(rows) or row.end > size:
                break
            rows.append(row)
            used += len(line)
    return rows, used


def write(folder, stem, items, short_side, quality, workers, progress=lambda count: None):
    """Make folder/stem.rec, .idx and .lst of the items; the journal's rows.  progress(n): n more images have had their turn."""
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
        records.truncate(end), lines.truncate(used)
        fresh = []

        def make_safe():
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


def write_table(path, rows):
    """A tab-separated file, in path's place once it is whole."""
    with files.replacing(path) as out:
        for row in rows:
            line = '\t'.join(str(value).replace('\t', ' ').replace('\n', ' ') for value in row) + '\n'
            out.write(line.encode('utf-8', 'surrogateescape'))
