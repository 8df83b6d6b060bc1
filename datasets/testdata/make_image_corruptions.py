"""Makes cifar-c and imagenet-c: images that are stored corrupted, laid out as CIFAR-10-C and ImageNet-C are.

    pip install numpy==1.26.4 pillow==13.0.0
    python datasets/testdata/make_image_corruptions.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

here = Path(__file__).parent


def stacked():
    """Two images of each of five severities: value i of image k of severity s is (31 s + 7 k + i) modulo 256."""
    folder = here / "cifar-c"
    folder.mkdir(exist_ok=True)
    size = 3 * 4 * 3
    images = [[(31 * s + 7 * k + i) % 256 for i in range(size)] for s in range(1, 6) for k in range(2)]
    np.save(folder / "brightness.npy", np.array(images, np.uint8).reshape(10, 3, 4, 3))
    np.save(folder / "labels.npy", np.tile(np.array([1, 0], np.uint8), 5))


def folders():
    """An image of each of two classes, of 6 x 5 pixels: its red is 40 times the severity, its green 100 times the class."""
    for corruption, severity in (("fog", 1), ("fog", 2), ("snow", 1)):
        for label, name in enumerate(("n01440764", "n01443537")):
            folder = here / "imagenet-c" / corruption / str(severity) / name
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (6, 5), (40 * severity, 100 * label, 0)).save(folder / "ILSVRC2012_val_00000001.png")


stacked()
folders()
