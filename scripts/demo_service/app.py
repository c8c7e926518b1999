"""The demo's service: a small web shop on Flask, numpy, requests and sqlite3; nothing in it knows of PyXhon."""

import os
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import requests
from flask import Flask, request

app = Flask(__name__)
_FOLDER = Path(os.environ["SHOP_FOLDER"])
_RATES = os.environ["SHOP_RATES_URL"]
_STATISTICS = os.environ["SHOP_STATISTICS_URL"]


@app.get("/orders")
def list_orders() -> dict[str, object]:
    """Count the orders in the shop's database."""
    with sqlite3.connect(_FOLDER / "shop.db") as database:
        (count,) = database.execute("SELECT count(*) FROM orders").fetchone()
    database.close()
    return {"orders": count}


@app.get("/forecast")
def forecast() -> dict[str, object]:
    """Fit a line through the sales and extend it by one day."""
    sales = np.load(_FOLDER / "sales.npy")
    slope, start = np.polynomial.polynomial.polyfit(np.arange(sales.size), sales, 1)[::-1]
    return {"tomorrow": round(float(start + slope * sales.size), 3)}


@app.get("/price")
def price() -> dict[str, object]:
    """Convert a price with the rate of another service."""
    rate = requests.get(_RATES, timeout=5).json()["rate"]
    return {"price": int(request.args["of"]) * rate}


@app.get("/about")
def about() -> dict[str, object]:
    """Ask the system for its name, and tell somebody who is not in the policy that we were asked."""
    system = subprocess.run(["uname", "-s"], capture_output=True, text=True, check=True).stdout.strip()
    requests.post(_STATISTICS, json={"page": "about"}, timeout=5).raise_for_status()
    return {"system": system}
