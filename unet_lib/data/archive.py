"""The published archive, as a zip or unpacked: what opens each slice, once, and nothing else.

The archive nests a second full copy of itself and holds tables and a README; both are passed over. A zip that could
write elsewhere or fill the disk is refused as a whole, before anything is read from it.
"""

import re
import stat
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from unet_lib.core.errors import DatasetError
from unet_lib.data.slice_files import SLICE_NAME, find_slices


@contextmanager
def open_slices(source: Path, most_bytes: int) -> Iterator[Mapping[str, Callable[[], IO[bytes]]]]:
    """`PATIENT/FILE.tif` → what opens it, for all images and masks of a zip or of an unpacked folder.

    Of copies of the set inside `source`, the one nested least is taken. Raises DatasetError, also while the files are
    being read, for what is damaged or holds no slices, and for a zip that is dangerous or would unpack to more than
    `most_bytes`.
    """
    if source.is_dir():
        yield {f"{record.patient}/{path.name}": partial(FileIO, path)
               for record in find_slices(source) for path in (record.image, record.mask)}
    elif not source.exists():
        raise DatasetError(f"{source} does not exist; expected the archive of the LGG set.")
    else:
        try:
            with ZipFile(source) as archive:
                _refuse_danger(archive.infolist(), most_bytes)
                yield {name: partial(archive.open, member) for name, member in _one_copy(archive).items()}
        except (BadZipFile, EOFError, zlib.error) as error:
            raise DatasetError(f"{source}: expected the zip archive of the LGG set; it is damaged, or not a zip "
                               f"({error}).") from error


def _one_copy(archive: ZipFile) -> dict[str, ZipInfo]:
    copies: dict[PurePosixPath, dict[str, ZipInfo]] = defaultdict(dict)
    for member in archive.infolist():
        path = PurePosixPath(member.filename)
        match = SLICE_NAME.fullmatch(path.name)
        if match and match["patient"] == path.parent.name:
            copies[path.parent.parent][f"{path.parent.name}/{path.name}"] = member
    if not copies:
        raise DatasetError(f"{archive.filename} holds no slices TCGA_…/TCGA_…_<n>.tif; expected the archive of the "
                           f"LGG set.")
    return copies[min(copies, key=lambda folder: (len(folder.parts), folder))]


def _refuse_danger(members: list[ZipInfo], most_bytes: int) -> None:
    problems = [f"{member.orig_filename!r} {fault}; refused." for member in members for fault in _faults(member)]
    problems += [f"{name!r} is in it {count} times; refused."
                 for name, count in Counter(member.filename for member in members).items() if count > 1]
    total = sum(member.file_size for member in members)  # what is declared; reading stops there
    if total > most_bytes:
        problems.append(f"it would unpack to {total / 1e6:.0f} MB, more than {most_bytes / 1e6:.0f} MB; refused.")
    if problems:
        raise DatasetError(" ".join(problems), tuple(problems))


def _faults(member: ZipInfo) -> Iterator[str]:
    name = member.orig_filename  # as written in the archive, before Python normalises it
    if re.match(r"[/\\]|[A-Za-z]:", name):
        yield "is an absolute path"
    if ".." in re.split(r"[/\\]", name):
        yield "leads out of its folder"
    if "\\" in name or "\0" in name:
        yield "has a backslash or a zero byte in its name"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield "is a link or a device, neither a file nor a folder"
    if member.flag_bits & 1 or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        yield "is encrypted, or packed in another way than the published archive"
