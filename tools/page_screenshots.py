#!/usr/bin/env python3
"""Pictures of the page of `thimble serve` into docs/images/: wide and narrow, dark and light, with answers of a real model.

    THIMBLE_BIN=build/release/bin/thimble build/test-venv/bin/python tools/page_screenshots.py MODEL.gguf

Needs the packages of tests/requirements.txt and Debian's chromium. What the model says is the same for the same model (temperature 0).
"""
import argparse
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/web"))
from page_case import browser  # noqa: E402
from program_server import FIELDOPS, ProgramServer  # noqa: E402

MOST_BYTES = 120_000
WAIT = 180_000
WIDE = {"width": 1120, "height": 720}
SIZES = {"wide": WIDE, "narrow": {"width": 375, "height": 720}}
COLOURS = {"chat": ("light", "dark"), "ask": ("dark", "light"), "command": ("light", "dark"), "logs": ("dark", "light")}
CHAT = ["Name three parts of a centrifugal pump.", "Write a Python function that converts Celsius to Fahrenheit in one line."]
LOG_LINES = 200  # a summary that a picture has room for
QUESTION = "How often is the oil of the pump changed?"
COMMAND = "set the alarm limit of the pump's vibration to 7"


def chat(page):
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Longest answer, tokens").fill("200")
    page.get_by_role("button", name="Done").click()
    for number, text in enumerate(CHAT):
        page.fill("#chat-input", text)
        page.press("#chat-input", "Enter")
        page.locator(".message.assistant").nth(number).locator(".figures", has_text="tok/s").wait_for(timeout=WAIT)


def ask(page):
    page.fill("#ask-input", QUESTION)
    page.press("#ask-input", "Enter")
    page.locator("#view-ask .turn-answer[aria-busy=false]").wait_for(timeout=WAIT)


def command(page):
    page.fill("#command-input", COMMAND)
    page.press("#command-input", "Enter")
    page.get_by_role("meter", name="Confidence").wait_for(timeout=WAIT)


def logs(page):
    lines = (FIELDOPS / "logs/pump-cp40.log").read_bytes().splitlines(keepends=True)[:LOG_LINES]
    page.set_input_files("#log-file", {"name": "pump-cp40.log", "mimeType": "text/plain", "buffer": b"".join(lines)})
    page.locator(".events tbody tr").first.wait_for(timeout=WAIT)


VIEWS = {"chat": chat, "ask": ask, "command": command, "logs": logs}


def shoot(page, name, folder):
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(2, 2)
    path = folder / f"page-{name}.png"
    page.screenshot(path=path, animations="disabled")
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"error: {path} has {path.stat().st_size} bytes, at most {MOST_BYTES} are wanted")
    print(path, path.stat().st_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/images")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    examples = FIELDOPS / "tasks/commands.train.jsonl"
    server = ProgramServer(os.environ["THIMBLE_BIN"], arguments.model, "--examples", examples)
    server.start()
    try:
        page = browser().new_context(viewport=WIDE, color_scheme="light").new_page()
        for view, fill in VIEWS.items():
            page.goto(f"{server.address}#{view}")
            page.locator(f"#tab-{view}").click()
            fill(page)
            for (size, viewport), colours in zip(SIZES.items(), COLOURS[view]):
                page.set_viewport_size(viewport)
                page.emulate_media(color_scheme=colours)
                page.wait_for_timeout(200)
                shoot(page, f"{view}-{size}-{colours}", arguments.output)
            page.set_viewport_size(WIDE)
    finally:
        server.close()


if __name__ == "__main__":
    main()
