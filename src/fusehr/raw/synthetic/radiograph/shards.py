"""Films packed into tar files of about a thousand PNGs: few files, the same bytes every time."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import TracebackType

from PIL import Image

from fusehr.raw.synthetic.radiograph.films import Films

PER_SHARD = 1000
PATTERN = "images-*.tar"  # sorted, the shards in the order written
LEVEL = 4  # of compression


class ShardWriter:
    """`images-00000.tar`, `images-00001.tar`, ... in a folder, filled one after the other.

    A member is `<dicom_id>.png`, 8-bit grey. No time, owner or path stands in the files, so that
    equal films give equal bytes. At most one film is held in memory besides what is appended.
    """

    def __init__(self, folder: Path, per_shard: int = PER_SHARD) -> None:
        self._folder = folder
        self._per_shard = per_shard
        self._written = 0
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def append(self, films: Films) -> None:
        """Write films in their order; a shard that is full is closed and the next one begun."""
        for name, pixels in zip(films.dicom_id, films.pixels, strict=True):
            png = io.BytesIO()
            Image.fromarray(pixels).save(png, "PNG", compress_level=LEVEL)
            member = tarfile.TarInfo(f"{name}.png")  # mode 644, times and owners are 0
            member.size = png.tell()
            png.seek(0)
            self._current().addfile(member, png)
            self._written += 1

    def _current(self) -> tarfile.TarFile:
        if self._tar is None or self._written % self._per_shard == 0:
            self._close()
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"images-{self._written // self._per_shard:05d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        return self._tar

    def _close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar = None
