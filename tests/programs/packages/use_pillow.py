"""Pillow: images of several formats through files; its codecs write to descriptors by themselves."""

import io
import threading

from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

image = Image.effect_mandelbrot((160, 120), (-2, -1.2, 1, 1.2), 50).convert("RGB")
ImageDraw.Draw(image).text((5, 5), "text", font=ImageFont.load_default(), fill="white")
for suffix in ("png", "jpg", "gif", "bmp", "tiff", "webp", "jp2", "ppm", "ico"):
    image.save(f"image.{suffix}")
    with Image.open(f"image.{suffix}") as opened:
        opened.load()
image.save("compressed.tiff", compression="tiff_lzw")
with Image.open("compressed.tiff") as opened:
    opened.seek(0)
    opened.load()
try:
    Image.open("absent.png")
except FileNotFoundError:
    pass
try:
    ImageFont.truetype("NoSuchFont.ttf", 12)
except OSError:
    pass
features.get_supported()


def work():
    buffer = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(2)).resize((40, 30)).save(buffer, "PNG")


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
