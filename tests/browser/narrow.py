#!/usr/bin/python3
"""narrow.py PAGE.html...

Opens pages of tables (of all arms, of a margin, of a comparison) in headless Chromium on a screen as narrow as a phone's. Says what is not as
it should be, a line each, and ends with 1 then. With FOLDER in the environment it leaves a picture of each there.
"""
import base64
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True  # nothing is left beside the sources
from browser import PHONE, Browser, end_in_time, expect, fits_a_phone, wrong  # noqa: E402

end_in_time(400)
with tempfile.TemporaryDirectory(prefix="faultline-browser.") as profile:
    browser = Browser(profile)
    try:
        for page in map(pathlib.Path, sys.argv[1:]):
            browser.do("Emulation.setDeviceMetricsOverride", **PHONE)
            browser.driver.get(page.resolve().as_uri())
            expect(fits_a_phone(browser, page.name) > 0, f"{page.name} has tables")
            browser.no_complaints(page.name)
            if "FOLDER" in os.environ:
                height = browser.js("document.documentElement.scrollHeight")
                browser.do("Emulation.setDeviceMetricsOverride", **{**PHONE, "height": min(height, 12000)})
                shot = browser.do("Page.captureScreenshot", format="png")["data"]
                (pathlib.Path(os.environ["FOLDER"]) / f"{page.stem}.png").write_bytes(base64.b64decode(shot))
    finally:
        browser.driver.quit()

sys.exit(1 if wrong else 0)
