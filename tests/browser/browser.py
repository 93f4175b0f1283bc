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


PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


def fits_a_phone(browser, page):
    """On a screen of 390 px: nothing is beside it, and of a table each value has its heading. The script of a chart draws within it; what a
    plan's text is too long for is read by moving it."""
    wide, there = browser.js("[document.documentElement.scrollWidth, innerWidth]")
    expect(there == 390 and wide <= 390, f"{page}: on a phone nothing is beside the screen: {wide} of {there}")
    beside = browser.js("""[...document.body.querySelectorAll('*')].filter((one) => !one.closest('thead, .plot') &&
        !one.parentElement.closest('svg') && one.getBoundingClientRect().right > innerWidth + 0.5)
        .map((one) => one.outerHTML.slice(0, 120))""")
    expect(not beside, f"{page}: nothing reaches beyond it: {beside[:3]}")
    moved = browser.js("[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth).length")
    expect(moved == 0, f"{page}: no table has to be moved to be read: {moved} have")
    told = browser.js("""(() => {
        const told = { labels: 0, wrong: [] };
        for (const one of document.querySelectorAll('tbody td')) {
            const heads = one.closest('table').querySelectorAll('th'), label = getComputedStyle(one, '::before').content;
            const head = heads[one.cellIndex].innerHTML.replace('<br>', ' ').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
            const shown = one.getClientRects().length > 0;
            const wanted = shown && head !== '' && one.colSpan === 1 && !one.matches('.name, .mark');
            const fine = one.innerHTML === '' || one.matches('.again') ? !shown : shown && label === (wanted ? JSON.stringify(head) : 'none');
            if (wanted) told.labels++;
            if (!fine) told.wrong.push([head, label, one.outerHTML.slice(0, 120)]);
        }
        for (const one of document.querySelectorAll('thead'))
            if (one.getBoundingClientRect().height > 1.5) told.wrong.push('a row of heads is in sight');
        return told;
    })()""")
    expect(not told["wrong"], f"{page}: a value has its heading, and nothing empty is there: {told['wrong'][:3]}")
    return told["labels"]


def end_in_time(seconds):
    """By itself, and before anybody kills it: the browser must not be left behind."""
    def too_long(*_):
        raise TimeoutError(f"this took more than {seconds} s")

    os.environ.setdefault("HOME", "/tmp")
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
