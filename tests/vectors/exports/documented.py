#!/usr/bin/env python3
"""Makes the exports of systems that no package registry has, in the form that each documents, of the
hashes in ../password_hashes.json.

    python documented.py

keycloak.json   The file of a realm with its users, as `kc.sh export --users realm_file` writes it:
                UserRepresentation and CredentialRepresentation of Keycloak 26's API, secretData and
                credentialData as PasswordCredentialModel and OTPCredentialModel have them.
                https://www.keycloak.org/server/importExport
auth0.ndjson    What Auth0's support sends, with `email` at the root or among `identifiers`.
                https://support.auth0.com/center/s/article/How-to-Use-the-Password-Hashes-Export-from-Auth0
zitadel.json    The answer of ExportData with passwords and OTP (internal/api/grpc/admin/export.go, v2 to v4).
                https://zitadel.com/docs/apis/resources/admin/admin-service-export-data
kratos.json     A page of GET /admin/identities with credentials of the types password and totp (v1.1 and
                later).
                https://www.ory.com/docs/kratos/reference/api#tag/identity/operation/listIdentities
"""

import json
from pathlib import Path

HERE = Path(__file__).parent
VECTORS = json.loads((HERE.parent / "password_hashes.json").read_text())
HASHES = {vector["name"]: vector["hash"] for vector in VECTORS}
# 20 characters, and the same in base32.
SECRET = "dqlHs3qUgTwMBPz3yhjk"
BASE32 = "MRYWYSDTGNYVKZ2UO5GUEUD2GN4WQ2TL"


def write(name, *values):
    lines = values if name.endswith(".ndjson") else [values[0]]
    indent = None if name.endswith(".ndjson") else 2
    text = "".join(json.dumps(value, indent=indent) + "\n" for value in lines)
    (HERE / name).write_text(text)


def keycloak(name, first, last, *credentials, enabled=True):
    return {
        "id": "0c7f4a53-8c50-4b2c-a8a7-4f1d6f3f2d11",
        "username": name,
        "firstName": first,
        "lastName": last,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "enabled": enabled,
        "createdTimestamp": 1700000000000,
        "totp": False,
        "credentials": list(credentials),
        "disableableCredentialTypes": [],
        "requiredActions": [],
        "realmRoles": ["default-roles-acme"],
        "notBefore": 0,
        "groups": [],
    }


def otp(secret, **data):
    data = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"} | data
    return {
        "id": "6f1a0f0e-8f6f-4a0e-9a53-8b7d1c0e6a12",
        "type": "otp",
        "userLabel": "phone",
        "createdDate": 1700000000000,
        "secretData": json.dumps({"value": secret}),
        "credentialData": json.dumps(data),
    }


users = [
    keycloak("ana", "Ana", "Lovelace", json.loads(HASHES["Keycloak argon2"]), otp(SECRET)),
    keycloak("bo", "Bo", None, json.loads(HASHES["Keycloak pbkdf2-sha256"]),
             otp(BASE32, algorithm="HmacSHA256", digits=8, secretEncoding="BASE32")),
    keycloak("cy", None, None, otp(SECRET, subType="hotp", period=0)),
    keycloak("gone", None, None, json.loads(HASHES["Keycloak argon2"]), enabled=False),
]
write("keycloak.json", {"id": "acme", "realm": "acme", "enabled": True, "users": users})


def auth0(name, hash, at_root):
    identifiers = [{"type": "email", "value": f"{name}@example.com", "verified": True}]
    email = {"email_verified": True, "email": f"{name}@example.com"} if at_root else {}
    return {"_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"}} | email | {
        "passwordHash": HASHES[hash],
        "password_set_date": {"$date": "2019-12-06T18:36:12.412Z"},
        "tenant": "acme",
        "connection": "Username-Password-Authentication",
        "_tmp_is_unique": True,
        "identifiers": identifiers,
    }


write("auth0.ndjson", auth0("ana", "bcrypt 2b", True), auth0("bo", "bcrypt 2a", False))


def zitadel(name, display_name, **more):
    profile = {"firstName": name, "lastName": name, "displayName": display_name}
    email = {"email": f"{name}@example.com", "isEmailVerified": True}
    return {"userId": "104133391271651848", "user": {"userName": name, "profile": profile, "email": email} | more}


users = [
    zitadel("ana", "Ana Lovelace", hashedPassword={"value": HASHES["bcrypt 2a"]}, otpCode=BASE32),
    zitadel("bo", "Bo", hashedPassword={"value": HASHES["PHC pbkdf2-sha256 of passlib"]}),
    zitadel("cy", "Cy"),
]
org = {"name": "ACME"}
write("zitadel.json", {"orgs": [{"orgId": "104133391254874632", "org": org, "humanUsers": users},
                                {"orgId": "104133391254874633", "org": org}]})


def kratos(name, state="active", **configs):
    credentials = {
        type: {"type": type, "identifiers": [f"{name}@example.com"], "config": config, "version": 0}
        for type, config in configs.items()
    }
    return {
        "id": "d96e86d9-4c1d-4f1c-8b79-1b2c9fcda9e3",
        "credentials": credentials,
        "schema_id": "default",
        "state": state,
        "traits": {"email": f"{name}@example.com", "name": {"first": "Ana", "last": "Lovelace"}},
        "metadata_public": None,
        "metadata_admin": None,
        "organization_id": None,
    }


url = f"otpauth://totp/Acme:ana@example.com?algorithm=SHA1&digits=6&issuer=Acme&period=30&secret={BASE32}"
# Its scrypt has N where PHC has the logarithm of it.
scrypt = HASHES["PHC scrypt"].replace("ln=15", f"ln={2 ** 15}")
write("kratos.json", [
    kratos("ana", password={"hashed_password": HASHES["bcrypt 2a"]}, totp={"totp_url": url}),
    kratos("bo", password={"hashed_password": scrypt}),
    kratos("cy", password={}),
    kratos("gone", state="inactive", password={"hashed_password": HASHES["bcrypt 2a"]}),
])
