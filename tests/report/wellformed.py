"""wellformed.py FORMAT RUN FILE: reads a report as the systems it is for would.

RUN is the name of the made-up run the report tells of: full, healthy or
nothing. Ends with 0 when nothing is wrong; else says what is.
"""
import json
import sys


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
    check(truncated == (run != "healthy"), "TRUNCATED is wrong")


def json_lines(run, path):
    lines = [json.loads(line) for line in read_text(path).split("\n")[:-1]]
    check(lines[0]["type"] == "run" and lines[0]["schema"] == 1, "first line")
    check(lines[-1]["type"] == "summary", "last line")
    check(lines[-1]["truncated"] == (run != "healthy"), "truncated is wrong")
    kinds = [line["type"] for line in lines]
    if run == "full":
        check(kinds.count("message") == 3, "messages")
        check(kinds.count("finding") == 5, "findings")
        check(kinds.count("site") == 2, "sites")
        for line in lines:
            if line["type"] == "finding":
                check(("mode" in line) == ("injected_at" in line) == ("allocation" in line),
                      "a clean run's finding leaves out mode, allocation, injected_at")


READERS = {"text": text, "json": json_lines}

if __name__ == "__main__":
    FORMAT, RUN, PATH = sys.argv[1:]
    READERS[FORMAT](RUN, PATH)
