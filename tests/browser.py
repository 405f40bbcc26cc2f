"""A headless Chromium, driven by the WebDriver protocol (https://www.w3.org/TR/webdriver2/)."""

import base64
import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

# Whatever Chromium would fetch by itself stays off.
_WORDS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1100,760",
)  # fmt: skip
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB, ESCAPE, ENTER = "\ue004", "\ue00c", "\ue007"


class Browser:
    """One window."""

    def __init__(self, driver: httpx.Client, session: str):
        self._driver, self._session = driver, session

    def _call(self, method: str, path: str, **body):
        answer = self._driver.request(
            method, f"/session/{self._session}/{path}", json=body if method == "POST" else None
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def open(self, address: str) -> None:
        self._call("POST", "url", url=address)

    def run(self, script: str, *arguments):
        """What a script returns."""
        return self._call("POST", "execute/sync", script=script, args=list(arguments))

    def type(self, selector: str, keys: str) -> None:
        element = self._call("POST", "element", using="css selector", value=selector)[ELEMENT]
        self._call("POST", f"element/{element}/value", text=keys)

    def press(self, keys: str) -> None:
        """Each key once, to whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def look(self, *, width: int, height: int = 800, dark: bool = False) -> None:
        """The size of the window in CSS pixels, and which colours its reader prefers."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        for command, settings in (
            ("Emulation.setDeviceMetricsOverride", size),
            ("Emulation.setEmulatedMedia", {"features": scheme}),
        ):
            self._call("POST", "goog/cdp/execute", cmd=command, params=settings)

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def value(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0]).value", selector)

    def wait(self, what: Callable[[], object], *, seconds: float = 120):
        """What `what` gives as soon as it is true of it."""
        until = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(0.05)
        return found

    def screenshot(self, path: pathlib.Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "screenshot")))


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A new browser with an empty profile; skips the test where there is none."""
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if not (driver and browser):
        pytest.skip("needs Debian's chromium and chromium-driver")
    with tempfile.TemporaryDirectory() as profile:
        process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            port = next(
                found[1] for line in process.stdout if (found := re.search(r"successfully on port (\d+)", line))
            )
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
                options = {"binary": browser, "args": [*_WORDS, f"--user-data-dir={profile}"]}
                wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
                answer = client.post("/session", json=wanted)
                assert answer.status_code == 200, answer.text
                session = answer.json()["value"]["sessionId"]
                try:
                    yield Browser(client, session)
                finally:
                    client.delete(f"/session/{session}")
        finally:
            process.terminate()
            process.wait(30)
