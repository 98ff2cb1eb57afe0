"""Computes sealed-record.json from the text of ../sealed-record.md alone.

Nothing of the Rust code is used: HKDF is written with hmac and hashlib, AES-256-GCM-SIV is OpenSSL's
by way of the package `cryptography` (42 or later). Run: python3 sealed-record.py > sealed-record.json
"""

import base64
import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV


def label(name):
    return b"portcullis/v1/" + name.encode() + b"\0"


def extract(salt, key):
    return hmac.new(salt or bytes(32), key, hashlib.sha256).digest()


def expand(prk, info, length):
    """HKDF-Expand for one block, which is all that the format needs."""
    assert length <= 32
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()[:length]


def u16(n):
    return struct.pack(">H", n)


def u32(n):
    return struct.pack(">I", n)


def u64(n):
    return struct.pack(">Q", n)


def sha(text):
    return hashlib.sha256(text.encode()).digest()


PURPOSES = {1: "provider-credential", 2: "organization-key", 4: "instance-secret", 5: "log-key"}
TYPES = {"credential": 1, "wrapped_org_key": 2, "instance_secret": 4, "log_key": 5}
MASTERS = {v: sha(f"portcullis sealed-record v1 test vectors: master key {v}") for v in (1, 2)}


def context(record_type, org, project, environment, provider, name, generation):
    fields = [
        b"\x01",
        PURPOSES[record_type].encode(),
        org,
        project,
        environment.encode(),
        provider.encode(),
        name.encode(),
        u64(generation),
    ]
    return b"".join(bytes([i]) + u16(len(f)) + f for i, f in enumerate(fields, 1))


def check_value(master):
    return expand(extract(b"", master), label("kcv"), 8)


def instance_key(version):
    master = MASTERS[version]
    secret = expand(extract(b"", master), label("instance-key") + u32(version), 32)
    return check_value(master), version, secret


def org_key(org, salt, key_id, version, master_version):
    info = label("org-key/derived") + u16(16) + org + key_id + u32(version) + u32(master_version)
    return key_id, version, expand(extract(salt, MASTERS[master_version]), info, 32)


def seal(key, record_type, ctx, plaintext, salt, nonce):
    key_id, version, secret = key
    prefix = b"PCSR" + bytes([1, 1, record_type, 0]) + key_id + u32(version) + salt + nonce
    assert len(prefix) == 64
    h = hashlib.sha256(label("ctx") + prefix + u32(len(ctx)) + ctx).digest()
    prk = extract(salt, secret)
    encryption = expand(prk, label("record/enc") + h, 32)
    commitment = expand(prk, label("record/commit") + h, 32)
    header = prefix + commitment + u32(len(plaintext))
    assert len(header) == 100
    body = AESGCMSIV(encryption).encrypt(nonce, plaintext, header + ctx)
    return h, encryption, commitment, header + body


ORG_A, ORG_B, PROJECT = (sha(text)[:16] for text in ("org a", "org b", "project"))
KEY_A, KEY_B = (sha(text)[:8] for text in ("key a", "key b"))
SALTS = {ORG_A: sha("salt a"), ORG_B: sha("salt b")}
NIL = bytes(16)

# Description, type, sealing key (an organization's row, or a master version), context, plaintext.
CASES = [
    (
        "a credential of a project",
        "credential",
        (ORG_A, KEY_A, 1, 1),
        (ORG_A, PROJECT, "live", "openai", "main", 1),
        b"sk-test-0123456789abcdefghijklmnopqrstuvwxyz",
    ),
    (
        "a credential of a whole organization and all environments, one byte",
        "credential",
        (ORG_A, KEY_A, 2, 2),
        (ORG_A, b"", "", "azure-openai", "Ersatzschl\u00fcssel", 2**64 - 1),
        b"x",
    ),
    (
        "another organization, a long name, the highest key version, binary plaintext",
        "credential",
        (ORG_B, KEY_B, 2**32 - 1, 1),
        (ORG_B, PROJECT, "test", "anthropic", "n" * 300, 7),
        bytes(i % 256 for i in range(300)),
    ),
    (
        "an organization key that a key service wrapped",
        "wrapped_org_key",
        1,
        (ORG_B, b"", "", "", KEY_B.hex(), 1),
        sha("wrapped"),
    ),
    ("a secret of the instance", "instance_secret", 1, (NIL, b"", "", "", "pepper", 1), sha("pepper")),
    ("a log key", "log_key", 2, (NIL, b"", "", "", "gateway.example/log", 3), sha("log")),
    (
        "the largest record",
        "instance_secret",
        2,
        (NIL, b"", "", "", "large", 0),
        bytes(i % 251 for i in range(65536)),
    ),
]


def vector(number, description, type_name, key_source, row, plaintext):
    if isinstance(key_source, int):
        key = instance_key(key_source)
        source = {"from": "instance", "master_version": key_source}
    else:
        org, key_id, version, master_version = key_source
        key = org_key(org, SALTS[org], key_id, version, master_version)
        source = {
            "from": "organization",
            "org": org.hex(),
            "salt": SALTS[org].hex(),
            "key_id": key_id.hex(),
            "version": version,
            "master_version": master_version,
        }
    record_type = TYPES[type_name]
    salt, nonce = sha(f"record salt {number}"), sha(f"nonce {number}")[:12]
    ctx = context(record_type, *row)
    h, encryption, commitment, record = seal(key, record_type, ctx, plaintext, salt, nonce)
    org, project, environment, provider, name, generation = row
    out = {
        "description": description,
        "type": type_name,
        "key": source,
        "sealing_key": {"id": key[0].hex(), "version": key[1], "secret": key[2].hex()},
        "context": {
            "org": org.hex(),
            "project": project.hex() or None,
            "environment": environment,
            "provider": provider,
            "name": name,
            "generation": str(generation),
        },
        "context_bytes": ctx.hex(),
        "salt": salt.hex(),
        "nonce": nonce.hex(),
        "context_hash": h.hex(),
        "encryption_key": encryption.hex(),
        "commitment": commitment.hex(),
    }
    if len(plaintext) > 1000:
        out["plaintext_pattern"] = {"byte_at_i": "i mod 251", "bytes": len(plaintext)}
        out["record_sha256"] = hashlib.sha256(record).hexdigest()
    else:
        encoded = base64.urlsafe_b64encode(record).rstrip(b"=").decode()
        out["plaintext"] = plaintext.hex()
        out["record"] = record.hex()
        out["text"] = f"pcs1:{key[1]}:{encoded}"
    return out


print(
    json.dumps(
        {
            "format": "sealed record, format version 1 (../sealed-record.md)",
            "computed_by": "sealed-record.py beside this file, from the specification and without the "
            "Rust code: HKDF-SHA256 by Python's hmac and hashlib, AES-256-GCM-SIV by OpenSSL through "
            "the package cryptography. Binary values are hexadecimal; a generation is a decimal "
            "string, for readers whose numbers are doubles.",
            "warning": "These keys are published: MasterKey::parse refuses them.",
            "master_keys": [
                {
                    "version": version,
                    "key": base64.b64encode(master).decode(),
                    "check_value": check_value(master).hex(),
                }
                for version, master in MASTERS.items()
            ],
            "records": [vector(number, *case) for number, case in enumerate(CASES)],
        },
        indent=2,
    )
)
