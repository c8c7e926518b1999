"""pillow: a picture drawn, filtered, turned, and written and read in several formats."""

import io
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps


def _drawn():
    image = Image.new("RGB", (800, 600), "white")
    draw = ImageDraw.Draw(image)
    for step in range(0, 400, 10):
        draw.ellipse((step, step // 2, step + 300, step // 2 + 200), outline=(step % 256, 80, 255 - step % 256))
    draw.text((20, 20), "exercise", fill="black", font=ImageFont.load_default())
    return image


def main():
    """Draw, change, write, read."""
    image = _drawn()
    changed = image.filter(ImageFilter.GaussianBlur(3)).rotate(30, expand=True).resize((640, 480))
    changed = ImageOps.autocontrast(ImageOps.grayscale(changed))
    assert changed.getextrema() == (0, 255)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("png", "jpg", "gif", "bmp", "tiff", "webp"):
            path = Path(folder) / f"image.{suffix}"
            for _ in range(4):
                image.save(path)
                with Image.open(path) as read:
                    read.load()
                    assert read.size == (800, 600)
                    read.thumbnail((100, 100))
    memory = io.BytesIO()
    changed.save(memory, "PNG", optimize=True)
    assert Image.open(io.BytesIO(memory.getvalue())).tobytes() == changed.tobytes()


if __name__ == "__main__":
    main()
