# shellcheck shell=bash
# One call by one of three callers, and what has to be true of its answer.
#
# Requests and conditions are jq programs; what they read of the shell they read from $ENV.

# A field mask in a request. grpcurl has no JSON form of its own for it (its issue 393).
mask() {
  if [[ $caller = buf ]]; then
    printf '"%s"' "$1"
  else
    printf '{paths: ["%s"]}' "$1"
  fi
}

codes=([7]=permission_denied [9]=failed_precondition [16]=unauthenticated)

# send METHOD REQUEST [FLAG...]: as $caller, with the API key $key.
send() {
  local method=$1 request=$2
  shift 2
  case $caller in
    reflection)
      grpcurl -plaintext -H "authorization: Bearer $key" -d "$request" "$@" \
        "$SERVER_ADDRESS" "gatehouse.v1.$method"
      ;;
    protos)
      grpcurl -plaintext -H "authorization: Bearer $key" -d "$request" "$@" \
        -protoset "$scratch/protoset" "$SERVER_ADDRESS" "gatehouse.v1.$method"
      ;;
    buf)
      buf curl --protocol grpc --http2-prior-knowledge -H "authorization: Bearer $key" \
        -d "$request" "http://$SERVER_ADDRESS/gatehouse.v1.$method"
      ;;
  esac
}

fail() {
  printf '%s: %s\n' "$caller" "$*" >&2
  exit 1
}

field() {
  jq --raw-output "$1" <<<"$answer"
}

# call METHOD REQUEST CONDITION: the call succeeds and the condition holds of $answer.
call() {
  answer=$(send "$1" "$(jq --null-input --compact-output "$2")") || fail "$1 was refused"
  jq --exit-status "$3" <<<"$answer" >/dev/null || fail "$1: not so: $3, but: $answer"
}

# refused METHOD REQUEST CODE REASON: the status, its ErrorInfo and the trailer agree. Of the three
# callers one prints the trailer alone, as it knows no type outside of the proto files.
refused() {
  local flags=() reason=ERROR_REASON_$4
  [[ $caller = buf ]] || flags=(-v -format-error)
  if send "$1" "$(jq --null-input --compact-output "$2")" "${flags[@]}" \
    >"$scratch/output" 2>"$scratch/error"; then
    fail "$1 was not refused: $(<"$scratch/output")"
  fi
  case $caller in
    reflection)
      jq --exit-status --argjson code "$3" --arg reason "$reason" '.code == $code and any(.details[];
        ."@type" == "type.googleapis.com/google.rpc.ErrorInfo"
        and .reason == $reason and .domain == "gatehouse.v1")' "$scratch/error"
      ;;
    protos)
      jq --exit-status --argjson code "$3" '.code == $code' "$scratch/error"
      ;;
    buf)
      jq --exit-status --arg code "${codes[$3]}" --arg reason "$reason" '.code == $code and any(.details[];
        .type == "google.rpc.ErrorInfo"
        and (.value | @base64d | contains($reason) and contains("gatehouse.v1")))' "$scratch/error"
      ;;
  esac >/dev/null || fail "$1: not $3 $reason: $(<"$scratch/error")"
  [[ $caller = buf ]] || grep --quiet --line-regexp "gatehouse-reason: $reason" "$scratch/output" ||
    fail "$1: no trailer $reason: $(<"$scratch/output")"
}
