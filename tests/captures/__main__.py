"""Tell every capture again: `python -m tests.captures`."""

from tests.captures.kept import captures, golden, told

for capture in captures():
    golden(capture).write_text(told(capture)[0], encoding="utf-8")
    print(golden(capture).name)
