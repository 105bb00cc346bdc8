# shellcheck shell=bash
# What a lab test is written with; sourced by tests/lab/*.test and tests/*/*_test.sh, which get LAB, NAME and DEB from
# tests/run (LAB: the lab tool, NAME: a fresh server of their own with Genesis installed, DEB: the package in it).
: "${LAB:?run me through tests/run}" "${NAME:?run me through tests/run}"
failures=0

# in_lab COMMAND...: on the server, as root.
in_lab() { "$LAB" exec "$NAME" -- "$@"; }
# in_lab_sh SCRIPT [ARG...]: a piece of shell on the server.
# In a pipe what searches reads to the end (no grep -q): one that stops early fails the writer to it.
in_lab_sh() { local script=$1; shift; in_lab /bin/bash -euo pipefail -c "$script" bash "$@"; }

ok() { printf 'ok - %s\n' "$1"; }
not_ok() { printf 'not ok - %s\n' "$1"; failures=$((failures + 1)); [[ -z ${2:-} ]] || sed 's/^/#   /' <<<"$2"; }
skip() { printf 'ok - %s # SKIP %s\n' "$1" "$2"; }

# check SENTENCE COMMAND...: ok when it succeeds; what it said is shown when it does not.
check() {
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1 </dev/null); then ok "$sentence"; else not_ok "$sentence" "$* exited $?: $output"; fi
}
# check_not SENTENCE COMMAND...: ok when it fails.
check_not() {
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1 </dev/null); then not_ok "$sentence" "$* succeeded: $output"; else ok "$sentence"; fi
}
# check_is SENTENCE EXPECTED ACTUAL
check_is() { if [[ $3 == "$2" ]]; then ok "$1"; else not_ok "$1" "expected: $2"$'\n'"     got: $3"; fi; }
# check_has SENTENCE PART WHOLE
check_has() { if [[ $3 == *"$2"* ]]; then ok "$1"; else not_ok "$1" "no \"$2\" in: $3"; fi; }

# within SECONDS COMMAND...: succeeds as soon as the command does. The seconds are those of a machine with nothing else to
# do; a busy one gets ten times as many, which costs time only where the test fails.
within() {
    local until=$((SECONDS + 10 * $1)) output
    shift
    while true; do
        output=$("$@" 2>&1 </dev/null) && return 0
        ((SECONDS < until)) || { printf '%s\n' "$output"; return 1; }
        sleep 0.1
    done
}

# full_pass: from some moment after the call on the daemon has looked at everything and done what there was to do: of two
# passes that end one after the other the second began after the call.
full_pass() {
    local ended i
    for i in 1 2; do
        ended=$(passes_ended)
        in_lab genesisctl reconcile --all >/dev/null
        within 20 another_pass_ended "$ended" || not_ok "pass $i over everything ends"
    done
}
passes_ended() { in_lab_sh 'curl -s http://127.0.0.1:8444/metrics | sed -n "s/^genesis_pass_seconds_count{.*full.*} //p"'; }
another_pass_ended() { [[ $(passes_ended) -gt ${1:-0} ]]; }

# The newest PHP of the server, which sites get that name none.
php_version() { in_lab_sh 'ls /usr/sbin/php-fpm[0-9].[0-9]' | sed 's/.*php-fpm//' | sort | tail -n 1; }

# number_of WORD TEXT: what stands behind the word in "WORD NUMBER" lines; 0 when it is not there.
number_of() { awk -v word="$1" '$1 == word { n = $2 } END { printf "%.0f\n", n }' <<<"$2"; }

# make_key KID SCOPES: a key for requests over HTTPS; its 64 digits on standard output.
make_key() { in_lab genesisctl keys add --kid "$1" --scopes "$2" -o json | grep -oE '[0-9a-f]{64}'; }
# load KID KEYFILE COMMAND...: tests/clients/load, which asks the server from outside.
load() {
    local kid=$1 key=$2
    shift 2
    "$(dirname -- "$DEB")/genesis_load" --address "$("$LAB" address "$NAME")" --audience "node:$(in_lab hostname)" \
        --kid "$kid" --key "$key" "$@"
}

finish() { ((failures == 0)); exit; }
