#!/usr/bin/python3
"""live.py REPORT.html

Serves the page of a run under way, whose tag is "1", to headless Chromium: it must ask for the header alone, again and again, show the next
page once there is one, and say so when nobody answers any more. Says what is not as it should be, a line each, and ends with 1 then.
"""
import http.server
import pathlib
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # nothing is left beside the sources
from browser import PATIENCE, Browser, end_in_time, expect, wrong  # noqa: E402

PAGE = pathlib.Path(sys.argv[1]).read_text()


class Handler(http.server.BaseHTTPRequestHandler):
    tag = "1"
    asked = []

    def answer(self, whole):
        if self.path != "/":
            self.send_error(404)
            return
        self.asked.append((self.command, Handler.tag))
        body = PAGE.replace('data-tag="1"', f'data-tag="{Handler.tag}"').encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{Handler.tag}"')
        self.end_headers()
        if whole:
            self.wfile.write(body)

    def do_GET(self):
        self.answer(True)

    def do_HEAD(self):
        self.answer(False)

    def log_message(self, *_):
        pass


def until(holds, what):
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    expect(holds(), f"{what}: {Handler.asked}")


end_in_time(400)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory(prefix="faultline-browser.") as profile:
    browser = Browser(profile)
    try:
        browser.driver.get(f"http://127.0.0.1:{server.server_port}/")
        browser.until("document.querySelectorAll('.plot').length > 0", "there are charts")
        until(lambda: Handler.asked.count(("HEAD", "1")) >= 2, "the header is asked for again and again")
        expect(Handler.asked.count(("GET", "1")) == 1, f"and the page once: {Handler.asked}")
        browser.js("page.view.show(0.25 * page.data.until_s, 0.5 * page.data.until_s)")
        Handler.tag = "2"
        until(lambda: ("GET", "2") in Handler.asked, "a newer page is asked for")
        browser.until("document.getElementById('live') && document.getElementById('live').dataset.tag === '2' && "
                      "window.page !== null && document.querySelectorAll('.plot').length > 0", "and shown")
        span = browser.js("[page.view.from / page.data.until_s, page.view.to / page.data.until_s]")
        expect(abs(span[0] - 0.25) < 0.01 and abs(span[1] - 0.5) < 0.01, f"with the span that was looked at: {span}")
        browser.no_complaints("of a run under way")
        server.shutdown()
        server.server_close()
        browser.until("document.getElementById('live').textContent.includes('This run is over')", "the end is told")
    finally:
        browser.driver.quit()

sys.exit(1 if wrong else 0)
