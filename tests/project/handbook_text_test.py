"""tools/handbook_text.py: what is text on a page, and that the split depends on names only."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import handbook_text  # noqa: E402

PAGE = """<html><head><title>no</title></head><body><div id="banner">no</div><ul class="docnav top"><li>no</li></ul>
<h1>1.2. <code>apt</code> &amp; friends</h1><p>First
   paragraph<br/>goes on.</p><pre>a   b
  c</pre><div>outer <div>inner</div> again</div></body></html>"""


class HandbookText(unittest.TestCase):
    def test_paragraphs_lose_markup_and_spaces_and_listings_keep_their_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            page.write_text(PAGE, encoding="utf-8")
            text = handbook_text.page_text(page)
        self.assertEqual(text, "1.2. apt & friends\n\nFirst paragraph\n\ngoes on.\n\na   b\n  c\n\nouter\n\ninner\n\nagain\n")

    def test_every_page_is_in_one_half_by_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "source", Path(folder) / "out"
            source.mkdir()
            names = [f"page{n}.html" for n in range(40)]
            for name in [*names, "index.html"]:
                (source / name).write_text(f"<p>{name}.</p>")
            handbook_text.write_texts(out, source)
            train = (out / "train.txt").read_text()
            held_out = (out / "held_out.txt").read_text()
        for name in names:
            self.assertEqual(f"{name}." in held_out, handbook_text.is_held_out(name))
            self.assertNotEqual(f"{name}." in held_out, f"{name}." in train)
        self.assertNotIn("index.html", train + held_out)
        self.assertTrue(train and held_out)


if __name__ == "__main__":
    unittest.main()
