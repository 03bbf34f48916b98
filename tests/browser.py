"""A real Chromium, driven over its DevTools pipe; needs nothing but the browser."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

LOAD_SECONDS = 60.0


class Browser:
    """One page of a headless Chromium.

    Args:
        folder: its profile; made where missing.

    Attributes:
        problems: what the pages complained about: scripts that failed or were refused, requests
            refused.
        requests: every address asked for, pages too, in order.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        assert program, "chromium is not installed (Debian: apt-get install chromium)"
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._last = 0
        self._loads = 0
        self._unread = b""
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4.
        words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        # It calls nobody: no updates, no accounts, no measurements.
        words += ["--disable-background-networking", "--disable-component-update"]
        words += ["--disable-sync", "--disable-quic"]
        words += ["--disable-dev-shm-usage", f"--user-data-dir={folder}", "--remote-debugging-pipe"]
        # It is killed, not closed, and leaves its temporary files behind: they go with this
        # folder, whose name is short because a socket's path holds 107 bytes.
        self._temporary = tempfile.TemporaryDirectory(prefix="pliers-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *words],
            env=os.environ | {"TMPDIR": self._temporary.name},
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._temporary.cleanup()

    def open(self, address: str) -> None:
        """Go to an address and wait until the page has loaded."""
        self._and_load(lambda: self._call("Page.navigate", url=address))

    def do(self, script: str) -> None:
        """Run a script that leads to another page, and wait until that has loaded."""
        self._and_load(lambda: self.ask(script))

    def ask(self, script: str) -> Any:
        """Return what a script evaluates to."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size, in CSS pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Say which colours the person prefers: light or dark."""
        wish = {"name": "prefers-color-scheme", "value": scheme}
        self._call("Emulation.setEmulatedMedia", features=[wish])

    def _and_load(self, act: Callable[[], object]) -> None:
        before = self._loads
        act()
        deadline = time.monotonic() + LOAD_SECONDS
        while self._loads == before:
            assert time.monotonic() < deadline, "the page does not load"
            self._note(self._read())

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last:
            self._note(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            more = os.read(self._answers, 65_536)
            assert more, "the browser is gone"
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loads += 1
            case "Runtime.exceptionThrown":
                self.problems.append(str(parameters["exceptionDetails"].get("text")))
            case "Network.responseReceived" if parameters["response"]["status"] >= 400:
                response = parameters["response"]
                if not response["url"].endswith("/favicon.ico"):  # asked for by no page
                    self.problems.append(f"{response['status']} {response['url']}")
            case "Network.loadingFailed":
                self.problems.append(parameters["errorText"])
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Log.entryAdded" if parameters["entry"]["source"] == "security":
                self.problems.append(parameters["entry"]["text"])
