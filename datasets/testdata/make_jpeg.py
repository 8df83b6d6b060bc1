"""Makes the JPEG files of testdata/jpeg, and beside each what Pillow (libjpeg-turbo) reads from it: rows of RGB bytes.

    pip install pillow numpy
    python make_jpeg.py
"""
import pathlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent / "jpeg"


def picture(width, height):
    """Colour edges in all directions, on a gradient: where the ways to interpolate colours differ most."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 32 * 8], -1)
    pixels[(x - width // 3) ** 2 + (y - height // 2) ** 2 < 60] = (255, 0, 0)
    pixels[(x > width // 2) & (y > x // 2)] = (0, 40, 255)
    pixels[:, width - 3 :] = (0, 255, 0)
    return Image.fromarray(pixels.astype(np.uint8))


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, size, options in [
        ("420", (48, 32), {"subsampling": 2}),
        ("420_odd", (37, 29), {"subsampling": 2}),
        ("420_progressive", (41, 26), {"subsampling": 2, "progressive": True}),
        ("420_narrow", (3, 17), {"subsampling": 2}),
        ("422_odd", (37, 29), {"subsampling": 1}),
        ("444_odd", (37, 29), {"subsampling": 0}),
    ]:
        path = FOLDER / f"{name}.jpg"
        picture(*size).save(path, quality=85, **options)
        np.asarray(Image.open(path).convert("RGB")).tofile(FOLDER / f"{name}.rgb")


if __name__ == "__main__":
    main()
