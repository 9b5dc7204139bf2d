"""A small server for tests of the fixture ``memory_server``: what it keeps is known."""

SERVER = """
import http.server, mmap, os, signal, socketserver, sys, time

kept = []

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/die":
            print("the database is gone", flush=True)
            os._exit(3)
        if self.path.startswith("/keep/"):
            block = mmap.mmap(-1, int(self.path.rpartition("/")[2]))
            for place in range(0, len(block), 4096):
                block[place] = 1
            kept.append(block)
        if self.path == "/drop":
            kept.clear()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass

class Server(http.server.HTTPServer):
    allow_reuse_address = True

words = sys.argv[2:]
if "deaf" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "fails" in words:
    sys.exit("no such table: users")
if "silent" in words:
    time.sleep(600)
server = Server((words[0] if words and "." in words[0] else "127.0.0.1", int(sys.argv[1])), Handler)
if "workers" in words:
    held = bytearray(os.urandom(1024) * 8192)  # 8 MiB, which the workers share
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            server.serve_forever()
        children.append(child)
    if "loses" in words:
        time.sleep(1.5)
        os.kill(children[0], signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
else:
    server.serve_forever()
"""
