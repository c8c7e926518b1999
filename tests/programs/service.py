"""A web service for gunicorn: doubles numbers with numpy, opens a file for each, and tells who answered."""

import os
import threading

import numpy
from flask import Flask

app = Flask(__name__)


@app.get("/double/<int:number>")
def double(number):
    try:
        open("/nonexistent/request-%d" % (number % 500))
    except OSError:
        pass
    return {"answer": int(numpy.array([number]).sum()) * 2, "pid": os.getpid(), "thread": threading.get_native_id()}
