"""Pictures of every kind that the field's folder loaders accept, with the RGB that Pillow's convert("RGB") gives.

Every case has the pixels as hex. 16-bit grey is scaled here (x/257, rounded), since Pillow clips it.
"""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

W, H = 13, 9


def cases(folder):
    found = []

    def add(name, data=None, want=None, exif=False, exact=0, **flags):
        path = os.path.join(folder, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        if want is None:
            want = np.asarray(Image.open(path).convert("RGB"))
        found.append({"file": name, "exif": exif, "width": want.shape[1], "height": want.shape[0], "tolerance": exact,
                      "rgb": np.ascontiguousarray(want, np.uint8).tobytes().hex(), **flags})

    def save(image, name, **options):
        image.save(os.path.join(folder, name), **options)
        return name

    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (H, W, 3), np.uint8)
    alpha = np.linspace(0, 255, W * H).astype(np.uint8).reshape(H, W, 1)
    grey = rgb[:, :, 0]
    rgba = Image.fromarray(np.concatenate([rgb, alpha], 2), "RGBA")
    smooth = np.stack([*np.meshgrid(np.linspace(0, 255, W), np.linspace(40, 230, H)), np.full((H, W), 90.0)], 2).astype(np.uint8)

    png_cases(add, rgb, alpha[:, :, 0], rng)
    palette = Image.fromarray(rgb).quantize(20)
    for name, image in [("rgb", Image.fromarray(rgb)), ("grey", Image.fromarray(grey)), ("palette", palette),
                        ("bilevel", Image.fromarray(grey).convert("1"))]:
        add(save(image, f"{name}.bmp"))
        add(save(image, f"{name}.tif"))
        add(save(image, f"{name}_lzw.tiff", compression="tiff_lzw"))
    add(save(rgba, "rgba.bmp"))
    add(save(rgba, "rgba.tif"))
    add(save(Image.fromarray(rgb), "deflate.tif", compression="tiff_adobe_deflate"))
    add(save(Image.fromarray(rgb), "rgb.ppm"))
    add(save(Image.fromarray(grey), "grey.pgm"))
    add("plain.ppm", b"P3\n# by hand\n2 2\n15\n" + b"0 1 2  3 4 5\n6 7 8 9 10 15\n")
    add("plain.pgm", b"P2 3 1 255\n0 128\n255\n")
    add("deep.ppm", b"P6\n3 1\n1023\n" + struct.pack(">9H", 0, 1, 2, 511, 512, 700, 1000, 1022, 1023))
    add("low.pgm", b"P5\n4 1\n3\n\x00\x01\x02\x03")
    levels = np.array([[0, 1, 128, 129, 255, 256, 257, 40000, 65534, 65535]])
    scaled = np.repeat(np.round(levels / 257)[:, :, None], 3, 2).astype(np.uint8)
    add("deep.pgm", b"P5\n10 1\n65535\n" + levels.astype(">u2").tobytes(), scaled)
    gif_cases(add, save, palette)
    add(save(Image.fromarray(rgb), "lossless.webp", lossless=True))
    add(save(rgba, "alpha_lossless.webp", lossless=True, exact=True))
    for quality in [30, 95]:
        add(save(Image.fromarray(smooth), f"lossy{quality}.webp", quality=quality))
    add(save(Image.fromarray(rgb[:8, :12]), "even.webp", quality=80))
    add(save(Image.fromarray(np.concatenate([smooth, alpha], 2), "RGBA"), "alpha_lossy.webp", quality=80))
    exif_cases(add, save, smooth)
    resized_cases(add, folder)
    return found


def png(bits, colour, rows, width, *chunks):
    """A PNG file whose rows are packed already."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*c) for c in chunks) + body + chunk(b"IEND", b"")


def png_cases(add, rgb, alpha, rng):
    """Every colour type and depth, with and without a transparent level, colour or palette entry."""
    grey = rgb[:, :, 0]
    deep = rng.integers(0, 65536, rgb.shape).astype(np.uint16)
    for bits in [1, 2, 4, 8]:
        top = grey >> (8 - bits)
        packed = [pack(row, bits) for row in top]
        plte = (b"PLTE", rng.integers(0, 256, 3 << bits, np.uint8).tobytes())
        add(f"grey{bits}.png", png(bits, 0, packed, W))
        add(f"grey{bits}_trns.png", png(bits, 0, packed, W, (b"tRNS", struct.pack(">H", int(top[0, 0])))))
        add(f"palette{bits}.png", png(bits, 3, packed, W, plte))
        add(f"palette{bits}_trns.png", png(bits, 3, packed, W, plte, (b"tRNS", b"\x00\x80")))
    rows = lambda a: [r.tobytes() for r in a]
    add("rgb8.png", png(8, 2, rows(rgb), W))
    add("rgb8_trns.png", png(8, 2, rows(rgb), W, (b"tRNS", struct.pack(">3H", *map(int, rgb[0, 0])))))
    add("rgb16.png", png(16, 2, rows(deep.astype(">u2")), W))
    add("rgb16_trns.png", png(16, 2, rows(deep.astype(">u2")), W, (b"tRNS", struct.pack(">3H", *map(int, deep[0, 0])))))
    add("grey_alpha8.png", png(8, 4, rows(np.stack([grey, alpha], 2)), W))
    add("rgba8.png", png(8, 6, rows(np.concatenate([rgb, alpha[:, :, None]], 2)), W))
    deep_alpha = alpha.astype(np.uint16) * 257
    add("grey_alpha16.png", png(16, 4, rows(np.stack([deep[:, :, 0], deep_alpha], 2).astype(">u2")), W))
    add("rgba16.png", png(16, 6, rows(np.concatenate([deep, deep_alpha[:, :, None]], 2).astype(">u2")), W))
    scaled = np.repeat(np.round(deep[:, :, :1] / 257), 3, 2).astype(np.uint8)
    grey16 = rows(deep[:, :, 0].astype(">u2"))
    add("grey16.png", png(16, 0, grey16, W), scaled)
    add("grey16_trns.png", png(16, 0, grey16, W, (b"tRNS", struct.pack(">H", int(deep[0, 0, 0])))), scaled)


def pack(row, bits):
    text = "".join(format(int(v), f"0{bits}b") for v in row)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def gif_cases(add, save, palette):
    add(save(palette, "plain.gif"))
    add(save(palette, "transparent.gif", transparency=int(np.asarray(palette)[4, 4])))
    frames = [palette, palette.transpose(Image.Transpose.ROTATE_180)]
    add(save(frames[0], "frames.gif", save_all=True, append_images=frames[1:], duration=50))
    out = io.BytesIO()
    palette.save(out, "GIF", transparency=3)
    data = bytearray(out.getvalue())
    data[6:10] = struct.pack("<2H", W + 4, H + 3)  # a larger canvas
    at = data.index(b"\x2c" + bytes(4))
    data[at + 1:at + 5] = struct.pack("<2H", 2, 1)
    add("offset_transparent.gif", bytes(data))
    palette.save(out := io.BytesIO(), "GIF")
    data = bytearray(out.getvalue())
    data[6:10] = struct.pack("<2H", W + 4, H + 3)
    at = data.index(b"\x2c" + bytes(4))
    data[at + 1:at + 5] = struct.pack("<2H", 2, 1)
    add("offset.gif", bytes(data))


def exif_cases(add, save, pixels):
    """Orientation: as stored without --exif, as ImageOps.exif_transpose with it."""
    from PIL import ImageOps
    image = Image.fromarray(pixels)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        names = [f"exif{orientation}.png"]
        if orientation in (3, 6):
            names += [f"exif{orientation}.jpg", f"exif{orientation}.webp"]
        for name in names:
            options = {"lossless": True} if name.endswith("webp") else {"quality": 95, "subsampling": 0} if name.endswith("jpg") else {}
            save(image, name, exif=exif, **options)
            turned = ImageOps.exif_transpose(Image.open(os.path.join(os.path.dirname(__file__), "../../datasets/testdata/pictures", name)))
            tolerance = 3 if name.endswith("jpg") else 0
            add(name, exact=tolerance)
            add(name, want=np.asarray(turned.convert("RGB")), exif=True, exact=tolerance)
    add(save(image, "turned.tif", tiffinfo={274: 6}))


def resized_cases(add, folder):
    """The shorter side scaled and the middle cut out, with the sizes of torchvision's Resize and CenterCrop."""
    for name in ["rgb8.png", "grey8.png", "exif6.png", "even.webp", "palette8.png"]:
        image = Image.open(os.path.join(folder, name)).convert("RGB")
        if name == "exif6.png":
            image = image.rotate(90, expand=True)
            image.save(os.path.join(folder, name := "upright.png"))
        short, long = sorted(image.size)
        for shorter, crop in [(1, 0), (2, 1), (3, 2), (4, 0), (5, 4), (7, 6), (8, 5), (9, 9), (10, 0), (11, 10), (23, 20), (31, 0)]:
            sides = {short: shorter, long: int(shorter * long / short)}
            for interpolation, kind in [("", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
                scaled = image.resize([sides[s] for s in image.size], kind)
                if crop:
                    left, top = (int(round((s - crop) / 2.0)) for s in scaled.size)
                    scaled = scaled.crop((left, top, left + crop, top + crop))
                add(name, want=np.asarray(scaled), resize=shorter, crop=crop, interpolation=interpolation)
