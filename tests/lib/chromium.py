# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium without a window, spoken to through a pipe (Chrome DevTools Protocol).

    with Chromium(tmp_path) as browser:
        page = browser.page(width=360, dark=True, script=False)
        page.open("file:///…/dashboard.html")
        page.value("document.title"), page.requests, page.complaints, page.picture(path)"""
import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 60
FLAGS = ("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-extensions", "--disable-default-apps", "--disable-breakpad", "--mute-audio",
         "--hide-scrollbars", "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND")


class Chromium:
    def __init__(self, folder):
        self.folder, self.number, self.rest = folder, 0, b""
        self.pages = {}

    def __enter__(self):
        theirs_in, self.to = os.pipe()
        self.back, theirs_out = os.pipe()
        # out of the way of 3 and 4, where the browser looks for them
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (theirs_in, theirs_out)]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
        with open(self.folder / "chromium.log", "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, *FLAGS, f"--user-data-dir={self.folder / 'chromium'}", "about:blank"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=place, pass_fds=(3, 4), start_new_session=True,
                env={**os.environ, "HOME": str(self.folder), "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})
        for fd in (theirs_in, theirs_out, *high):
            os.close(fd)
        return self

    def __exit__(self, *_):
        os.close(self.to)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.back)

    def receive(self):
        """The next message."""
        end = time.monotonic() + PATIENCE_S
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.back], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.back, 1 << 20) if ready else b""
            assert piece, "Chromium " + ("ended" if ready else "does not answer") + ": " + \
                (self.folder / "chromium.log").read_text(errors="replace")[-2000:]
            self.rest += piece
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method, params=None, target=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params or {}}
        if target:
            message["sessionId"] = target
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.note(answer)

    def note(self, event):
        page = self.pages.get(event.get("sessionId"))
        if page:
            page.note(event["method"], event["params"])

    def page(self, **how):
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        number = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.pages[number] = Page(self, number)
        self.pages[number].prepare(**how)
        return self.pages[number]


class Page:
    def __init__(self, browser, number):
        self.browser, self.number = browser, number
        self.forget()

    def forget(self):
        #: addresses that were asked for; what was refused or went wrong
        self.requests, self.complaints, self.is_loaded = [], [], False

    def call(self, method, **params):
        return self.browser.call(method, params, self.number)

    def note(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Page.loadEventFired":
            self.is_loaded = True

    def prepare(self, width=1280, height=900, dark=False, script=True):
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def open(self, address):
        self.forget()
        self.call("Page.navigate", url=str(address))
        while not self.is_loaded:
            self.browser.note(self.browser.receive())
        return self

    def value(self, expression):
        """Of an expression; a promise's when it is kept."""
        r = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in r, f"{expression[:200]}: {r['exceptionDetails']}"
        return r["result"].get("value")

    def press(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path, whole=True):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
