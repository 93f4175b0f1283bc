#!/usr/bin/python3
"""page.py REPORT.html [FOLDER]

Uses a report as a reader would, in headless Chromium by its driver: a mouse, keys, the dark, a phone, paper, no script.
Says what is not as it should be, a line each, and ends with 1 then. With FOLDER it leaves pictures there: wide.png,
dark.png, phone.png, moment.png, print.pdf. The report has to have a fault, and a broken hypothesis about a probe of which a request failed.
Needs Debian's chromium-driver and python3-selenium; root needs no sandbox.
"""
import base64
import pathlib
import re
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # nothing is left beside the sources
from browser import PATIENCE, Browser, end_in_time, expect, fits_a_phone, wrong  # noqa: E402


class Reader(Browser):
    def __init__(self, page, profile):
        super().__init__(profile)
        self.address = pathlib.Path(page).resolve().as_uri()

    def open(self, width, height=900, phone=False, dark=False):
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.do("Emulation.setEmulatedMedia",
                features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.driver.get(self.address)
        self.until("document.querySelectorAll('.plot').length > 0", "there are charts")
        self.js("document.querySelector('.plot').scrollIntoView({block: 'center', behavior: 'instant'})")
        self.until("document.querySelectorAll('.plot canvas').length > 0", "a chart is drawn when it comes into sight")
        self.settle()

    def mouse(self, kind, x, y, **how):
        self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, **{"button": "left", **how})

    def key(self, key, code=None, shift=False):
        how = {"key": key, "code": code or key, "modifiers": 8 if shift else 0,
               "windowsVirtualKeyCode": {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}.get(key, 0)}
        if len(key) == 1 or key == "Enter":
            how["text"] = "\r" if key == "Enter" else key
        self.do("Input.dispatchKeyEvent", type="keyDown", **how)
        self.do("Input.dispatchKeyEvent", type="keyUp", **how)
        self.settle()

    def picture(self, name, whole=True):
        if FOLDER is None:
            return
        size = self.js("[innerWidth, document.documentElement.scrollHeight]")
        if whole:
            self.do("Emulation.setDeviceMetricsOverride", width=size[0], height=min(size[1], 12000), deviceScaleFactor=1,
                    mobile=size[0] < 500)
            self.settle()
            time.sleep(0.5)  # for the eyes alone: charts that came into sight are drawn
        shot = self.do("Page.captureScreenshot", format="png")["data"]
        (FOLDER / name).write_bytes(base64.b64decode(shot))


def seconds(text):
    """Of "12.5 s" or "3:20.5"."""
    minutes, _, rest = text.rpartition(":")
    return 60 * float(minutes or 0) + float(rest.rstrip(" s"))


def shown(browser):
    """The span of time that is looked at."""
    return [seconds(part) for part in browser.js("document.querySelector('.tools output').textContent").split(" to ")]


def plot(browser, which=".plot.latency"):
    """Where a chart's curves are: left, right, middle."""
    browser.js(f"document.querySelector('{which}').scrollIntoView({{block: 'center', behavior: 'instant'}})")
    browser.settle()
    left, top, right, bottom = browser.js(f"(() => {{ const r = document.querySelector('{which}').getBoundingClientRect();"
                                          "return [r.left, r.top, r.right, r.bottom]; })()")
    gutter, free = browser.js("[page.view.gutter, page.view.right]")
    return left + gutter, right - free, (top + bottom) / 2


def a_failure(browser):
    """When the first request failed that the page keeps, and whose it was."""
    return browser.js("(() => { for (const one of page.data.requests) for (const row of one.rows) if (row[2] > 0) return "
                      "[row[0] / 1e6, one.probe, one.errors[row[2]]]; return null; })()")


def by_mouse(browser):
    whole = shown(browser)
    expect(whole[0] == 0 and abs(whole[1] - browser.js("page.data.until_s")) < 0.5, f"all of the run is shown: {whole}")
    left, right, y = plot(browser)
    at = lambda share: left + share * (right - left)
    browser.mouse("mouseMoved", at(0.5), y, button="none")
    browser.settle()
    readings = browser.js("[...document.querySelectorAll('.reading strong')].map((one) => one.textContent).filter(Boolean)")
    expect(any(re.search(r"\d (ms|µs|s)$", one) for one in readings), f"hovering reads the latency: {readings}")
    expect(any(one.endswith("%") for one in readings), f"and in the same moment the success: {readings}")
    expect(not browser.js("document.querySelector('.over.cursor').hidden"), "the instant under the pointer is marked")

    browser.mouse("mousePressed", at(0.4), y, clickCount=1)
    for share in (0.45, 0.5, 0.6):
        browser.mouse("mouseMoved", at(share), y, buttons=1)
    browser.mouse("mouseReleased", at(0.6), y, clickCount=1)
    browser.settle()
    zoomed, length = shown(browser), whole[1]
    expect(abs(zoomed[0] - 0.4 * length) < 0.02 * length and abs(zoomed[1] - 0.6 * length) < 0.02 * length,
           f"dragging zooms to what was dragged over: {zoomed} of {length}")
    drawn = browser.js("page.view.from === undefined ? null : [page.view.from, page.view.to]")
    expect(abs(drawn[0] - zoomed[0]) < 0.01 * length, f"what is said is what is shown: {drawn}, {zoomed}")
    browser.js("page.view.all()")
    browser.settle()
    expect(shown(browser) == whole, "the whole run is back")
    left_out = browser.js("page.data.probes_left_out")
    said = browser.js("document.getElementById('course').innerText")
    expect((f"{left_out} more probe" in said) == (left_out > 0), f"of {left_out} probes without charts it says so")

    failed = a_failure(browser)
    expect(failed is not None, "the page keeps a request that failed")
    if failed is None:
        return
    when, probe, error = failed
    browser.mouse("mousePressed", at(when / length), y, clickCount=1)
    browser.mouse("mouseReleased", at(when / length), y, clickCount=1)
    browser.until("!document.getElementById('moment').hidden", "a click lists requests")
    listed = browser.js("document.getElementById('moment').innerText")
    expect("Requests from" in listed and browser.js("document.querySelectorAll('#moment tbody tr').length > 0"),
           f"there are requests in the list: {listed[:300]}")
    browser.picture("moment.png", whole=False)
    browser.key("Escape")
    browser.until("document.getElementById('moment').hidden", "Escape closes the list")
    browser.js("(() => { page.view.choose(page.view.around(%f), %s); page.view.flush(); })()" % (when, repr(probe)))
    listed = browser.js("document.getElementById('moment').innerText")
    expect(error in listed and "✗" in listed, f"the failed request is listed with its error {error}: {listed[:300]}")
    browser.key("Escape")


def by_keys(browser):
    browser.js("document.getElementById('plots').focus()")
    whole = shown(browser)
    browser.key("+")
    once = shown(browser)
    expect(abs((once[1] - once[0]) - (whole[1] - whole[0]) / 2) < 0.02 * whole[1], f"+ halves what is shown: {once}")
    browser.key("ArrowRight", shift=True)
    expect(shown(browser)[0] > once[0], f"Shift with an arrow goes on: {shown(browser)}")
    before = browser.js("page.view.cursor")
    browser.key("ArrowRight")
    browser.key("ArrowRight")
    expect(browser.js("page.view.cursor") != before, "an arrow moves the cursor")
    browser.key("Enter")
    browser.until("!document.getElementById('moment').hidden", "Enter lists requests")
    browser.key("Escape")
    expect(browser.js("document.getElementById('moment').hidden"), "Escape closes the list")
    expect(browser.js("document.activeElement.id") == "plots", "and the focus is back on the charts")
    browser.key("0")
    expect(shown(browser) == whole, "0 shows the whole run")
    browser.js("document.querySelector('.tools button').focus()")
    browser.key("Enter")
    expect(shown(browser) != whole, "the tools are buttons")
    browser.js("page.view.all()")
    browser.settle()


def from_a_card(browser):
    if not browser.js("document.querySelector('.card[data-at] button') !== null"):
        expect(False, "a broken hypothesis has a card that leads to its moment")
        return
    browser.js("document.querySelector('.card[data-at] button').click()")
    browser.until("!document.getElementById('moment').hidden", "a broken hypothesis leads to its first failing request")
    expect("✗" in browser.js("document.getElementById('moment').innerText"), "which is in the list")
    browser.key("Escape")
    browser.js("page.view.all()")
    browser.settle()


def drawn(browser):
    """What is drawn is where it was, and can be told apart."""
    edge = browser.js("""(() => {
        const one = page.charts.of(document.querySelector('.plot.success')), { values } = one.chart.series[0];
        const cell = values.findIndex((value, i) => value === 1 && values[i + 1] === 0);
        if (cell < 0) return null;
        const at = one.graph.toDomXCoord((cell + 1) * one.chart.cell_s), [top, low] = [1, 0].map((v) => one.graph.toDomYCoord(v));
        const good = page.color('good').match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16));
        const line = (x, from, to) => [...one.plot.querySelectorAll('canvas')].some((canvas) => {
            const copy = document.createElement('canvas');
            [copy.width, copy.height] = [canvas.width, canvas.height];
            const pen = copy.getContext('2d', { willReadFrequently: true });
            pen.drawImage(canvas, 0, 0);
            const { data } = pen.getImageData(Math.round(x), Math.round(from), 1, Math.round(to - from));
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] > 150 && Math.hypot(...good.map((part, k) => part - data[i + k])) < 60) return true;
            return false;
        });
        const [a, b] = [top + 0.3 * (low - top), top + 0.7 * (low - top)];
        return { slope: line(at - 3, a, b) || line(at + 3, a, b), there: line(at + 3, low - 4, low + 4) };
    })()""")
    expect(edge is not None or FOLDER, "the tests' own page has an edge of success to look at")
    if edge is not None:
        expect(edge == {"slope": False, "there": True}, f"success falls where it fell, and not half a cell before: {edge}")
    marks = browser.js("""[...document.querySelectorAll('#lanes path.mark')].map((one) =>
        one.getAttribute('d').match(/[\\d.]+/g).slice(0, 2).map(Number))""")
    near = [(a, b) for a in marks for b in marks if a is not b and a[1] == b[1] and abs(a[0] - b[0]) < 9.5]
    expect(not near, f"no mark of a row lies upon another: {near[:3]}")
    blank = browser.js("""(() => {
        const none = Object.assign(document.createElement('canvas'), { width: 18, height: 10 }).toDataURL();
        return [...document.querySelectorAll('.reading canvas')].filter((one) => one.toDataURL() === none).length;
    })()""")
    expect(blank == 0, f"each series has its sign in the legend: {blank} have none")

    # A bound's text: where nothing failed it stands at its line's left end, else where it covers no failure.
    place = lambda crosses: browser.js("page.paint.place_text({ left: 100, right: 500, y: 80, wide: 90 }, "
                                       f"{{ x: 60, y: 0, w: 600, h: 160 }}, [], {crosses})")
    first = place([])
    expect((first["x"], first["base"], first["cost"]) == (104, 76, 0), f"a bound's text stands above its line: {first}")
    below = place([[x, 72] for x in range(60, 660, 3)])
    expect(below["base"] > 80 and below["cost"] == 0, f"or below it: {below}")
    beside = place([[x, y] for x in range(60, 300, 3) for y in range(0, 160, 3)])
    expect(beside["x"] > 300 and beside["cost"] == 0, f"or farther on: {beside}")
    full = place([[x, y] for x in range(60, 660, 3) for y in range(0, 160, 3)])
    expect(60 < full["x"] < 600 and 0 < full["base"] < 160, f"and somewhere in any case: {full}")


def heard(browser):
    """What somebody who cannot see the page is told."""
    nodes = browser.do("Accessibility.getFullAXTree")["nodes"]
    named = {}
    for node in nodes:
        if node.get("ignored"):
            continue
        named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    expect(named.get("main"), "there is a main part")
    expect("Timeline and charts over time" in named.get("application", []), f"the charts have a name: {named.get('application')}")
    expect(any("latency" in name and "p50 from" in name for name in named.get("image", []) + named.get("img", [])),
           "each chart says what it comes to")
    expect(any(name.startswith("fault ") for name in named.get("image", []) + named.get("img", [])),
           "each fault on the timeline has a name")
    for role in ("button", "heading", "image", "img", "region", "application", "toolbar"):
        expect(all(named.get(role, [])), f"every {role} has a name: {named.get(role)}")
    expect({"Zoom in", "Zoom out", "Earlier", "Later"} <= set(named.get("button", [])), f"{named.get('button')}")
    expect(named.get("columnheader"), "tables have heads")


def on_a_phone(browser):
    browser.open(390, 844, phone=True)
    expect(fits_a_phone(browser, "the report") > 0, "there are tables")
    heads = [node for node in browser.do("Accessibility.getFullAXTree")["nodes"]
             if not node.get("ignored") and node["role"]["value"] == "columnheader"]
    expect(heads, "who hears the page has the heads of columns all the same")
    browser.js("page.view.choose([0, page.data.until_s / 50])")
    browser.until("!document.getElementById('moment').hidden", "requests are listed")
    fits_a_phone(browser, "the requests of a moment")
    browser.js("page.moment.close()")
    browser.settle()
    browser.picture("phone.png")


def in_the_dark(browser):
    browser.open(1280, dark=True)
    light = browser.js("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    expect(max(light) < 80, f"the dark page is dark: {light}")
    browser.picture("dark.png")
    browser.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    browser.settle()
    light = browser.js("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    expect(min(light) > 200, f"and becomes light when the machine does: {light}")


def on_paper(browser):
    browser.open(1280)
    browser.until("page.charts.are_drawn()", "charts out of sight are drawn, too")
    browser.settle()
    browser.settle()
    paper = base64.b64decode(browser.do("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)["data"])
    expect(paper.startswith(b"%PDF") and len(paper) > 20000, f"it prints: {len(paper)} bytes")
    if FOLDER is not None:
        (FOLDER / "print.pdf").write_bytes(paper)
    browser.settle()
    expect(browser.js("document.getElementById('plots').style.width") == "", "afterwards it is as wide as before")


def without_scripts(browser):
    browser.do("Emulation.setScriptExecutionDisabled", value=True)
    browser.do("Page.reload")
    text, end = "", time.monotonic() + PATIENCE
    while "Scripts are switched off" not in text and time.monotonic() < end:
        nodes = browser.do("Accessibility.getFullAXTree")["nodes"]
        text = " ".join(node.get("name", {}).get("value", "") for node in nodes)
        time.sleep(0.1)
    for word in ("Scripts are switched off", "faultline run", "Hypotheses"):
        expect(word in text, f"without scripts it still says {word!r}")
    browser.do("Emulation.setScriptExecutionDisabled", value=False)


FOLDER = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
end_in_time(860)
with tempfile.TemporaryDirectory(prefix="faultline-browser.") as profile:
    browser = Reader(sys.argv[1], profile)
    try:
        browser.open(1280)
        browser.no_complaints("at first")
        drawn(browser)
        by_mouse(browser)
        by_keys(browser)
        from_a_card(browser)
        heard(browser)
        browser.no_complaints("when used")
        browser.picture("wide.png")
        on_a_phone(browser)
        in_the_dark(browser)
        on_paper(browser)
        without_scripts(browser)
        browser.no_complaints("afterwards")
    finally:
        browser.driver.quit()

sys.exit(1 if wrong else 0)
