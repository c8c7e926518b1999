"""Flask: an application with templates, sessions and errors, asked by its test client and over loopback."""

import logging
import threading
import urllib.request

import flask
from werkzeug.serving import make_server


def _make():
    application = flask.Flask(__name__)
    application.secret_key = "known"
    page = "<p>{% for item in items %}{{ item }} {% endfor %}</p>"

    @application.route("/list/<int:count>")
    def listed(count):
        flask.session["count"] = count
        return flask.render_template_string(page, items=range(count))

    @application.route("/last")
    def last():
        return flask.jsonify(last=flask.session.get("count"))

    @application.errorhandler(404)
    def missing(_):
        return "nothing there", 404

    return application


def main():
    """Ask it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = _make()
    client = application.test_client()
    for count in range(400):
        assert client.get(f"/list/{count}").status_code == 200
        assert client.get("/last").get_json() == {"last": count}
    assert client.get("/nowhere").data == b"nothing there"
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for count in range(20):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/list/{count}", timeout=10) as answer:
            assert answer.read().startswith(b"<p>")
    server.shutdown()
    thread.join()


if __name__ == "__main__":
    main()
