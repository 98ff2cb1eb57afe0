"""What Python packages that know nothing of Portcullis say about a log.

    compare.py FOLDER SCHEMA

FOLDER holds `records.jsonl` (one record a line), `lines.jsonl` (an export), `roots.json` ([size, root] pairs) and
`proofs.json` ([index, size, path] triples), written by the test that runs this.
"""

import json
import pathlib
import sys

import jsonschema
import pymerkle
import rfc8785

folder = pathlib.Path(sys.argv[1])
records = (folder / "records.jsonl").read_bytes().splitlines()
lines = (folder / "lines.jsonl").read_bytes().splitlines()

# RFC 8785: parsed and written anew, every record and every line is what it was.
for line in records + lines:
    assert rfc8785.dumps(json.loads(line)) == line, line

# RFC 6962: the same roots, and the same inclusion and consistency paths.
tree = pymerkle.InmemoryTree(algorithm="sha256")
tree.append_entries(records)
roots = json.loads((folder / "roots.json").read_text())
for size, root in roots:
    assert tree.get_root(size).hex() == root, size
proofs = json.loads((folder / "proofs.json").read_text())
for index, size, path in proofs["inclusion"]:
    leaf, root = tree.get_leaf(index + 1), tree.get_root(size)
    proof = tree.prove_inclusion(index + 1, size)
    proof.path = [leaf] + [bytes.fromhex(digest) for digest in path]
    proof.verify(leaf, root, index=index + 1, size=size)
    proof.path[-1] = bytes(32)
    try:
        proof.verify(leaf, root)
    except pymerkle.InvalidProof:
        continue
    raise AssertionError("a changed path was accepted")

# The published schema takes every record, and not what it should not take.
validator = jsonschema.Draft202012Validator(json.loads(pathlib.Path(sys.argv[2]).read_text()))
validator.check_schema(validator.schema)
by_action = {}
for line in records:
    record = json.loads(line)
    by_action.setdefault(record["action"], record)
    validator.validate(record)
changes = 0
for record in by_action.values():
    for change in (
        {**record, "password": "x"},
        {**record, "v": 2},
        {**record, "at": record["at"].replace("Z", "")},
        {**record, "outcome": "denied"},
        {**record, "seq": -1},
        {**record, "seq": 2**53},
        {**record, "prev": "00"},
        {**record, "action": "key.forgotten"},
        {**record, "actor": {"kind": "key"}},
        {**record, "actor": {"kind": "user", "id": "ada"}},
        {**record, "target": {"kind": "key", "id": "sk-proj-0123456789"}},
        {**record, "commitments": {"email": "00" * 32}},
        {**record, "details": {"secret": "x"}},
        {key: value for key, value in record.items() if key != "log"},
        {**{key: value for key, value in record.items() if key != "details"}}
        if "details" in record
        else {**record, "details": {}},
    ):
        assert not validator.is_valid(change), change
        changes += 1

print(f"{len(records)} records, {len(lines)} lines, {len(roots)} roots, "
      f"{len(proofs['inclusion'])} proofs, {len(by_action)} actions, {changes} changes")
