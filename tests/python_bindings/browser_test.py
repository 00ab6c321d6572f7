"""Pages in headless Chromium: they load nothing, fit the window, and their charts are drawn where they can be seen."""

import json
import os
import re
import subprocess
import unittest

from support import Bytes, batches_of_bytes, scratch

import cleave

# Behind the page: what the browser has laid out, as JSON in an element of its own.
MEASURE = """<script>
window.addEventListener("load", () => {
  const box = element => { const b = element.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; };
  const charts = [...document.querySelectorAll("svg")].map(svg => ({
    box: box(svg),
    shapes: [...svg.querySelectorAll("rect, path, line, polyline, circle")].map(box),
    texts: [...svg.querySelectorAll("text")].map(text => ({text: text.textContent, box: box(text)})),
    classes: [...new Set([...svg.querySelectorAll("[class]")].map(e => e.getAttribute("class")))],
  }));
  const told = document.createElement("pre");
  told.id = "measured";
  told.textContent = JSON.stringify({
    charts, loaded: performance.getEntriesByType("resource").map(entry => entry.name),
    headings: [...document.querySelectorAll("h1, h2")].map(h => ({text: h.textContent, box: box(h)})),
    window: innerWidth, width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight});
  document.body.appendChild(told);
});
</script></body>"""


def measured(page):
    """What Chromium makes of a page, in a window of 1200 columns of pixels and without a network."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    assert text.count("</body>") == 1, page
    probe = page + ".probe.html"
    with open(probe, "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", MEASURE))
    # As root, and inside the tests' sandbox, Chromium's own sandbox can't start.
    told = subprocess.run(
        ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--window-size=1200,900", "--hide-scrollbars",
         "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={scratch()}", "--enable-logging=stderr",
         "--dump-dom", "file://" + os.path.abspath(probe)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True, timeout=120)
    assert "CONSOLE" not in told.stderr, told.stderr
    found = re.search(r'<pre id="measured">(.*?)</pre>', told.stdout, re.DOTALL)
    assert found, told.stdout[-2000:]
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


class BrowserTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        plan = cleave.compile(Bytes(), mesh=cleave.Mesh(data=2, model=2), batch=4, seq=8)
        pages = {name: os.path.join(cls.folder, name + ".html") for name in ("report", "plan")}
        with cleave.Trainer(plan, data=batches_of_bytes(), trace=True) as trainer:
            trainer.fit(12, progress=False, report=pages["report"])
        plan.visualize().save(pages["plan"])
        cls.seen = {name: measured(page) for name, page in pages.items()}

    def test_pages_load_nothing_and_fit_the_window(self):
        for name, seen in self.seen.items():
            self.assertEqual(seen["loaded"], [], name)
            self.assertLessEqual(seen["width"], seen["window"], name)
            self.assertGreater(seen["height"], 200, name)
            for heading in seen["headings"]:
                self.assertGreater(heading["box"][2] * heading["box"][3], 0, f"{name}: {heading['text']}")

    def test_charts_have_shapes_that_lie_inside_of_them(self):
        for name, seen in self.seen.items():
            self.assertTrue(seen["charts"], name)
            for number, chart in enumerate(seen["charts"]):
                left, top, width, height = chart["box"]
                self.assertGreater(min(width, height), 10, f"{name}: chart {number}")
                drawn = [box for box in chart["shapes"] if max(box[2], box[3]) > 0]
                self.assertTrue(drawn, f"{name}: chart {number} is empty")
                for box in drawn + [text["box"] for text in chart["texts"]]:
                    where = f"{name}: {box} in chart {number} of {chart['box']}"
                    self.assertGreaterEqual(box[0], left - 2, where)
                    self.assertGreaterEqual(box[1], top - 2, where)
                    self.assertLessEqual(box[0] + box[2], left + width + 2, where)
                    self.assertLessEqual(box[1] + box[3], top + height + 2, where)

    def test_a_report_draws_curves_memory_and_a_timeline(self):
        headings = [heading["text"] for heading in self.seen["report"]["headings"]]
        self.assertIn("Timeline of the last step", headings)
        charts = self.seen["report"]["charts"]
        self.assertGreaterEqual(len(charts), 4)
        wide = [chart for chart in charts if chart["box"][2] > 300]
        self.assertGreaterEqual(len(wide), 2)
        # The timeline has a box for each task of four devices.
        self.assertGreater(max(len(chart["shapes"]) for chart in charts), 100)


if __name__ == "__main__":
    unittest.main()
