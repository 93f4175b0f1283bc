"""Headless Chromium by its driver, for the tests of pages. What is not as it should be is said, a line each."""
import os
import signal
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PATIENCE = 60  # seconds, on a machine that does much else
wrong = []


def expect(holds, what):
    if not holds:
        wrong.append(what)
        print(what, flush=True)


class Browser:
    def __init__(self, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--no-first-run", "--disable-extensions", "--disable-background-networking", "--no-proxy-server",
                     f"--user-data-dir={profile}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.page_load_strategy = "normal"
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(4 * PATIENCE)
        self.driver.set_script_timeout(4 * PATIENCE)

    def do(self, command, **how):
        return self.driver.execute_cdp_cmd(command, how)

    def js(self, expression):
        return self.driver.execute_script("return (" + expression + ")")

    def until(self, expression, what):
        """Waits for something to become true; what it came to."""
        end = time.monotonic() + PATIENCE
        while True:
            value = self.js(expression)
            if value or time.monotonic() > end:
                expect(value, what)
                return value
            time.sleep(0.05)

    def settle(self):
        """Until what has been asked for is drawn."""
        self.driver.execute_async_script("const done = arguments[0];"
                                         "requestAnimationFrame(() => requestAnimationFrame(() => done()))")

    def no_complaints(self, where):
        for entry in self.driver.get_log("browser"):
            expect(False, f"{where}: the console says: {entry['message']}")


def end_in_time(seconds):
    """By itself, and before anybody kills it: the browser must not be left behind."""
    def too_long(*_):
        raise TimeoutError(f"this took more than {seconds} s")

    os.environ.setdefault("HOME", "/tmp")
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
