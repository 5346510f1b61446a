#!/usr/bin/env python3
"""Watch every system call of runs on files that ask for more than themselves: nothing but the model, the system's own files and
libraries is opened, nothing is written, nobody is called and nothing is started.

    python3 tests/hostile/sandbox.py --thimble BIN

Needs strace; says so and ends with 77, which ctest calls skipped, where there is none or it may not trace.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import base_models
import template_files
from gguf_file import STRING, Value, text

SKIPPED = 77
CALLS = "trace=open,openat,openat2,creat,%network,execve,execveat,fork,vfork,clone,clone3,unlink,rename,renameat,renameat2,mkdir,link,symlink"
SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/etc/ld.so.", "/usr/share/locale/", "/proc/", "/sys/", "/dev/null", "/etc/localtime",
          "/usr/share/zoneinfo/", "/etc/nsswitch.conf", "/dev/tty")
FILES = ("/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x", "\\\\host\\share", "|id", "$(id)",
         "`id`", "/dev/zero", "~/.ssh/id_rsa")


def attacks():
    for name, source in {**template_files.REFUSED, **template_files.SURVIVED}.items():
        if any(word in source for word in ("passwd", "os", "import", "include", "open", "__", "strftime")):
            file = base_models.llama()
            yield "template-" + name, file.set("tokenizer.chat_template", text(source))
    for i, name in enumerate(FILES):
        for tag in ("include", "import", "extends"):
            file = base_models.llama()
            yield f"{tag}-{i}", file.set("tokenizer.chat_template", text("{% " + tag + " '" + name + "' %}{{ messages[0].content }}"))
        file = base_models.llama()
        for key in ("general.name", "general.source.url", "general.repo_url", "general.base_model.0.repo_url", "general.license.link",
                    "tokenizer.ggml.model_file", "tokenizer.huggingface.json", "split.next", "general.file", "imatrix.file",
                    "quantize.imatrix.file", "adapter.lora.path"):
            file.set(key, text(name))
        yield f"metadata-{i}", file.set("general.tags", Value.array(STRING, [name]))
        file = base_models.llama()
        file.set("general.architecture", text(name))
        yield f"architecture-{i}", file


def outside(line, folder, thimble):
    """What a line of the trace asks for beyond the model; empty where that is nothing."""
    call = re.match(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)", line)
    if call is None or "= -1 ENOENT" in line and "/lib" in line:
        return ""
    name, rest = call.groups()
    if name == "execve":
        return "" if rest.startswith(f'"{thimble}"') else line
    if name in ("clone", "clone3"):
        return "" if "CLONE_THREAD" in rest else line
    if name not in ("open", "openat"):
        return line
    path = re.search(r'"((?:[^"\\]|\\.)*)"', rest)
    path = path.group(1) if path else ""
    is_model = path.startswith(folder + "/") and path.endswith(".gguf")
    reads_only = not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest) or path in ("/dev/null", "/dev/tty")
    return "" if reads_only and (is_model or path.startswith(SYSTEM)) else line


def trace(command, log):
    subprocess.run(["strace", "-f", "--seccomp-bpf", "-e", CALLS, "-e", "signal=none", "-o", log] + command, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
    if not os.path.exists(log):
        return []
    with open(log, encoding="utf-8", errors="replace") as lines:
        return lines.read().splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thimble", required=True)
    thimble = os.path.realpath(parser.parse_args().thimble)
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "trace")
        if shutil.which("strace") is None or not any("execve" in line for line in trace([thimble, "version"], log)):
            print("strace is not here, or may not trace")
            sys.exit(SKIPPED)
        faults = runs = opened = 0
        for name, file in attacks():
            path = os.path.join(folder, name + ".gguf")
            with open(path, "wb") as out:
                out.write(file.build())
            for verb in ("chat", "info") if name.startswith(("metadata", "architecture")) else ("chat",):
                command = [thimble, verb, "-m", path] + (["-p", "hello", "-n", "1"] if verb == "chat" else ["--verbose"])
                lines = trace(command, log)
                runs += 1
                opened += any(f'"{path}"' in line and "openat" in line for line in lines)
                for fault in filter(None, (outside(line, folder, thimble) for line in lines)):
                    faults += 1
                    print(f"FAULT {name} {verb}: {fault[:300]}")
    print(f"{runs} runs traced, the model opened in {opened}, {faults} calls beyond it")
    sys.exit(1 if faults or opened != runs else 0)


if __name__ == "__main__":
    main()
