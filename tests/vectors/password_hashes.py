#!/usr/bin/env python3
"""Makes password_hashes.json: hashes as other systems export them, by their own libraries.

Not part of any test run, as the salts are random: what it wrote once is what is tested.

    pip install Django==5.2.19 bcrypt==5.0.0 passlib==1.7.4 argon2-cffi==25.1.0
    npm install better-auth@1.7.25 bcrypt@6.0.0 bcryptjs@3.0.3
    python password_hashes.py FOLDER_OF_NODE_MODULES > password_hashes.json

Keycloak has no library: its hashes are made by hashlib and argon2-cffi as its
Pbkdf2PasswordHashProvider and Argon2PasswordHashProvider make them (26.0), in the form of
its realm export. Those of PBKDF2 were compared with what the SecretKeyFactory of OpenJDK 17
makes, which Keycloak asks for them.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version

import argon2
import bcrypt
import django
from argon2 import low_level
from django.conf import settings
from passlib.hash import pbkdf2_sha256, pbkdf2_sha512, scrypt as passlib_scrypt

settings.configure()
django.setup()
from django.contrib.auth import hashers  # noqa: E402 (needs the settings)

ASCII = "correct horse battery"
ACCENTS = "\u00e9t\u00e9 \u00e0 la plage"
DECOMPOSED = "e\u0301te\u0301 a\u0300 la plage"
LONG = "0123456789" * 9
NODE = """
const path = require("path");
const at = (name) => require.resolve(name, {paths: [process.argv[1]]});
const {compareSync, hashSync} = require(at("bcrypt"));
const js = require(at("bcryptjs"));
(async () => {
  const crypto = await import(path.join(process.argv[1], "node_modules/better-auth/dist/crypto/password.mjs"));
  const [name, password] = process.argv.slice(2);
  const made = name === "better-auth" ? await crypto.hashPassword(password)
    : name === "bcrypt" ? hashSync(password, 10) : js.hashSync(password, 10);
  console.log(made);
})();
"""


def node(name, password):
    arguments = ["node", "-e", NODE, FOLDER, name, password]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


def package(name):
    with open(os.path.join(FOLDER, "node_modules", name, "package.json")) as file:
        return json.load(file)["version"]


def keycloak(algorithm, iterations, salt, value, parameters=None):
    secret = {"value": b64(value), "salt": b64(salt), "additionalParameters": {}}
    data = {
        "hashIterations": iterations,
        "algorithm": algorithm,
        "additionalParameters": parameters or {},
    }
    credential = {
        "id": "2f6a1f0e-8f6f-4a0e-9a53-8b7d1c0e6a11",
        "type": "password",
        "createdDate": 1700000000000,
        "secretData": json.dumps(secret),
        "credentialData": json.dumps(data),
    }
    return json.dumps(credential)


def b64(data):
    return base64.b64encode(data).decode()


def keycloak_pbkdf2(algorithm, digest, iterations, size, password):
    salt = os.urandom(16)
    value = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations, size)
    return keycloak(algorithm, iterations, salt, value)


def keycloak_argon2(password):
    salt = os.urandom(16)
    value = low_level.hash_secret_raw(
        password.encode(), salt, 5, 7168, 1, 32, low_level.Type.ID
    )
    parameters = {
        "hashLength": ["32"],
        "memory": ["7168"],
        "type": ["id"],
        "version": ["1.3"],
        "parallelism": ["1"],
    }
    return keycloak("argon2", 5, salt, value, parameters)


def django_hash(hasher, password, **cost):
    for name, value in cost.items():
        setattr(hasher, name, value)
    return hasher.encode(password, hasher.salt())


def main():
    django_by = f"Django {version('Django')}"
    hashed = []

    def add(name, by, password, text, wrong=None):
        wrong = wrong or password[:-1] + "!"
        hashed.append({"name": name, "by": by, "password": password, "wrong": wrong, "hash": text})

    pbkdf2, pbkdf2_sha1 = hashers.PBKDF2PasswordHasher(), hashers.PBKDF2SHA1PasswordHasher()
    add("Django pbkdf2_sha256", django_by, ASCII, django_hash(pbkdf2, ASCII))
    add("Django pbkdf2_sha256, accents", django_by, DECOMPOSED,
        django_hash(pbkdf2, DECOMPOSED, iterations=20_000), ACCENTS)
    add("Django pbkdf2_sha1", django_by, ASCII, django_hash(pbkdf2_sha1, ASCII, iterations=20_000))
    add("Django argon2", django_by, ASCII, django_hash(hashers.Argon2PasswordHasher(), ASCII))
    bcrypt_sha256 = hashers.BCryptSHA256PasswordHasher()
    add("Django bcrypt_sha256", django_by, ASCII, django_hash(bcrypt_sha256, ASCII, rounds=10))
    add("Django bcrypt_sha256, long", django_by, LONG,
        django_hash(bcrypt_sha256, LONG, rounds=10))
    add("Django bcrypt", django_by, ASCII,
        django_hash(hashers.BCryptPasswordHasher(), ASCII, rounds=10))
    add("Django scrypt", django_by, ASCII, django_hash(hashers.ScryptPasswordHasher(), ASCII))

    better = f"better-auth {package('better-auth')}"
    add("better-auth", better, ASCII, node("better-auth", ASCII))
    add("better-auth, accents", better, DECOMPOSED, node("better-auth", DECOMPOSED))

    native, script = f"bcrypt {package('bcrypt')} (npm)", f"bcryptjs {package('bcryptjs')}"
    add("bcrypt 2b", native, ASCII, node("bcrypt", ASCII))
    add("bcrypt 2b, past 72 bytes", native, LONG, node("bcrypt", LONG), LONG[1:])
    add("bcrypt 2b of bcryptjs", script, ACCENTS, node("bcryptjs", ACCENTS), DECOMPOSED)
    python = f"bcrypt {version('bcrypt')} (PyPI)"
    add("bcrypt 2a", python, ASCII,
        bcrypt.hashpw(ASCII.encode(), bcrypt.gensalt(10, prefix=b"2a")).decode())
    made = bcrypt.hashpw(ASCII.encode(), bcrypt.gensalt(10)).decode()
    add("bcrypt 2y", python + ", its name as PHP has it", ASCII, made.replace("$2b$", "$2y$"))
    nul = "before\0after the end"
    made = bcrypt.hashpw(nul.encode(), bcrypt.gensalt(10)).decode()
    add("bcrypt 2b, NUL", python, nul, made, "before\0another end")

    cffi = f"argon2-cffi {version('argon2-cffi')}"
    add("PHC argon2id", cffi, DECOMPOSED, argon2.PasswordHasher().hash(DECOMPOSED), ACCENTS)
    add("PHC argon2i", cffi, ASCII, argon2.PasswordHasher(type=argon2.Type.I).hash(ASCII))
    old = low_level.hash_secret(ASCII.encode(), os.urandom(16), 3, 4096, 1, 32,
                                low_level.Type.I, version=0x10)
    add("PHC argon2i, version 16", cffi, ASCII, old.decode())

    passlib_by = f"passlib {version('passlib')}"
    add("PHC pbkdf2-sha256 of passlib", passlib_by, ASCII, pbkdf2_sha256.hash(ASCII))
    add("PHC pbkdf2-sha512 of passlib", passlib_by, ASCII, pbkdf2_sha512.hash(ASCII))
    add("PHC scrypt", passlib_by, ASCII, passlib_scrypt.using(rounds=15).hash(ASCII))

    source = "Keycloak 26's definition, by hashlib and " + cffi
    add("Keycloak pbkdf2", source, ASCII,
        keycloak_pbkdf2("pbkdf2", "sha1", 20_000, 64, ASCII))
    add("Keycloak pbkdf2-sha256", source, ASCII,
        keycloak_pbkdf2("pbkdf2-sha256", "sha256", 27_500, 64, ASCII))
    add("Keycloak pbkdf2-sha256, 32 bytes", source, ASCII,
        keycloak_pbkdf2("pbkdf2-sha256", "sha256", 27_500, 32, ASCII))
    add("Keycloak pbkdf2-sha512", source, ACCENTS,
        keycloak_pbkdf2("pbkdf2-sha512", "sha512", 210_000, 64, ACCENTS), DECOMPOSED)
    add("Keycloak argon2", source, ASCII, keycloak_argon2(ASCII))
    json.dump(hashed, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    FOLDER = os.path.abspath(sys.argv[1])
    main()
