#!/usr/bin/env python3
"""Checks the structure of the source tree: who includes whom, who asks for families, how long files are.

1. A room (folder of src/) includes only itself and rooms above it in the order below; the public headers include no room.
2. Nothing outside src/model/arch asks which family a model is of: no comparison with an architecture's name.
3. A file of ours has at most HARD lines; those above SOFT are listed.
4. No two headers define a type of the same name in the same namespace: the linker would mix them up without a word.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOMS = ["base", "quant", "format", "fetch", "kernels", "text", "model", "engine", "measure", "compress", "tune", "knowledge",
         "speech", "assist", "app"]
SOFT, HARD = 300, 500
SUFFIXES = {".cpp", ".cc", ".h", ".hpp"}
GENERATED = re.compile(r"_tables?\.(h|cpp)$")  # data written by a script

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
ARCHITECTURE_NAME = re.compile(r'\.name\s*=\s*"([^"]+)"')


def source_files(root):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return [Path(name) for name in listed if Path(name).suffix in SUFFIXES and (root / name).is_file()]


def include_faults(path, lines):
    if path.parts[0] == "include":
        return [f"{path}:{number}: a public header includes \"{match[1]}\"" for number, line in enumerate(lines, 1)
                if (match := INCLUDE.match(line)) and not match[1].startswith("thimble/")]
    if path.parts[0] != "src":
        return []
    room = path.parts[1]
    if room not in ROOMS:
        return [f"{path}: '{room}' is no room of docs/architecture.md"]
    faults = []
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match[1].split("/")[0]
        if target == "thimble":
            continue  # the public headers, which their implementation includes
        if target not in ROOMS:
            faults.append(f"{path}:{number}: \"{match[1]}\" is not written as \"room/file.h\"")
        elif ROOMS.index(target) > ROOMS.index(room):
            faults.append(f"{path}:{number}: {room} includes {target}, which is below it")
    return faults


def architecture_names(root):
    names = set()
    for path in (root / "src/model/arch").glob("*.cpp"):
        names.update(ARCHITECTURE_NAME.findall(path.read_text()))
    return names


def family_faults(path, lines, names):
    # src/text knows tokenizers, one kind of which GGUF calls "llama".
    if path.parts[0] != "src" or path.parts[1] == "text" or path.parts[:3] == ("src", "model", "arch"):
        return []
    compared = re.compile(r'(==|!=)\s*"(%s)"|"(%s)"\s*(==|!=)' % (("|".join(map(re.escape, names)),) * 2))
    spec = re.compile(r"(==|!=)\s*&?k(%s)\b" % "|".join(name.capitalize() for name in names))
    return [f"{path}:{number}: asks for a family; say it in the family's ArchSpec" for number, line in enumerate(lines, 1)
            if compared.search(line) or spec.search(line)]


NAMESPACE = re.compile(r"^namespace (\w[\w:]*) \{")
TYPE = re.compile(r"^(?:struct|class|enum class) (\w+)\b[^;]*$")


def type_faults(path, lines, places):
    """Types at the left margin; `places` holds where each was defined before."""
    if path.parts[0] != "src" or path.suffix != ".h":
        return []
    faults, namespace = [], ""
    for number, line in enumerate(lines, 1):
        if match := NAMESPACE.match(line):
            namespace = match[1]
        elif match := TYPE.match(line):
            # A specialisation, or a template's, is told apart by what comes after.
            place = places.setdefault((namespace, line.split("{")[0].strip().removeprefix("struct ").removeprefix("class ")), path)
            if place != path:
                faults.append(f"{path}:{number}: {match[1]} is defined in {place} too")
    return faults


def main():
    root = Path(__file__).resolve().parent.parent
    names = architecture_names(root)
    if not names:
        sys.exit("check_includes: no architecture names found under src/model/arch")
    faults, long_files, places = [], [], {}
    for path in source_files(root):
        lines = (root / path).read_text(encoding="utf-8").splitlines()
        faults += include_faults(path, lines) + family_faults(path, lines, names)
        faults += type_faults(path, lines, places)
        if len(lines) > SOFT and not GENERATED.search(path.name):
            long_files.append((len(lines), path))
            if len(lines) > HARD:
                faults.append(f"{path}: {len(lines)} lines; {HARD} is the limit")
    for count, path in sorted(long_files, reverse=True):
        print(f"note: {path} has {count} lines (aim: {SOFT})")
    for fault in faults:
        print(fault)
    print(f"check_includes: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
