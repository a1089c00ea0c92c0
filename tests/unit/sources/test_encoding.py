import cv2
import numpy as np
import pytest

from monitor.domain.errors import OutputError
from monitor.sources.encoding import encode_picture
from tests.fakes import noise


def test_a_picture_is_the_same_when_it_is_read_again() -> None:
    image = noise(40, 60)
    data = encode_picture(image, ".png")
    assert np.array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), image)


@pytest.mark.parametrize(("shape", "suffix"), [((2, 70_000, 3), ".jpg"), ((4, 4, 3), ".nonsense"), ((0, 4, 3), ".png")])
def test_a_picture_that_cannot_be_encoded_is_an_error_and_not_empty(shape: tuple[int, ...], suffix: str) -> None:
    with pytest.raises(OutputError, match="cannot be encoded"):
        encode_picture(np.zeros(shape, np.uint8), suffix)
