"""The program check_grammar as the tests talk to it, one JSON object a line each way."""
import argparse
import json
import subprocess
import sys


class Tool:
    def __init__(self, tool, vocabulary):
        self.process = subprocess.Popen([tool, vocabulary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the tool died on {request}")
        return json.loads(line)


def start(description, *more):
    """The tool that the command line names, and the arguments; `more`: further options that it must have."""
    parser = argparse.ArgumentParser(description=description)
    for option in ("--tool", "--vocabulary", *more):
        parser.add_argument(option, required=True)
    parser.add_argument("-v", action="store_true", help="list what is refused and what is narrower")
    arguments = parser.parse_args()
    return Tool(arguments.tool, arguments.vocabulary), arguments
