"""Whether the words of an answer are in a text: the metric `contains` of docs/task-files.md."""
import re
import unicodedata


def normal(text):
    """The form in which answers are compared."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\s*degrees? (celsius|fahrenheit|c|f)\b", lambda match: " °" + match.group(1)[0], text)
    return " ".join(re.sub(r"(?<=\d)(?=[^\W\d_]|[°%])", " ", text).split())


def holds(text, words):
    """True where `words` stand in `text` with no letter or figure run on to either end."""
    wanted = re.escape(normal(words))
    return re.search(r"(?<![\w])(?<!\d[.,])%s(?![\w])(?![.,]\d)" % wanted, normal(text)) is not None
