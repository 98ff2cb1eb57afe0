"""Computes organization-keys.json from the text of ../organization-keys.md alone.

Nothing of the Rust code is used: HKDF is written with hmac and hashlib. Run:
python3 organization-keys.py > organization-keys.json
"""

import hashlib
import hmac
import json
import struct


def hkdf(key, info, length):
    """HKDF with an empty salt, for one block."""
    prk = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()[:length]


def sha(text):
    return hashlib.sha256(text.encode()).digest()


def case(number, version, reference, blob_length):
    org, key_id = sha(f"org {number}")[:16], sha(f"key {number}")[:8]
    seed = sha(f"portcullis organization-keys test vectors: seed {number}")
    info = b"portcullis/v1/org-key/wrapped\0" + struct.pack(">H", 16) + org + key_id
    key = hkdf(seed, info + struct.pack(">I", version), 32)
    check = hkdf(key, b"portcullis/v1/org-key/kcv\0", 8)
    blob = (sha(f"blob {number}") * 8)[:blob_length]
    wrapped = b"PCWK\x01" + struct.pack(">H", len(reference)) + reference.encode() + check
    wrapped += struct.pack(">H", len(blob)) + blob
    fields = [b"\x01", b"organization-key", org, b"", b"", b"", key_id.hex().encode(), struct.pack(">Q", version)]
    context = b"".join(bytes([i]) + struct.pack(">H", len(f)) + f for i, f in enumerate(fields, 1))
    return {
        "org": org.hex(),
        "key_id": key_id.hex(),
        "version": version,
        "seed": seed.hex(),
        "organization_key": key.hex(),
        "check_value": check.hex(),
        "associated_data": context.hex(),
        "reference": reference,
        "wrapped_bytes": blob.hex(),
        "wrapped_form": wrapped.hex(),
    }


print(
    json.dumps(
        {
            "format": "wrapped organization keys, format version 1 (../organization-keys.md)",
            "computed_by": "organization-keys.py beside this file, from the specification and without the Rust code",
            "cases": [
                case(1, 1, "local", 148),
                case(2, 7, "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/0a1b", 200),
                case(3, 2**32 - 1, "pkcs11:tenants/acme%20key", 61),
            ],
        },
        indent=2,
    )
)
