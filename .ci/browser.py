"""The page one can move, tried in a headless Chromium: `python .ci/browser.py [PAGE]`; silence is a pass.

    python .ci/browser.py                     nbs/explorer.html
    python .ci/browser.py mine.html           a page of your own
    python .ci/browser.py --picture out.png   also take a picture; with --dark, --phone

It speaks to the browser through two pipes (the DevTools protocol), so it needs nothing but the browser. Where there is
none, it says so and ends with 0.
"""

import argparse
import base64
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "nbs/explorer.html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PAGE_LIMIT = 3_000_000  # bytes
CONTRAST = 4.5
SECONDS = 60  # for any answer, on a busy machine
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
KEYS = {
    "Tab": 9,
    "Enter": 13,
    " ": 32,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowRight": 39,
}

# What the page shows, in the words of its data.
SHOWN = """(() => {
  const text = id => document.getElementById(id).textContent;
  const labels = [...document.querySelectorAll("#views .thumb")].map(e => e.ariaLabel);
  const chosen = name => document.querySelector(`input[name=${name}]:checked`).ariaLabel;
  const values = [...document.querySelectorAll(".values b")].map(e => e.textContent);
  const means = [...document.querySelectorAll("#means b")].map(e => e.textContent);
  return {pairs: text("pairs"), status: text("status"), labels, values, means,
    context: chosen("context"), query: chosen("query"),
    focus: document.activeElement.id || document.activeElement.name || document.activeElement.tagName,
    spoken: document.getElementById("stop").getAttribute("aria-valuetext")};
})()"""

# Texts whose contrast with what lies behind them is too low. Colours are read back from a canvas, which knows all names.
FAINT = """(least => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const read = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const bright = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(
      v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = read(getComputedStyle(e).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(e);
    if (!own || style.visibility === "hidden" || !e.getClientRects().length) continue;
    const drawn = e.namespaceURI.endsWith("svg");
    const [a, b] = [bright(read(drawn ? style.fill : style.color)), bright(behind(e))];
    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (contrast < least) found.push(`"${e.textContent.trim().slice(0, 30)}" ${contrast.toFixed(2)}`);
  }
  return found;
})"""


def find_browser() -> "str | None":
    "The command of a browser of the Chromium family."
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    "A headless browser with one page."

    def __init__(self, command: str):
        self.command, self.number, self.events, self.waiting = command, 0, [], b""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs, to_it = os.pipe()
        from_it, mine = os.pipe()
        theirs, mine = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs, mine))

        def connect():  # the browser reads from 3 and writes to 4
            os.dup2(theirs, 3)
            os.dup2(mine, 4)

        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-pipe",
            f"--user-data-dir={self.folder.name}",
        ]
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [self.command, *arguments], preexec_fn=connect, close_fds=False, **quiet
        )
        os.close(theirs)
        os.close(mine)
        self.to_it, self.from_it = to_it, from_it
        os.set_blocking(from_it, False)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.session = session
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            self.ask(f"{domain}.enable")
        return self

    session = None

    def __exit__(self, *_):
        try:
            self.session = None
            self.ask("Browser.close")
            self.process.wait(20)
        except Exception:
            self.process.kill()
            self.process.wait()
        os.close(self.to_it)
        os.close(self.from_it)
        self.folder.cleanup()

    def message(self) -> dict:
        "The next thing that the browser says."
        end = time.monotonic() + SECONDS
        while b"\0" not in self.waiting:
            try:
                part = os.read(self.from_it, 1 << 20)
            except BlockingIOError:
                part = None
                time.sleep(0.02)
            if part == b"" or self.process.poll() is not None and not part:
                raise RuntimeError(f"{self.command} ended before it answered")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.command} did not answer within {SECONDS} s")
            self.waiting += part or b""
        one, _, self.waiting = self.waiting.partition(b"\0")
        return json.loads(one)

    def ask(self, method: str, **params) -> dict:
        "Send a command and wait for its result; events that come before it are kept."
        self.number += 1
        sent = dict(id=self.number, method=method, params=params)
        if self.session:
            sent["sessionId"] = self.session
        os.write(self.to_it, json.dumps(sent).encode() + b"\0")
        while True:
            got = self.message()
            if got.get("id") == self.number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']['message']}")
                return got["result"]
            self.events.append(got)

    def open(self, page: Path):
        "Open a file and wait until it is loaded."
        self.events.clear()
        self.ask("Page.navigate", url=page.resolve().as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.message())

    def value(self, expression: str):
        "What a JavaScript expression is."
        got = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"]["exception"].get("description", got))
        return got["result"].get("value")

    def press(self, key: str):
        "A key, as a hand would press it."
        code = dict(key=key, code={" ": "Space"}.get(key, key), windowsVirtualKeyCode=KEYS[key])
        text = {" ": " ", "Enter": "\r"}.get(key)
        down = dict(type="keyDown", text=text) if text else dict(type="rawKeyDown")
        self.ask("Input.dispatchKeyEvent", **down, **code)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **code)

    def look(self, dark: bool, size: str):
        "Set the reader's colours and the size of the window."
        scheme = dict(name="prefers-color-scheme", value="dark" if dark else "light")
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        width, height = SIZES[size]
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size == "phone",
        )

    def picture(self, path: Path):
        "The whole page as a PNG."
        got = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(got["data"]))


def expected(data: dict, context: int, stop: int, query: int) -> dict:
    "What the page has to show, worked out from its data and not by its script."
    asked, name = data["queries"][query], data["contexts"][context]["name"]
    units = [(f["label"], f["unit"]) for f in data["factors"]]
    labels = [f"the view that is asked about: {asked['name']}"]
    for place in asked["near"][name][stop]:
        _, kind, gaps = asked["seen"][place]
        far = ", ".join(f"{label} {gap}{unit}" for (label, unit), gap in zip(units, gaps))
        labels.append(f"{kind}, away by {far}")
    values = []
    for chart in data["charts"]:
        for line in chart["lines"]:
            there = [p for p in line["points"].get(name, []) if p[0] <= stop]
            values.append(f"{there[-1][1]:.2f}" if there else "not measured")
    pairs = data["stops"][stop]
    said = "1 pair" if pairs == 1 else f"{pairs} pairs"
    chosen = dict(context=data["contexts"][context]["label"], query=asked["name"])
    return dict(pairs=said, spoken=said, labels=labels, values=values, **chosen)


def differs(browser: Browser, data: dict, where: tuple, after: str):
    "Where the page does not show what it has to."
    shown, wanted = browser.value(SHOWN), expected(data, *where)
    shown["values"] = [re.split(r" ±|, at", v)[0] for v in shown["values"]]
    for key, value in wanted.items():
        if shown[key] != value:
            yield f"after {after} its {key} are {shown[key]!r}, not {value!r}"
    if data["queries"][where[2]]["name"] not in shown["status"]:
        yield f"after {after} the line that is read aloud says {shown['status']!r}"


def by_keys(browser: Browser, data: dict):
    "Problems of a reader who has a keyboard only."
    start = data["stops"].index(7) if 7 in data["stops"] else 0
    last = len(data["stops"]) - 1
    yield from differs(browser, data, (0, start, 0), "opening")
    browser.press("Tab")
    yield from focused(browser, "context")
    browser.press("ArrowRight")
    yield from differs(browser, data, (1, start, 0), "an arrow on the switch")
    browser.press("ArrowRight")
    yield from differs(browser, data, (2, start, 0), "two arrows on the switch")
    browser.press("ArrowLeft")
    browser.press("Tab")
    yield from focused(browser, "stop")
    browser.press("ArrowRight")
    yield from differs(browser, data, (1, start + 1, 0), "an arrow on the slider")
    browser.press("End")
    yield from differs(browser, data, (1, last, 0), "End on the slider")
    browser.press("Home")
    yield from differs(browser, data, (1, 0, 0), "Home on the slider")
    browser.press("Tab")
    yield from focused(browser, "play")
    browser.press(" ")
    end = time.monotonic() + SECONDS
    while browser.value(SHOWN)["pairs"] == "0 pairs" and time.monotonic() < end:
        time.sleep(0.1)
    browser.press(" ")  # pause
    moved = browser.value(SHOWN)["pairs"]
    time.sleep(1)
    if moved == "0 pairs" or browser.value(SHOWN)["pairs"] != moved:
        yield f"Play and Pause: it stands at {moved} and at {browser.value(SHOWN)['pairs']}"
    stop = browser.value('+document.getElementById("stop").value')
    browser.press("Tab")
    yield from focused(browser, "query")
    browser.press("ArrowRight")
    yield from differs(browser, data, (1, stop, 1), "an arrow on the images")


def focused(browser: Browser, wanted: str):
    "Whether Tab has led to the right control."
    if (focus := browser.value(SHOWN)["focus"]) != wanted:
        yield f"Tab leads to {focus}, not to {wanted}"


def nameless(browser: Browser):
    "Controls and images that a screen reader could not name."
    for node in browser.ask("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if role in ("slider", "radio", "button", "image", "img", "group", "radiogroup"):
            if not node.get("ignored") and not node.get("name", {}).get("value"):
                yield f"a {role} has no name"


def judge(page: Path, command: str, picture: "Path | None" = None, dark=False, phone=False):
    "One sentence for everything that is wrong with a page."
    text = page.read_text(encoding="utf-8")
    if len(text.encode()) > PAGE_LIMIT:
        yield f"it has {len(text.encode()):,} bytes, more than {PAGE_LIMIT:,}"
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    with Browser(command) as browser:
        browser.look(False, "desk")
        browser.open(page)
        yield from by_keys(browser, data)
        yield from nameless(browser)
        for name in SIZES:
            for night in (False, True):
                browser.look(night, name)
                where = f"{name}, {'dark' if night else 'light'}"
                for faint in browser.value(f"{FAINT}({CONTRAST})"):
                    yield f"{where}: the contrast of {faint} is under {CONTRAST}"
                wide = browser.value("document.documentElement.scrollWidth")
                if wide > SIZES[name][0]:
                    yield f"{where}: it is {wide} pixels wide"
        for event in browser.events:
            yield from faults_of(event, page)
        if picture:
            browser.look(dark, "phone" if phone else "desk")
            browser.picture(picture)


def faults_of(event: dict, page: Path):
    "Requests and errors."
    method, told = event.get("method"), event.get("params", {})
    if method == "Network.requestWillBeSent":
        url = told["request"]["url"]
        if url != page.resolve().as_uri() and not url.startswith("data:"):
            yield f"it asks for {url[:100]}"
    elif method == "Runtime.exceptionThrown":
        yield f"error: {told['exceptionDetails'].get('exception', {}).get('description')}"
    elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
        yield f"error: {told['entry']['text']}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", nargs="?", type=Path, default=PAGE)
    parser.add_argument("--picture", type=Path, help="write a picture of the page here")
    parser.add_argument("--dark", action="store_true", help="a picture in dark colours")
    parser.add_argument("--phone", action="store_true", help="a picture as on a phone")
    args = parser.parse_args()
    if not (command := find_browser()):
        return print(f"skipped: there is none of {', '.join(NAMES)} here")
    problems = list(judge(args.page, command, args.picture, args.dark, args.phone))
    print("\n".join(problems), end="\n" * bool(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
