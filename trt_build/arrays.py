"""Arrays on their way to another process: files in the temporary folder."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.errors import UserError


def hand_over(array: NDArray[np.generic], path: Path) -> None:
    """Writes a `.npy` file.

    Raises:
        UserError: it can't be written, as in a full temporary folder.
    """
    content = BytesIO()  # of an array that it writes to a file itself, numpy doesn't say why it can't
    np.save(content, array)
    try:
        path.write_bytes(content.getbuffer())
    except OSError as error:
        raise UserError(
            f"{path} can't be written ({error.strerror}); make room in the folder for temporary files, or name another "
            "one by TMPDIR"
        ) from None
