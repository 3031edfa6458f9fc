# shellcheck shell=bash
# Steps that are shown as they are done, and held to what they promise.
#
# Requests, views and conditions are jq programs; what they read of the shell they read from $ENV.

if [[ -t 1 ]]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold='' dim='' plain=''
fi

page() {
  printf '\n%s=== %s%s\n' "$bold" "$*" "$plain"
}

number=0
step() {
  number=$((number + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$number" "$*" "$plain"
}

# What somebody sees on the page: text from standard input or arguments.
see() {
  if (($#)); then printf '%s\n' "$*"; else cat; fi | shorten | sed 's/^/     /'
}

# Keys and tokens are long, and nobody reads them.
shorten() {
  sed -E 's/(gh[aipsv]_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{20,}/\1…/g'
}

fail() {
  printf 'walkthrough, step %d: %s\n' "$number" "$*" >&2
  exit 1
}

# Who calls from now on: the administrator or the portal's backend.
as() {
  case $1 in
    administrator) headers=(-H "authorization: Bearer $admin_key" -H 'x-gatehouse-actor: gina@acme.example') ;;
    portal) headers=(-H "authorization: Bearer $portal_key") ;;
  esac
}

send() {
  local method=$1 request=$2
  shift 2
  printf '   %s$ grpcurl -d '\''%s'\'' gatehouse.v1.%s%s\n' "$dim" "$request" "$method" "$plain" | shorten
  grpcurl -plaintext "${headers[@]}" -d "$request" "$@" "$SERVER_ADDRESS" "gatehouse.v1.$method" \
    >"$scratch/answer" 2>"$scratch/error"
}

# call METHOD REQUEST CONDITION [VIEW]: the call succeeds, the condition holds, and the view is shown.
call() {
  send "$1" "$(jq --null-input --compact-output "$2")" || fail "$1 was refused: $(<"$scratch/error")"
  answer=$(<"$scratch/answer")
  jq --exit-status "$3" <<<"$answer" >/dev/null || fail "$1: not so: $3, but: $answer"
  if [[ -n ${4-} ]]; then
    jq --raw-output "$4" <<<"$answer" | see
  fi
}

# refused METHOD REQUEST REASON [CONDITION]: the call is refused, and the condition holds of the
# metadata of its ErrorInfo.
refused() {
  if send "$1" "$(jq --null-input --compact-output "$2")" -format-error; then
    fail "$1 was not refused: $(<"$scratch/answer")"
  fi
  local info
  info=$(jq --exit-status '.details[] | select(."@type" | endswith("/google.rpc.ErrorInfo"))' "$scratch/error") ||
    fail "$1: no ErrorInfo: $(<"$scratch/error")"
  jq --exit-status --arg reason "ERROR_REASON_$3" \
    ".reason == \$reason and (.metadata // {} | ${4-true})" <<<"$info" >/dev/null || fail "$1: not $3: $info"
  jq --raw-output '"refused: \(.reason[13:])", (.metadata // {} | to_entries[] | "  \(.key): \(.value)")' \
    <<<"$info" | see
}

field() {
  jq --raw-output "$1" <<<"$answer"
}

# scan OF: the app takes the secret of the enrollment that is pending in OF.
scan() {
  secret=$(field "$1.pending.totp.secret")
  scanned_at=$(date +%s)
}

# code SECONDS: what the app shows so many seconds after the scan, or now if that is later. Each code
# works once, and the server takes one time step ahead: 0 and 30 are two without waiting.
code() {
  local at=$((scanned_at + $1)) now
  now=$(date +%s)
  code=$(oathtool --totp --base32 --now "@$((at > now ? at : now))" "$secret")
  export code
}
