"""What Pillow shows of every file below a folder, as one line of JSON each on standard output.

    python bench/corpus/reference.py FOLDER > bench/.cache/reference.jsonl

A line has `path` (relative), and either `error`, or `decoder`, `width` and `height` (upright), and `grid`: row by row the means of
at most 16 x 16 cells, each red, green, blue (premultiplied by alpha) and alpha, 0 to 255. TIFFs that Pillow cannot read
are read by tifffile, unless their numbers have no one meaning there (floating point beyond 0 to 1, signed).
"""

import io
import json
import logging
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms, ImageOps

SIDE = 16
LEAST = 4  # Pixels of a cell's side: decoders place colours of half the size differently by a pixel.
REDUCED = 1
NEW_SUBFILE_TYPE = 254
PHOTOMETRIC = 262
MAX_PIXELS = 50_000_000
SECONDS_PER_FILE = 20
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses at twice this number.
warnings.simplefilter("ignore")
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def to_rgba(image: Image.Image) -> np.ndarray:
    """Height x width x 4, uint8, in sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.float64)
        grey = (values / 257).clip(0, 255).round().astype(np.uint8)
        alpha = np.where(values == image.info.get("transparency", -1), 0, 255).astype(np.uint8)
        return np.dstack([grey, grey, grey, alpha])
    if image.mode == "F":
        values = np.asarray(image)
        image = Image.fromarray((values * (255 if values.max() <= 1 else 1)).clip(0, 255).round().astype(np.uint8))
    if image.mode == "LAB":
        transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        return np.asarray(ImageCms.applyTransform(image, transform).convert("RGBA"))
    if image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if profile and image.mode in ("RGB", "CMYK", "L", "RGBA", "LA"):
        alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
        colour = image.convert(image.mode.rstrip("A")) if alpha is not None else image
        try:
            colour = ImageCms.profileToProfile(
                colour, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
                ImageCms.Intent.PERCEPTUAL, outputMode="RGB")
        except ImageCms.PyCMSError:
            colour = colour.convert("RGB")  # A profile for another kind of pixels, or a broken one: the numbers as they are.
        if alpha is not None:
            colour.putalpha(alpha)
        image = colour
    return np.asarray(image.convert("RGBA"))


def by_pillow(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        if image.format == "TIFF":
            for page in range(image.n_frames):
                image.seek(page)
                if not image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & REDUCED:
                    break
            else:
                image.seek(0)
        image.load()
        pixels = np.array(to_rgba(upright(image)))
        if image.format == "GIF":
            uncover(pixels, first_frame(path))
        if image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC) == 0 and image.mode[0] in "IF":
            pixels[..., :3] = 255 - pixels[..., :3]  # Pillow forgets it of these modes.
        return pixels


def upright(image: Image.Image) -> Image.Image:
    """By EXIF alone, as in browsers; Pillow also goes by XMP and by what ImageMagick writes as text."""
    for key in ("xmp", "XML:com.adobe.xmp", "Raw profile type exif"):
        image.info.pop(key, None)
    return ImageOps.exif_transpose(image)


def first_frame(path: Path) -> tuple[int, int, int, int]:
    with Image.open(path) as image:
        return image.tile[0].extents


def uncover(pixels: np.ndarray, frame: tuple[int, int, int, int]) -> None:
    """Browsers leave what the first frame does not cover transparent; Pillow paints it."""
    left, top, right, bottom = frame
    outside = np.ones(pixels.shape[:2], bool)
    outside[top:bottom, left:right] = False
    pixels[outside] = 0


def by_tifffile(path: Path) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        page = next((page for page in file.pages if not page.is_reduced), file.pages[0])
        pixels = page.asarray()
        photometric = page.photometric.name
        if page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        if photometric == "CIELAB" and pixels.dtype == np.uint16:
            lightness, chroma = pixels[..., :1] // 257, pixels[..., 1:3] // 256
            lab = np.dstack([lightness, chroma]).astype(np.uint8)
            return to_rgba(Image.frombytes("LAB", lab.shape[1::-1], lab.tobytes()))
        colours = {"RGB": 3, "MINISBLACK": 1, "MINISWHITE": 1, "SEPARATED": 4}.get(photometric)
        is_unit = pixels.dtype == np.float32 and pixels.min() >= 0 and pixels.max() <= 1
        if colours is None or not (is_unit or (pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2)):
            raise ValueError(f"{photometric} {pixels.dtype}")
        white = 1 if is_unit else 2 ** page.bitspersample - 1
        pixels = pixels.reshape(*pixels.shape[:2], -1) / white * 255
        has_alpha = len(page.extrasamples) == 1 and page.extrasamples[0] == tifffile.EXTRASAMPLE.UNASSALPHA
        alpha = pixels[..., colours] if has_alpha else np.full(pixels.shape[:2], 255)
        pixels = pixels[..., :colours]
        pixels = (255 - pixels if photometric == "MINISWHITE" else pixels).round().astype(np.uint8)
        rgb = Image.fromarray(pixels, "CMYK").convert("RGB") if colours == 4 else np.repeat(pixels, 3 // colours, axis=2)
        return np.dstack([np.asarray(rgb), alpha.round().astype(np.uint8)])


def grid(pixels: np.ndarray) -> list[float]:
    height, width = pixels.shape[:2]
    values = pixels.astype(np.float32)
    values[..., :3] *= values[..., 3:] / 255
    rows, columns = (min(SIDE, max(1, length // LEAST)) for length in (height, width))
    cells = []
    for row in range(rows):
        band = values[row * height // rows:(row + 1) * height // rows]
        for column in range(columns):
            cell = band[:, column * width // columns:(column + 1) * width // columns]
            cells += [round(float(mean), 2) for mean in cell.mean(axis=(0, 1), dtype=np.float64)]
    return cells


def describe(path: Path) -> dict:
    errors = []
    for decoder, read in (("Pillow", by_pillow), ("tifffile", by_tifffile)):
        try:
            signal.alarm(SECONDS_PER_FILE)
            pixels = read(path)
            signal.alarm(0)
            return {"decoder": decoder, "width": pixels.shape[1], "height": pixels.shape[0], "grid": grid(pixels)}
        except Exception as error:  # Whatever a decoder says of a file of a test suite for decoders.
            errors.append(f"{decoder}: {str(error)[:120]}")
    return {"error": "; ".join(errors)}


def give_up(*_: object) -> None:
    raise TimeoutError("takes too long")


def main() -> None:
    signal.signal(signal.SIGALRM, give_up)
    root = Path(sys.argv[1])
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        print(json.dumps({"path": str(path.relative_to(root)), **describe(path)}), flush=True)


main()
