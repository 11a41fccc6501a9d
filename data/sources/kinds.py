"""Which files are images: by suffix, or by their first bytes where the suffix does not tell."""

import os
import stat

SUFFIXES = (
    *('.jpg', '.jpeg', '.png', '.bmp', '.gif', '.webp', '.tif', '.tiff', '.ppm', '.pgm', '.jp2'),
    *('.jfif', '.jpe', '.jif', '.mpo', '.apng', '.dib', '.pbm', '.pnm', '.j2k', '.jpx', '.avif'),
)
NOT_READ = frozenset(
    '.heic .heif .svg .svgz .psd .eps .ai .raw .dng .cr2 .cr3 .nef .arw .ico .exr .hdr .jxl .dcm'.split()
)
OTHERS = frozenset(
    '.txt .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .md .rst .html .htm .css .js .py .pyc .ipynb .m .r .sh .bat '
    '.log .db .sqlite .lst .idx .rec .npy .npz .mat .pkl .pickle .h5 .hdf5 .parquet .arrow .pt .pth .onnx .params .pb .bin '
    '.tfrecord .tfrecords .zip .tar .gz .tgz .bz2 .xz .7z .rar .pdf .doc .docx .xls .xlsx .ppt .pptx .odt .mp4 .avi .mov .mkv '
    '.webm .mpg .mpeg .mp3 .wav .flac .ogg .names .data .url .lnk .exe .dll .torrent .crdownload .part'.split()
)

# Why a file is passed over.
OTHER = 'of another kind'
KIND = 'of a kind of image that is not read'
NO_IMAGE = 'not an image'
IRREGULAR = 'not a regular file'
UNREADABLE = 'not readable'


def reason_against(path: str, status: os.stat_result) -> str:
    """Say why a file is passed over: '' if it is an image by its suffix or, where that does not tell, by its content."""
    if not stat.S_ISREG(status.st_mode):
        return IRREGULAR
    suffix = os.path.splitext(path)[1].lower()
    if suffix in SUFFIXES:
        return ''
    if suffix in OTHERS or suffix in NOT_READ:
        return OTHER if suffix in OTHERS else KIND
    if not status.st_size:
        return NO_IMAGE
    try:
        with open(path, 'rb') as source:
            return '' if is_image(source.read(32)) else NO_IMAGE
    except OSError:
        return UNREADABLE


def is_image(head: bytes) -> bool:
    """Tell from the first 32 bytes of a file whether it is an image of a kind that is read."""
    if head.startswith((b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n', b'GIF87a', b'GIF89a', b'\xff\x4f\xff\x51')):
        return True
    if head.startswith((b'II*\0', b'MM\0*', b'II+\0', b'MM\0+', b'\0\0\0\x0cjP  \r\n\x87\n')):
        return True
    if head[:1] == b'P' and head[1:2] in b'123456fF' and head[2:3] in (b' ', b'\n', b'\r', b'\t'):
        return True
    if head[:2] == b'BM':
        return int.from_bytes(head[14:18], 'little') in (12, 16, 40, 52, 56, 64, 108, 124)
    return head[:4] == b'RIFF' and head[8:12] == b'WEBP' or head[4:12] in (b'ftypavif', b'ftypavis')
