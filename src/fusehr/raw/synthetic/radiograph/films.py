"""Films as files and rows: pixels with their ids, and MIMIC-CXR-JPG's metadata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import Bools, Ints
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.radiograph.drawing import Pixels
from fusehr.raw.synthetic.radiograph.ids import dicom_ids

METADATA = "cxr/metadata"


@dataclass(frozen=True)
class Films:
    """n films: dicom_id, subject_id (n,) and pixels (n, size, size)."""

    dicom_id: list[str]
    subject_id: Ints
    pixels: Pixels

    def __len__(self) -> int:
        return len(self.dicom_id)

    def where(self, keep: Bools) -> Films:
        """The films for which `keep` (n,) holds."""
        rows = np.flatnonzero(keep)
        return Films([self.dicom_id[row] for row in rows], self.subject_id[rows], self.pixels[rows])


def metadata(subject: Ints, study: Ints, time: Ints, portable: Bools, size: int) -> pa.Table:
    """Rows of cxr/metadata. `time`: in seconds; `portable`: AP in bed, else PA standing."""
    n = len(study)
    stamps = np.datetime_as_string(time.astype("datetime64[s]"), "s").tolist()
    bed = portable.astype(np.int64)
    pixels = pa.array([str(size)] * n, pa.string())
    return build(
        METADATA,
        {
            "dicom_id": dicom_ids(study),
            "subject_id": subject,
            "study_id": pa.array(study),
            "PerformedProcedureStepDescription": words(
                ("CHEST (SINGLE VIEW)", "CHEST (PORTABLE AP)"), bed
            ),
            "ViewPosition": words(("PA", "AP"), bed),
            "Rows": pixels,
            "Columns": pixels,
            "StudyDate": [stamp[:10].replace("-", "") for stamp in stamps],
            "StudyTime": [stamp[11:].replace(":", "") + ".000" for stamp in stamps],
            "ProcedureCodeSequence_CodeMeaning": words(
                ("CHEST (SINGLE VIEW)", "CHEST (PORTABLE AP)"), bed
            ),
            "ViewCodeSequence_CodeMeaning": words(("postero-anterior", "antero-posterior"), bed),
            "PatientOrientationCodeSequence_CodeMeaning": words(("Erect", "Recumbent"), bed),
        },
    )
