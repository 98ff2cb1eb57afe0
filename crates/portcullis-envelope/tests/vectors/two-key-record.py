"""Makes two-key-record.json: one sealed record whose ciphertext opens for two organizations.

The attacker knows both sealing keys, as a tenant does who brings its own. Two free blocks of
ciphertext give two linear equations over GF(2^128), one for each key's POLYVAL (RFC 8452). The record
commits to organization alpha; nothing but that commitment keeps bravo from opening it.
Needs the package `cryptography` (42 or later). Run: python3 two-key-record.py > two-key-record.json
"""

import hashlib
import hmac
import itertools
import json

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

POLYNOMIAL = (1 << 128) | (1 << 127) | (1 << 126) | (1 << 121) | 1


def multiply(a, b):
    out = 0
    while b:
        if b & 1:
            out ^= a
        a <<= 1
        if a >> 128:
            a ^= POLYNOMIAL
        b >>= 1
    return out


def power(a, n):
    out = 1
    while n:
        if n & 1:
            out = multiply(out, a)
        a = multiply(a, a)
        n >>= 1
    return out


def inverse(a):
    return power(a, 2**128 - 2)


X_TO_MINUS_128 = inverse(power(2, 128))


def number(block):
    return int.from_bytes(block, "little")


def aes(key):
    return Cipher(algorithms.AES(key), modes.ECB())


def subkeys(key, nonce):
    halves = [
        aes(key).encryptor().update(i.to_bytes(4, "little") + nonce)[:8] for i in range(6)
    ]
    return b"".join(halves[:2]), b"".join(halves[2:])


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def derive(secret, prefix, context):
    """Encryption key and commitment, as spec/sealed-record.md has them."""
    length = len(context).to_bytes(4, "big")
    h = hashlib.sha256(b"portcullis/v1/ctx\0" + prefix + length + context).digest()
    prk = hmac_sha256(prefix[20:52], secret)
    return (
        hmac_sha256(prk, b"portcullis/v1/record/enc\0" + h + b"\x01"),
        hmac_sha256(prk, b"portcullis/v1/record/commit\0" + h + b"\x01"),
    )


def context(org):
    fields = [b"\x01", b"provider-credential", org, b"", b"", b"openai", b"main", bytes(7) + b"\x01"]
    return b"".join(
        bytes([tag]) + len(value).to_bytes(2, "big") + value for tag, value in enumerate(fields, 1)
    )


def equation(key, nonce, associated_data, tag):
    """The two factors and the sum that C1 and C2 must fulfil, or None if the tag cannot be met."""
    authentication, encryption = subkeys(key, nonce)
    sum_block = aes(encryption).decryptor().update(tag)
    if sum_block[15] & 0x80:
        return None
    wanted = number(sum_block) ^ number(nonce)
    counter = tag[:15] + bytes([tag[15] | 0x80])
    first = int.from_bytes(counter[:4], "little")
    stream = [
        number(
            aes(encryption)
            .encryptor()
            .update(((first + i) % 2**32).to_bytes(4, "little") + counter[4:])
        )
        for i in range(2)
    ]
    padded = associated_data + bytes(-len(associated_data) % 16)
    blocks = [number(padded[i : i + 16]) for i in range(0, len(padded), 16)]
    blocks += stream  # the plaintext is the unknown ciphertext plus these
    blocks.append(len(associated_data) * 8 | (32 * 8) << 64)
    h = multiply(number(authentication), X_TO_MINUS_128)
    known = 0
    for block in blocks:
        known = multiply(known ^ block, h)
    return power(h, 3), power(h, 2), known ^ wanted


def main():
    alpha, bravo = bytes([0xA1]) * 16, bytes([0xB2]) * 16
    secrets = [hashlib.sha256(b"two-key record: " + name).digest() for name in (b"alpha", b"bravo")]
    nonce = bytes(range(12))
    prefix = b"PCSR\x01\x01\x01\x00" + bytes([7]) * 8 + b"\0\0\0\x01" + bytes([5]) * 32 + nonce
    contexts = [context(alpha), context(bravo)]
    keys = [derive(secret, prefix, ctx) for secret, ctx in zip(secrets, contexts)]
    header = prefix + keys[0][1] + (32).to_bytes(4, "big")

    for attempt in itertools.count():
        tag = hashlib.sha256(attempt.to_bytes(4, "big")).digest()[:16]
        equations = [
            equation(key, nonce, header + ctx, tag) for (key, _), ctx in zip(keys, contexts)
        ]
        if all(equations):
            break
    (a1, b1, r1), (a2, b2, r2) = equations
    determinant = inverse(multiply(a1, b2) ^ multiply(a2, b1))
    c1 = multiply(determinant, multiply(r1, b2) ^ multiply(r2, b1))
    c2 = multiply(determinant, multiply(a1, r2) ^ multiply(a2, r1))
    body = c1.to_bytes(16, "little") + c2.to_bytes(16, "little") + tag

    plaintexts = [
        AESGCMSIV(key).decrypt(nonce, body, header + ctx) for (key, _), ctx in zip(keys, contexts)
    ]
    print(
        json.dumps(
            {
                "computed_by": "two-key-record.py beside this file",
                "alpha": {"org": alpha.hex(), "secret": secrets[0].hex(), "plaintext": plaintexts[0].hex()},
                "bravo": {"org": bravo.hex(), "secret": secrets[1].hex(), "plaintext": plaintexts[1].hex()},
                "record": (header + body).hex(),
            },
            indent=2,
        )
    )


main()
