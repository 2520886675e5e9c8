"""Draws the image fixtures and computes the golden values that src/pixels and src/models are held against.

    python training/golden.py fixtures                                   writes test/fixtures/images
    python training/golden.py goldens --model models/semblance-compact   writes test/fixtures/golden
    python training/golden.py goldens --model models/semblance-hybrid --only jpeg …   the same of some fixtures, without crops

Preprocessing is that of torchvision on Pillow images: Resize cuts the longer side to int(size * long / short),
CenterCrop starts at int(round((side - crop) / 2.0)), ToTensor divides by 255, Normalize takes mean and std. Both delegate
the pixels to Pillow's resize, which is called here directly, so torchvision itself is not needed.

Before that: first frame, EXIF orientation applied, 16 bits cut to the upper 8, embedded ICC profile converted to sRGB
(perceptual, LittleCMS), alpha laid over white.
"""

import argparse
import base64
import hashlib
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import onnxruntime
import PIL
from PIL import Image, ImageCms, ImageOps

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "test" / "fixtures" / "images"
GOLDEN = ROOT / "test" / "fixtures" / "golden"


# --- The picture -----------------------------------------------------------------------------------------------------


def scene(width: int = 96, height: int = 72, seed: int = 7) -> np.ndarray:
    """A landscape with no symmetry, so that a wrong orientation, channel order or crop shows. float64, 0 to 255."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(1, width - 1), y / max(1, height - 1)
    sky = np.stack([90 + 80 * u, 150 + 40 * v, 235 - 60 * v], axis=-1)
    ground = np.stack([70 + 60 * u, 120 - 50 * u, 40 + 30 * v], axis=-1)
    hill = 0.62 + 0.12 * np.sin(4.2 * u + 0.6)
    pixels = np.where((v > hill)[..., None], ground, sky)
    sun = (u - 0.24) ** 2 * (width / height) ** 2 + (v - 0.26) ** 2 < 0.025
    pixels[sun] = [250, 214, 70]
    house = (u > 0.62) & (u < 0.84) & (v > 0.45) & (v < 0.8)
    pixels[house] = [186, 52, 44]
    door = (u > 0.7) & (u < 0.75) & (v > 0.62) & (v < 0.8)
    pixels[door] = [30, 26, 34]
    pixels += random.normal(0, 5, (height, width, 1))
    return np.clip(pixels, 0, 255)


def rgb8(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels).astype(np.uint8)


def alpha_ramp(height: int = 72, width: int = 96) -> np.ndarray:
    """Opaque on the left, clear in the lower right corner. 0 to 1."""
    y, x = np.mgrid[0:height, 0:width]
    return np.clip(1.6 - x / width - y / height, 0, 1)


# --- Files that Pillow does not write --------------------------------------------------------------------------------


def png(pixels: np.ndarray, interlaced: bool = False, profile: bytes | None = None, depth: int | None = None) -> bytes:
    """PNG (ISO/IEC 15948) of 8- or 16-bit samples, or of packed rows where `depth` is given."""
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    big_endian = pixels.astype(pixels.dtype.newbyteorder(">"))

    def rows(part: np.ndarray) -> bytes:
        return b"".join(b"\0" + row.tobytes() for row in part) if part.size else b""

    if interlaced:
        adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        data = b"".join(rows(big_endian[top::down, left::right]) for top, left, down, right in adam7)
    else:
        data = rows(big_endian)
    header = struct.pack(">IIBBBBB", width, height, depth or bits, color_type, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header)]
    if profile is not None:
        chunks.append((b"iCCP", b"profile\0\0" + zlib.compress(profile, 9)))
    chunks += [(b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb_png(width: int, height: int) -> bytes:
    """Black, one bit per pixel: a few kilobytes that unfold to width × height pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress((b"\0" + bytes((width + 7) // 8)) * height, 9)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


def icc_profile(device_class: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """ICC.1:2001 profile around `tags`."""
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for signature, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", signature, offset + len(body), len(data))
        body += data
    illuminant = s15fixed16(0.9642, 1.0, 0.8249)
    header = struct.pack(">I4sI4s4s4s12s4s4sI4s4sQI12s", offset + len(body), b"\0" * 4, 0x02400000, device_class, space,
                         connection, struct.pack(">6H", 2024, 1, 1, 0, 0, 0), b"acsp", b"\0" * 4, 0, b"\0" * 4,
                         b"\0" * 4, 0, 0, illuminant)
    return header + bytes(128 - len(header)) + table + body


def s15fixed16(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def icc_text(kind: bytes, text: bytes) -> bytes:
    if kind == b"text":
        return b"text\0\0\0\0" + text + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(8 + 3 + 67)


def wide_gamut_profile() -> bytes:
    """Display P3's primaries (adapted to D50) with a gamma of 2.2."""
    xyz = lambda *values: b"XYZ \0\0\0\0" + s15fixed16(*values)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256))
    return icc_profile(b"mntr", b"RGB ", b"XYZ ", {
        b"desc": icc_text(b"desc", b"Wide gamut"), b"cprt": icc_text(b"text", b"CC0"), b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.51512, 0.2412, -0.00105), b"gXYZ": xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": xyz(0.1571, 0.06657, 0.78407), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    })


def ink_profile() -> bytes:
    """CMYK to Lab through a table of 3 nodes per ink: inks filter light one after the other, cyan leaking a little."""
    transmission = np.array([[0.12, 0.62, 0.88], [0.82, 0.12, 0.5], [0.96, 0.9, 0.1], [0.1, 0.1, 0.1]])
    nodes = np.array([0.0, 0.5, 1.0])
    grid = np.stack(np.meshgrid(nodes, nodes, nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 4)
    rgb = np.prod(1 - grid[:, :, None] * (1 - transmission[None]), axis=1)
    to_xyz = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
    relative = (rgb ** 2.2) @ to_xyz.T / np.array([0.9642, 1.0, 0.8249])
    f = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1)
    encoded = np.clip(np.round(np.stack([lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128], axis=-1)), 0, 255)
    identity = bytes(range(256))
    table = (b"mft1\0\0\0\0" + bytes([4, 3, 3, 0]) + s15fixed16(1, 0, 0, 0, 1, 0, 0, 0, 1) + identity * 4
             + encoded.astype(np.uint8).tobytes() + identity * 3)
    return icc_profile(b"prtr", b"CMYK", b"Lab ", {
        b"desc": icc_text(b"desc", b"Synthetic inks"), b"cprt": icc_text(b"text", b"CC0"),
        b"wtpt": b"XYZ \0\0\0\0" + s15fixed16(0.9642, 1.0, 0.8249), b"A2B0": table,
    })


def cmyk(pixels: np.ndarray) -> Image.Image:
    ink = 1 - pixels / 255
    black = 0.7 * ink.min(axis=-1, keepdims=True)
    planes = np.concatenate([(ink - black) / (1 - black), black], axis=-1)
    return Image.fromarray(rgb8(planes * 255), "CMYK")


# --- Fixtures --------------------------------------------------------------------------------------------------------


def accepted_fixtures() -> dict[str, bytes]:
    pixels = scene()
    image = Image.fromarray(rgb8(pixels))
    second = Image.fromarray(rgb8(255 - pixels))
    wide = np.round(pixels * 257).astype(np.uint16)
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    alpha = alpha_ramp() * 255
    rgba = np.concatenate([rgb8(pixels), rgb8(alpha)[..., None]], axis=-1)
    strip = scene(1, 10_000)
    files = {
        "jpeg.jpg": save(image, "JPEG", quality=90),
        "jpeg-progressive.jpg": save(image, "JPEG", quality=90, progressive=True),
        "jpeg-grey.jpg": save(Image.fromarray(rgb8(grey)), "JPEG", quality=90),
        "jpeg-cmyk.jpg": save(cmyk(pixels), "JPEG", quality=92),
        "jpeg-cmyk-profile.jpg": save(cmyk(pixels), "JPEG", quality=92, icc_profile=ink_profile()),
        "jpeg-wide-gamut.jpg": save(image, "JPEG", quality=92, icc_profile=wide_gamut_profile()),
        "jpeg-photo-size.jpg": save(Image.fromarray(rgb8(scene(1600, 1067))), "JPEG", quality=60),
        "png.png": png(rgb8(pixels)),
        "png-interlaced.png": png(rgb8(pixels), interlaced=True),
        "png-16-bit.png": png(wide),
        "png-16-bit-wide-gamut.png": png(wide, profile=wide_gamut_profile()),
        "png-16-bit-grey.png": png(np.round(grey * 257).astype(np.uint16)[..., None]),
        "png-grey.png": png(rgb8(grey)[..., None]),
        "png-grey-alpha.png": png(np.stack([rgb8(grey), rgb8(alpha)], axis=-1)),
        "png-alpha.png": png(rgba),
        "png-palette.png": save(image.quantize(64), "PNG"),
        "png-smaller-than-input.png": png(rgb8(scene(32, 24))),
        "png-1x1.png": png(np.array([[[200, 60, 30]]], np.uint8)),
        "png-1x10000.png": png(rgb8(strip)),
        "png-10000x1.png": png(rgb8(strip).transpose(1, 0, 2)),
        "renamed-png.jpg": png(rgb8(scene(seed=8))),
        "webp.webp": save(image, "WEBP", quality=90),
        "webp-animated.webp": save(image, "WEBP", quality=90, save_all=True, append_images=[second], duration=100),
        # Without chroma subsampling: decoders are free in how they enlarge the chroma planes.
        "avif.avif": save(image, "AVIF", quality=85, subsampling="4:4:4"),
        "avif-subsampled.avif": save(Image.fromarray(rgb8(scene(640, 426))), "AVIF", quality=50),
        "tiff.tif": save(image, "TIFF", compression="tiff_lzw"),
        "gif-animated.gif": save(image, "GIF", save_all=True, append_images=[second], duration=100),
    }
    # What must be done to the stored pixels, undone: the picture is upright in every one of the eight.
    stored = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
              4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
              7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
    for orientation, transpose in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = image if transpose is None else image.transpose(transpose)
        files[f"jpeg-orientation-{orientation}.jpg"] = save(turned, "JPEG", quality=90, exif=exif)
    return files


def refused_fixtures(accepted: dict[str, bytes]) -> dict[str, bytes]:
    heic = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic") + struct.pack(">I4sI", 12, b"meta", 0)
    svg = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="96" height="72"><circle r="30"/></svg>\n'
    pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n"
    small = Image.fromarray(rgb8(scene(8, 6)))
    return {
        "empty.jpg": b"",
        "text.jpg": b"This is not a picture, whatever its name says.\n",
        "drawing.svg": svg,
        "document.pdf": pdf,
        "photo.heic": heic,
        "bitmap.bmp": save(small, "BMP"),
        "truncated.jpg": accepted["jpeg.jpg"][: len(accepted["jpeg.jpg"]) * 6 // 10],
        "truncated.png": accepted["png.png"][: len(accepted["png.png"]) * 6 // 10],
        "truncated.webp": accepted["webp.webp"][: len(accepted["webp.webp"]) * 6 // 10],
        "truncated.avif": accepted["avif.avif"][: len(accepted["avif.avif"]) * 6 // 10],
        "truncated.gif": accepted["gif-animated.gif"][:1500],
        "truncated.tif": accepted["tiff.tif"][: len(accepted["tiff.tif"]) * 6 // 10],
        "header-only.jpg": b"\xff\xd8\xff\xe0",
        "corrupt.png": flip_byte(accepted["png.png"], len(accepted["png.png"]) // 2),
        "bomb-60-megapixels.png": bomb_png(10_000, 6_000),
    }


def flip_byte(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_fixtures() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    accepted = accepted_fixtures()
    for name, data in {**accepted, **refused_fixtures(accepted)}.items():
        (IMAGES / name).write_bytes(data)


# Alpha is laid over a background with another rounding than Pillow's: up to one step in 256 of a pixel, which this network sees.
MIN_COSINE = {("semblance-hybrid", "png-alpha"): 0.997}

# --- Goldens ---------------------------------------------------------------------------------------------------------


def load(path: Path) -> Image.Image:
    """Upright 8-bit sRGB without alpha, from the first frame."""
    image = Image.open(path)
    image.seek(0)
    image.load()
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode == "LA" or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    elif image.mode in ("P", "L"):
        image = image.convert("RGB")
    if profile is not None and image.mode in ("RGB", "CMYK"):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"),
                                          ImageCms.Intent.PERCEPTUAL, outputMode="RGB")
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


def preprocess(image: Image.Image, preprocessing: dict) -> np.ndarray:
    """torchvision's Resize and CenterCrop. uint8, height × width × 3."""
    target = preprocessing["resize"]
    resample = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
                "bicubic": Image.Resampling.BICUBIC, "lanczos3": Image.Resampling.LANCZOS}[target["interpolation"]]
    crop = preprocessing.get("centerCrop")
    if "shortestEdge" in target:
        size, (width, height) = target["shortestEdge"], image.size
        new_short, new_long = size, int(size * max(image.size) / min(image.size))
        resized = (new_short, new_long) if width <= height else (new_long, new_short)
    else:
        resized = (target["width"], target["height"])
    if crop is None:
        return np.asarray(image.resize(resized, resample))
    left = int(round((resized[0] - crop["width"]) / 2.0))
    top = int(round((resized[1] - crop["height"]) / 2.0))
    return np.asarray(image.resize(resized, resample).crop((left, top, left + crop["width"], top + crop["height"])))


def write_goldens(model: Path, only: list[str] | None) -> None:
    manifest = json.loads((model / "manifest.json").read_text())
    weights = (model / manifest["file"]).read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    if digest != manifest["sha256"]:
        raise SystemExit(f"{manifest['file']} does not have the SHA-256 that its manifest states")
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    preprocessing, inputs, output = manifest["preprocessing"], manifest["input"], manifest["output"]
    mean, std = (np.array(preprocessing[key], np.float32) for key in ("mean", "std"))

    images, crops = {}, []
    for file in sorted(accepted_fixtures()):
        name = file.rsplit(".", 1)[0]
        if only is not None and name not in only:
            continue
        image = load(IMAGES / file)
        crop = preprocess(image, preprocessing)
        tensor = (crop.astype(np.float32) * np.float32(preprocessing["rescale"]) - mean) / std
        tensor = tensor.transpose(2, 0, 1)[None] if inputs["layout"] == "NCHW" else tensor[None]
        embedding = session.run([output["name"]], {inputs["name"]: np.ascontiguousarray(tensor, np.float32)})[0][0]
        images[name] = {"file": file, "width": image.width, "height": image.height, "cropRow": len(crops),
                        "minCosine": MIN_COSINE.get((manifest["name"], name), 0.999), "embedding": base64.b64encode(embedding.astype("<f4").tobytes()).decode()}
        crops.append(crop)

    GOLDEN.mkdir(parents=True, exist_ok=True)
    result = {
        "command": " ".join([f"python training/golden.py goldens --model models/{manifest['name']}",
                             *([] if only is None else ["--only", *only])]),
        "versions": {"pillow": PIL.__version__, "numpy": np.__version__, "onnxruntime": onnxruntime.__version__},
        "model": manifest["name"], "modelSha256": digest, "preprocessing": preprocessing, "images": images,
    }
    (GOLDEN / f"{manifest['name']}.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if only is None:
        Image.fromarray(np.concatenate(crops)).save(GOLDEN / f"{manifest['name']}-crops.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fixtures", help="draw test/fixtures/images")
    goldens = commands.add_parser("goldens", help="compute test/fixtures/golden")
    goldens.add_argument("--model", type=Path, default=ROOT / "models" / "semblance-compact")
    goldens.add_argument("--only", nargs="+", metavar="FIXTURE", help="names of fixtures; no crops are written")
    arguments = parser.parse_args()
    if arguments.command == "fixtures":
        write_fixtures()
    else:
        write_goldens(arguments.model, arguments.only)


if __name__ == "__main__":
    main()
