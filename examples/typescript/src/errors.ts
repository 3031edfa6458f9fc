// What an error of gatehouse says: its reason, and what else a page has to know.

import grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import type { BadRequest__Output } from '../generated/google/rpc/BadRequest.js';
import type { ErrorInfo__Output } from '../generated/google/rpc/ErrorInfo.js';
import type { RetryInfo__Output } from '../generated/google/rpc/RetryInfo.js';
import type { Status, Status__Output } from '../generated/google/rpc/Status.js';
import { definition } from './gatehouse.js';

const PREFIX = 'ERROR_REASON_';
const StatusType = definition['google.rpc.Status'] as MessageTypeDefinition<Status, Status__Output>;

interface Details {
  ErrorInfo: ErrorInfo__Output;
  BadRequest: BadRequest__Output;
  RetryInfo: RetryInfo__Output;
}

// guide: reason
/** Why a call failed: a name of ErrorReason without its prefix, such as SESSION_INVALID. Empty where
 *  nobody answered, which is never a verdict about a customer. */
export function reason(error: grpc.ServiceError): string {
  return refusal(error).reason;
}
// guide: end

/** Why a call failed. Without a reason it was not gatehouse that answered. */
export interface Refusal {
  code: string;
  reason: string;
  /** `attempts_remaining`, `accepted`, `session_end`, … */
  metadata: Record<string, string>;
  /** Which fields of the request are wrong. */
  fields: string[];
  /** Seconds to wait, where time helps. */
  retryAfter?: number;
}

/** What a call's error says. */
export function refusal(error: grpc.ServiceError): Refusal {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const details = Buffer.isBuffer(bytes) ? StatusType.deserialize(bytes).details : [];
  function detail<Kind extends keyof Details>(kind: Kind): Details[Kind] | undefined {
    // As proto-loader decodes an Any, which is not how it types it.
    const decoded = details as unknown as (Details[Kind] & { '@type': string })[];
    return decoded.find((one) => one['@type'] === `type.googleapis.com/google.rpc.${kind}`);
  }

  const info = detail('ErrorInfo');
  const [trailer] = error.metadata?.get('gatehouse-reason') ?? [];
  const delay = detail('RetryInfo')?.retryDelay;
  return {
    code: grpc.status[error.code] ?? 'UNKNOWN',
    reason: (info?.reason ?? String(trailer ?? '')).replace(PREFIX, ''),
    metadata: info?.metadata ?? {},
    fields: (detail('BadRequest')?.fieldViolations ?? []).map(({ field }) => field),
    ...(delay && { retryAfter: Number(delay.seconds) + delay.nanos / 1e9 }),
  };
}

/** Whether the server was gone before it had answered. gRPC asks again by itself only while no part
 *  of an answer has come; what changes nothing can be asked for once more. */
export function brokeOff(error: unknown): boolean {
  return isServiceError(error) && error.code === grpc.status.UNAVAILABLE && reason(error) === '';
}

/** Whether this is a gRPC call's error. */
export function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}
