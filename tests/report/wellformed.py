"""wellformed.py FORMAT RUN FILE: reads a report as the systems it is for would.

RUN is the name of the made-up run the report tells of: full, healthy, nothing
or replay. Ends with 0 when nothing is wrong; else says what is.
"""
import html.parser
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

TRUNCATED = ("full", "nothing")
FINDINGS = {"full": 6, "healthy": 0, "nothing": 0, "replay": 1}


def check(fact, sentence):
    if not fact:
        sys.exit("wellformed.py: " + sentence)


def read_text(path):
    """As UTF-8 without control characters."""
    text = open(path, "rb").read().decode("utf-8")
    for c in text:
        check(c == "\n" or ord(c) >= 0x20 and ord(c) != 0x7F, "control character %r" % c)
    return text


def text(run, path):
    lines = read_text(path).split("\n")
    truncated = any(line.startswith("TRUNCATED") for line in lines)
    check(truncated == (run in TRUNCATED), "TRUNCATED is wrong")


def json_lines(run, path):
    lines = [json.loads(line) for line in read_text(path).split("\n")[:-1]]
    check(lines[0]["type"] == "run" and lines[0]["schema"] == 1, "first line")
    check(lines[-1]["type"] == "summary", "last line")
    check(lines[-1]["truncated"] == (run in TRUNCATED), "truncated is wrong")
    kinds = [line["type"] for line in lines]
    if run == "full":
        check(kinds.count("message") == 3, "messages")
        check(kinds.count("finding") == 6, "findings")
        check(kinds.count("site") == 2, "sites")
        for line in lines:
            if line["type"] == "finding":
                check(("mode" in line) == ("injected_at" in line) == ("allocation" in line),
                      "a clean run's finding leaves out mode, allocation, injected_at")


def junit(run, path):
    read_text(path)
    root = xml.etree.ElementTree.parse(path).getroot()
    cases = list(root.iter("testcase"))
    check(root.tag == "testsuites", "root")
    for node in [root] + list(root.iter("testsuite")):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"),
                          ("skipped", "skipped")):
            check(int(node.get(name)) == len(list(node.iter(tag))), name + " is wrong")
    check(len({(c.get("classname"), c.get("name")) for c in cases}) == len(cases), "names repeat")
    check(len(root.findall(".//error")) == (run in TRUNCATED), "an incomplete run is an error")
    if run == "full":
        text = "".join(node.text for node in root.iter("failure"))
        check(len(list(root.iter("failure"))) == 4, "failing cases")
        check(text.count("replay: sipmemtest") == 5, "replay commands")
        check("z9hG4bK\\xFF\\r\\n" in text and "</td><script>" in text, "the difference")


def tap(run, path):
    lines = read_text(path).split("\n")
    points = [line for line in lines if re.match("(not )?ok ", line)]
    check(lines[0] == "TAP version 13", "version")
    check("1..%d" % len(points) in lines, "plan")
    inside = False
    for line in lines[1:-1]:
        if line == "  ---":
            check(not inside, "YAML within YAML")
            inside = True
        elif line == "  ...":
            inside = False
        elif inside:
            check(re.match("  ", line) or not line, "YAML is not indented: " + line)
        else:
            check(re.match(r"(not )?ok \d+ - [^#]+( # SKIP .*)?$|#|1\.\.\d+$", line), line)
    check([int(re.search(r"\d+", p).group()) for p in points] == list(range(1, len(points) + 1)),
          "numbers")
    failed = [p for p in points if p.startswith("not ok")]
    check(len(failed) == {"full": 5, "healthy": 0, "nothing": 1, "replay": 0}[run], "failed points")
    if shutil.which("prove"):
        said = subprocess.run(["prove", "-v", "-e", "cat", path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout.decode("utf-8", "replace")
        check("Parse errors" not in said and "Files=1, Tests=%d," % len(points) in said, said)
    try:
        import yaml
    except ImportError:
        return
    for block in re.findall(r"^  ---\n(.*?)^  \.\.\.$", "\n".join(lines), re.M | re.S):
        check("replay: sipmemtest" in yaml.safe_load(block)["details"], "details")


def github(run, path):
    lines = read_text(path).split("\n")[:-1]
    for line in lines:
        check(re.match(r"::(error file=[^,:]+,title=[^,:]+|warning title=[^,:]+|notice title=[^,:]+)"
                       r"::[^\r\n]+$", line), line)
        check(re.sub("%(0A|0D|25|3A|2C)", "", line).count("%") == 0, "a bare percent sign")
    check(sum(line.startswith("::error") for line in lines) == (5 if run == "full" else 0),
          "an error for each new finding")
    check(any("TRUNCATED" in line for line in lines) == (run in TRUNCATED), "TRUNCATED is wrong")


def sarif(run, path):
    log = json.loads(read_text(path))
    only = log["runs"][0]
    rules = only["tool"]["driver"]["rules"]
    check(log["version"] == "2.1.0" and len(log["runs"]) == 1, "version")
    check(only["invocations"][0]["executionSuccessful"] == (run not in TRUNCATED), "success")
    check(len(only["results"]) == FINDINGS[run], "results")
    for result in only["results"]:
        check(rules[result["ruleIndex"]]["id"] == result["ruleId"], "rule index")
        check("sipmemtest/v1" in result["partialFingerprints"], "fingerprint")
        check("--replay" in result["properties"]["replay"], "replay command")
        check(("suppressions" in result) == (result["baselineState"] == "unchanged"), "known")
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        check(re.match("[A-Za-z0-9._~/%-]+$", uri), uri)


class Page(html.parser.HTMLParser):
    """Elements must nest, and nothing may be asked of the network."""

    def __init__(self):
        super().__init__()
        self.open, self.count, self.words = [], {}, []

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        names = [name for name, _ in attributes]
        check(len(set(names)) == len(names), "an attribute twice in " + tag)
        for name, value in attributes:
            check(not name.startswith("on") and name not in ("src", "href", "srcdoc"), name)
            check(re.match("[a-z-]+$", name), "attribute " + name)
            if name == "class":
                self.count["." + value] = self.count.get("." + value, 0) + 1
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        check(self.open and self.open.pop() == tag, "</%s> at %s" % (tag, self.getpos()))

    def handle_data(self, data):
        self.words.append(data)


def page(run, path):
    text = read_text(path)
    reader = Page()
    reader.feed(text)
    reader.close()
    words = "".join(reader.words)
    check(not reader.open, "left open: %s" % reader.open)
    check(reader.count["script"] == 1 and reader.count["style"] == 1, "scripts or styles")
    check(not re.search(r"url\(|@import|https?:", text), "a request")
    check(("TRUNCATED" in words) == (run in TRUNCATED), "TRUNCATED is wrong")
    check(reader.count.get(".finding", 0) == FINDINGS[run], "findings")
    if run == "full":
        check("</td><script>alert(1)</script>" in words, "the difference")
        check(reader.count["mark"] == 1, "the bad byte")
        check(words.count("sipmemtest --replay") == 5, "replay commands")


READERS = {"text": text, "json": json_lines, "junit": junit, "tap": tap, "sarif": sarif,
           "html": page, "github": github}

if __name__ == "__main__":
    FORMAT, RUN, PATH = sys.argv[1:]
    READERS[FORMAT](RUN, PATH)
