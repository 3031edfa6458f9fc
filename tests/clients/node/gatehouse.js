// gatehouse over @grpc/grpc-js, without generated code: its two services as promises, and its errors
// as one kind of exception.

import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

const definition = protoLoader.loadSync(
  [
    'gatehouse/v1/admin_service.proto',
    'gatehouse/v1/portal_auth_service.proto',
    'gatehouse/v1/error_reason.proto',
    'google_rpc.proto',
  ],
  {
    includeDirs: [folder('../../../proto'), folder('../../../examples/typescript')],
    longs: Number,
    enums: String,
    // What is unset can be read all the same: 0, '', [] or null.
    defaults: true,
    // `step.next` is the name of the arm that is set.
    oneofs: true,
    // Error details arrive decoded.
    json: true,
  },
);
const { AdminService, PortalAuthService } = grpc.loadPackageDefinition(definition).gatehouse.v1;

const REASON = 'ERROR_REASON_';

/** A call that gatehouse refused, or that did not reach it. */
export class Refused extends Error {
  constructor(method, error) {
    const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
    const details = bytes ? definition['google.rpc.Status'].deserialize(bytes).details : [];
    const detail = (name) =>
      details.find((one) => one['@type'] === `type.googleapis.com/google.rpc.${name}`);
    const info = detail('ErrorInfo');
    const [trailer] = error.metadata?.get('gatehouse-reason') ?? [];
    const reason = info?.reason ?? trailer;

    super(`${method}: ${grpc.status[error.code]} ${reason ?? ''}: ${error.details}`);
    this.name = 'Refused';
    /** The gRPC code, such as `UNAUTHENTICATED`. */
    this.code = grpc.status[error.code];
    /** Why, such as `SESSION_INVALID`: a name of ErrorReason without its prefix. Undefined where no gatehouse answered. */
    this.reason = reason?.slice(REASON.length);
    this.domain = info?.domain;
    /** The reason as the plain trailer has it, for a client that cannot decode details. */
    this.trailer = trailer?.slice(REASON.length);
    /** `attempts_remaining`, `accepted`, `session_end`, … */
    this.metadata = info?.metadata ?? {};
    /** Which fields of the request are wrong. */
    this.fields = (detail('BadRequest')?.fieldViolations ?? []).map((violation) => violation.field);
    const delay = detail('RetryInfo')?.retryDelay;
    /** Seconds to wait, where time helps. */
    this.retryAfter = delay ? delay.seconds + delay.nanos / 1e9 : undefined;
    /** What stands in the way, as PreconditionFailure has it. */
    this.preconditions = (detail('PreconditionFailure')?.violations ?? []).map((one) => one.subject);
    /** What is missing or taken, as ResourceInfo has it. */
    this.resource = detail('ResourceInfo')?.resourceName;
  }

  /** Whether the customer is signed out. An API key that is not valid is the deployment's fault, never theirs. */
  get endsSession() {
    return this.reason === 'SESSION_INVALID';
  }
}

/** One service by one key: every RPC is a method, in camel case, that takes a request and gives a promise. */
function connect(Service, address, key) {
  const client = new Service(address, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const service = { close: () => client.close() };
  for (const [name, { responseStream }] of Object.entries(Service.service)) {
    if (responseStream) continue;
    const method = name[0].toLowerCase() + name.slice(1);
    service[method] = (request = {}) =>
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + 10_000 };
        client[name](request, metadata, options, (error, response) =>
          error ? reject(new Refused(name, error)) : resolve(response),
        );
      });
  }
  return service;
}

/** What administrators call, with a `gha_` key. */
export const adminService = (address, key) => connect(AdminService, address, key);

/** What a portal's backend calls, with a `ghp_` key. */
export const portalAuthService = (address, key) => connect(PortalAuthService, address, key);

/** Every reason that the contract knows. */
export const REASONS = definition['gatehouse.v1.ErrorReason'].type.value.map(({ name }) =>
  name.slice(REASON.length),
);
