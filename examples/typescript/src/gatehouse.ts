// gatehouse over @grpc/grpc-js: its services as promises, typed by the contract.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import protoLoader, { type MethodDefinition } from '@grpc/proto-loader';
import type { ProtoGrpcType as Admin } from '../generated/admin_service.js';
import type { AdminServiceDefinition } from '../generated/gatehouse/v1/AdminService.js';
import type { PortalAuthServiceDefinition } from '../generated/gatehouse/v1/PortalAuthService.js';
import type { ProtoGrpcType as PortalAuth } from '../generated/portal_auth_service.js';

/** Where the contract and what the languages share is, from the compiled file in dist/src. */
export const EXAMPLES = join(import.meta.dirname, '../../..');

export const definition = protoLoader.loadSync(
  [
    'gatehouse/v1/admin_service.proto',
    'gatehouse/v1/portal_auth_service.proto',
    'google_rpc.proto',
  ],
  {
    includeDirs: [join(EXAMPLES, '../proto'), join(EXAMPLES, 'typescript')],
    longs: Number,
    enums: String,
    defaults: true,
    // `step.next` is the name of the arm that is set.
    oneofs: true,
    // Error details arrive decoded.
    json: true,
  },
);
const { gatehouse } = grpc.loadPackageDefinition(definition) as unknown as Admin & PortalAuth;

/** Every unary call of a service, in camel case, as a function from its request to a promise. */
type Calls<Service> = {
  // Its own names alone: a ServiceDefinition may have any.
  [Name in keyof Service as string extends Name
    ? never
    : number extends Name
      ? never
      : Uncapitalize<Name & string>]: Service[Name] extends MethodDefinition<
    infer Request,
    infer _Written,
    infer _Read,
    infer Answer
  >
    ? (request: Request) => Promise<Answer>
    : never;
};

export type AdminCalls = Calls<AdminServiceDefinition> & { close(): void };
export type PortalAuthCalls = Calls<PortalAuthServiceDefinition> & { close(): void };

// guide: connect
/** Deadlines and retries are the service config's; a server that went away is looked for again
 *  within a second. One client serves the whole process. */
const OPTIONS: grpc.ClientOptions = {
  'grpc.service_config': readFileSync(join(EXAMPLES, 'service-config.json'), 'utf8'),
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
};

/** TLS by the certificates that the file has; without one the connection is in the clear, which is
 *  for a gatehouse on this very machine. */
function credentials(ca?: string): grpc.ChannelCredentials {
  return ca ? grpc.credentials.createSsl(readFileSync(ca)) : grpc.credentials.createInsecure();
}

/** What a portal's backend calls, with the `ghp_` key that `key` gives for each call. */
export function portalAuthService(address: string, key: () => string, ca?: string): PortalAuthCalls {
  const client = new gatehouse.v1.PortalAuthService(address, credentials(ca), OPTIONS);
  return calls(client, gatehouse.v1.PortalAuthService.service, key) as PortalAuthCalls;
}

/** The API key as the file has it now: a new one is used from the next call on. */
export const keyFile = (path: string) => () => readFileSync(path, 'utf8').trim();
// guide: end

/** What administrators call, with a `gha_` key. */
export function adminService(address: string, key: () => string, ca?: string): AdminCalls {
  const client = new gatehouse.v1.AdminService(address, credentials(ca), OPTIONS);
  return calls(client, gatehouse.v1.AdminService.service, key) as AdminCalls;
}

function calls(client: grpc.Client, service: grpc.ServiceDefinition, key: () => string): unknown {
  const made: Record<string, unknown> = { close: () => client.close() };
  for (const [name, method] of Object.entries(service)) {
    if (method.responseStream) continue;
    made[name.charAt(0).toLowerCase() + name.slice(1)] = (request: object) =>
      new Promise((resolve, reject) => {
        // grpc-js does not read waitForReady in the service config.
        const metadata = new grpc.Metadata({ waitForReady: true });
        metadata.set('authorization', `Bearer ${key()}`);
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadata,
          (error, answer) => (error ? reject(error) : resolve(answer)),
        );
      });
  }
  return made;
}
