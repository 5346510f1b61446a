"""A hostile or odd file, and what may happen with it."""
import copy
from dataclasses import dataclass

from base_models import FAMILIES

REFUSE, MAY, RUN = "refuse", "may", "run"
# The verbs that look at something, each beside those that look less deep.
TEMPLATE_VERBS = ("chat",)
LOADING_VERBS = ("generate", "chat")
TOKENIZER_VERBS = ("generate", "chat", "tokenize")
BINDING_VERBS = ("plan", "generate", "chat")
ALL_VERBS = ("info", "plan", "tokenize", "generate", "chat")


@dataclass
class Case:
    category: str
    name: str
    content: object   # bytes, or a callable that makes something of another kind at a path
    expect: str       # REFUSE: by `verbs`; RUN: all verbs; MAY: either, by the same rules
    words: tuple = ()  # in the message of a refusal by `verbs`, in any case
    verbs: tuple = ALL_VERBS


class Category:
    """Collects the cases of one category, most of them a small model with one thing changed."""

    def __init__(self, name, verbs):
        self.name, self.verbs, self.cases = name, verbs, []
        self.models = {family: make() for family, make in FAMILIES.items()}

    def model(self, family="llama"):
        return copy.deepcopy(self.models[family])

    def add(self, name, content, expect=REFUSE, words=(), verbs=None):
        if hasattr(content, "build"):
            content = content.build()
        words = (words,) if isinstance(words, str) else tuple(words)
        self.cases.append(Case(self.name, name, content, expect, words, verbs or self.verbs))

    def change(self, name, change, expect=REFUSE, words=(), family="llama", verbs=None):
        file = self.model(family)
        change(file)
        self.add(name, file, expect, words, verbs)
