"""watchfiles: Rust's notify watches a folder by inotify, in a thread of its own."""

import asyncio
import os
import threading

import watchfiles

os.makedirs("watched/deep")
stop = threading.Event()
started = threading.Event()


def change():
    started.wait(20)
    for number in range(3):
        with open(f"watched/deep/{number}.txt", "w") as out:
            out.write("text")
    os.rename("watched/deep/0.txt", "watched/moved.txt")
    os.unlink("watched/moved.txt")


thread = threading.Thread(target=change)
thread.start()
seen = set()
watcher = watchfiles.watch("watched", stop_event=stop, debounce=200, step=20, rust_timeout=100, yield_on_timeout=True)
for changes in watcher:
    started.set()
    seen |= {os.path.basename(path) for _, path in changes}
    if {"1.txt", "2.txt"} <= seen:
        stop.set()
thread.join()


async def watch_again():
    async for _ in watchfiles.awatch(
        "watched", stop_event=(event := asyncio.Event()), rust_timeout=100, yield_on_timeout=True
    ):
        event.set()


asyncio.run(watch_again())
polled = watchfiles.watch("watched", force_polling=True, rust_timeout=100, yield_on_timeout=True, poll_delay_ms=50)
next(polled)
polled.close()
