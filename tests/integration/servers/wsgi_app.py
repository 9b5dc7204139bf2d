"""A service whose table is loaded before gunicorn forks, where it preloads; reading all of it unshares its pages."""

import os

table = [str(number) * 10 for number in range(300_000)]
copies = []


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/all":
        copies[:] = list(table)  # each reference counted is a page of its own
    if path == "/eat":
        copies.append(b"x" * (200 << 20))
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
