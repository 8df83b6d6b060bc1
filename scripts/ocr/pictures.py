"""Writes pictures of text for text detectors, with where the text is.

    python scripts/ocr/pictures.py OUT [--pictures 48] [--seed 1]

OUT gets calibration.npz and test.npz, whose array x (n, 3, 96, 320) float32 is normalised as PaddleOCR's detectors take
it, and truth.npz, whose array text (n, 96, 320) is 1 inside the boxes of the words of the test pictures. Words are
random letters and digits in Pillow's own font, of 12 to 30 pixels, upright or turned by up to 8 degrees, in colours of
little to much contrast, blurred and noisy. Calibration pictures have another seed and no truth. Needs numpy and Pillow.
"""

import argparse
import os
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HEIGHT, WIDTH = 96, 320
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def word(rng):
    letters = list(string.ascii_letters + string.digits)
    return "".join(rng.choice(letters, rng.integers(3, 9)))


def picture(rng):
    """One picture (96, 320, 3) uint8, and its text mask (96, 320) uint8."""
    ground = rng.integers(0, 256, 3)
    shift = rng.choice([-1, 1], 3) * rng.integers(40, 160, 3)
    ink = tuple(int(v) for v in np.where((ground + shift < 0) | (ground + shift > 255), ground - shift, ground + shift).clip(0, 255))
    image, mask = Image.new("RGB", (WIDTH, HEIGHT), tuple(int(v) for v in ground)), Image.new("L", (WIDTH, HEIGHT))
    x, y = 8, 4
    for _ in range(int(rng.integers(2, 7))):
        font, text = ImageFont.load_default(int(rng.integers(12, 31))), word(rng)
        box = ImageDraw.Draw(image).textbbox((x, y), text, font=font)
        if box[2] > WIDTH - 8:
            x, y = 8, y + 34
            box = ImageDraw.Draw(image).textbbox((x, y), text, font=font)
        if box[2] > WIDTH - 8 or box[3] > HEIGHT - 4:
            break
        ImageDraw.Draw(image).text((x, y), text, fill=ink, font=font)
        ImageDraw.Draw(mask).rectangle(box, fill=255)
        x = box[2] + int(rng.integers(12, 40))
    angle = float(rng.uniform(-8, 8)) * int(rng.integers(0, 2))
    image = image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=tuple(int(v) for v in ground))
    mask = mask.rotate(angle)
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))
    noisy = np.asarray(image) + rng.normal(0, rng.uniform(0, 20), (HEIGHT, WIDTH, 3))
    return noisy.clip(0, 255).astype(np.uint8), (np.asarray(mask) > 127).astype(np.uint8)


def pictures(n, seed):
    """x (n, 3, 96, 320) float32 and text (n, 96, 320) uint8."""
    rng = np.random.default_rng(seed)
    drawn = [picture(rng) for _ in range(n)]
    x = (np.stack([image for image, _ in drawn]).astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), np.stack([mask for _, mask in drawn])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    x, text = pictures(args.pictures, args.seed)
    np.savez(os.path.join(args.out, "test.npz"), x=x)
    np.savez_compressed(os.path.join(args.out, "truth.npz"), text=text)
    np.savez(os.path.join(args.out, "calibration.npz"), x=pictures(args.pictures, args.seed + 1000)[0])


if __name__ == "__main__":
    main()
