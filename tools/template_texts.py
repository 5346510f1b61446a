"""Published chat templates, taken out of two Python packages that carry them, each text once.

llama-cpp-python's source package has llama.cpp's models/templates/*.jinja, and, as C string literals of one of its tests,
templates of older models; trl's wheel has chat_templates/*.jinja, whose *_training variants mark what the assistant says.
"""
import ast
import re
import tarfile
import zipfile

FOLDER = "/llama.cpp/models/templates/"
TEST = "/llama.cpp/tests/test-chat-template.cpp"
LITERAL = re.compile(r'/\* \.name= \*/ "((?:[^"\\]|\\.)*)",\s*(?://[^\n]*\n\s*)*/\* \.template_str= \*/ "((?:[^"\\]|\\.)*)"')


def slug(name):
    return re.sub(r"[^A-Za-z0-9.]+", "-", re.split(r"\(NOTE|; modified", name)[0]).strip("-")


def from_source_package(path):
    """(name, text) of the templates in llama-cpp-python's source package."""
    with tarfile.open(path) as archive:
        for member in archive:
            if FOLDER in member.name and member.name.endswith(".jinja"):
                yield member.name.rpartition("/")[2].removesuffix(".jinja"), archive.extractfile(member).read().decode()
            elif member.name.endswith(TEST):
                for name, literal in LITERAL.findall(archive.extractfile(member).read().decode()):
                    yield "older-" + slug(name), ast.literal_eval(f'"{literal}"')


def from_wheel(path):
    """(name, text) of the templates in trl's wheel."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if "/chat_templates/" in member and member.endswith(".jinja"):
                yield "trl-" + member.rpartition("/")[2].removesuffix(".jinja"), archive.read(member).decode()


def write_all(sources, folder):
    """Writes <name>.jinja for each text that an earlier name does not have already; returns how many."""
    texts = {}
    for name, text in sorted(sources, key=lambda source: (source[0].startswith(("trl-", "older-")), source[0])):
        if text not in texts.values():
            texts[name] = text
    for name, text in texts.items():
        (folder / f"{name}.jinja").write_bytes(text.encode())
    return len(texts)
