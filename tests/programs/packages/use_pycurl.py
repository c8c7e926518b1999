"""pycurl: libcurl fetches, sends, reads files and cookies, resolves names in a thread of its own."""

import io
import os

import pycurl
import web_server

server = web_server.start()
try:
    for url in (server.url, server.url + "/moved", server.url.replace("127.0.0.1", "localhost")):
        body = io.BytesIO()
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.WRITEDATA, body)
        curl.setopt(pycurl.FOLLOWLOCATION, True)
        curl.setopt(pycurl.COOKIEFILE, "cookies.txt")
        curl.setopt(pycurl.COOKIEJAR, "cookies.txt")
        curl.setopt(pycurl.TIMEOUT, 20)
        curl.perform()
        assert curl.getinfo(pycurl.RESPONSE_CODE) == 200
        curl.close()
        assert b"42" in body.getvalue()
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, server.url)
    curl.setopt(pycurl.POSTFIELDS, "quiet")
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    curl.perform()
    with open("download.bin", "wb") as out:
        curl.setopt(pycurl.URL, "file://" + os.path.abspath("cookies.txt"))
        curl.setopt(pycurl.HTTPGET, True)
        curl.setopt(pycurl.WRITEDATA, out)
        curl.perform()
    curl.setopt(pycurl.URL, "http://127.0.0.1:9/")
    try:
        curl.perform()
    except pycurl.error as error:
        assert error.args[0] == pycurl.E_COULDNT_CONNECT
    curl.close()
    multi = pycurl.CurlMulti()
    handles = []
    for _ in range(3):
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, server.url)
        handle.setopt(pycurl.WRITEFUNCTION, lambda data: None)
        multi.add_handle(handle)
        handles.append(handle)
    running = 1
    while running:
        _, running = multi.perform()
        multi.select(0.1)
    multi.close()
finally:
    server.shutdown()
    server.server_close()
