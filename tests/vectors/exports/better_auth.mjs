// Makes better-auth.jsonl: what the script of docs/importing.md writes, over a PostgreSQL with users whom
// better-auth made. Not part of any test run, as the salts are random: what it wrote once is what is
// tested.
//
//     npm install better-auth@1.7.25 pg@8.23.1
//     DATABASE_URL=postgres://… node better_auth.mjs
//     node export.mjs > better-auth.jsonl       # of docs/importing.md, beside auth.mjs

import { writeFile } from "node:fs/promises";
import { getMigrations } from "better-auth/db/migration";

await writeFile("auth.mjs", `
  import { betterAuth } from "better-auth";
  import { twoFactor } from "better-auth/plugins";
  import pg from "pg";
  export const auth = betterAuth({
    baseURL: "http://localhost:3000",
    secret: "a secret of thirty-two characters",
    database: new pg.Pool({ connectionString: process.env.DATABASE_URL }),
    emailAndPassword: { enabled: true },
    plugins: [twoFactor()],
  });
`);
const { auth } = await import(`${process.cwd()}/auth.mjs`);
const password = "correct horse battery";
await (await getMigrations(auth.options)).runMigrations();

const { headers } = await auth.api.signUpEmail({
  body: { name: "Ana Lovelace", email: "ana@example.com", password },
  returnHeaders: true,
});
const cookie = headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
const { totpURI } = await auth.api.enableTwoFactor({ body: { password }, headers: { cookie } });
const { adapter } = await auth.$context;
// As a right code does, which takes an authenticator.
const ana = await adapter.findOne({ model: "user", where: [{ field: "email", value: "ana@example.com" }] });
await adapter.update({
  model: "user",
  where: [{ field: "id", value: ana.id }],
  update: { twoFactorEnabled: true },
});
console.error("what the phone has:", totpURI);

await auth.api.signUpEmail({ body: { name: "Bo", email: "bo@example.com", password } });
// Of a social provider, with no account for a password.
await adapter.create({ model: "user", data: { name: "Cy", email: "cy@example.com", emailVerified: true, createdAt: new Date(), updatedAt: new Date() } });
process.exit();
