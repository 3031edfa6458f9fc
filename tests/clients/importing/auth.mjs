// An application with better-auth, whose users are in memory: Ana with an authenticator, Bo without, and Cy without a
// password. Writes what Ana's phone has to the file phone.uri.

import { writeFile } from "node:fs/promises";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { twoFactor } from "better-auth/plugins";

const database = { user: [], session: [], account: [], verification: [], twoFactor: [] };
export const auth = betterAuth({
  baseURL: "http://localhost:3000",
  secret: "a secret of thirty-two characters",
  database: memoryAdapter(database),
  emailAndPassword: { enabled: true },
  plugins: [twoFactor()],
});

const password = "correct horse battery";
const { headers } = await auth.api.signUpEmail({
  body: { name: "Ana Lovelace", email: "ana@example.com", password },
  returnHeaders: true,
});
const cookie = headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
const { totpURI } = await auth.api.enableTwoFactor({ body: { password }, headers: { cookie } });
await writeFile("phone.uri", totpURI);
await auth.api.signUpEmail({ body: { name: "Bo", email: "bo@example.com", password } });
const { adapter } = await auth.$context;
// As a right code does, which takes an authenticator.
const where = [{ field: "email", value: "ana@example.com" }];
await adapter.update({ model: "user", where, update: { twoFactorEnabled: true } });
// Of a social provider, with no account for a password.
const [createdAt, updatedAt] = [new Date(), new Date()];
const cy = { name: "Cy", email: "cy@example.com", emailVerified: true, createdAt, updatedAt };
await adapter.create({ model: "user", data: cy });
