# shellcheck shell=bash
# How long an account takes to be ready, and how fast questions are answered, beside a fault; sourced after tap.sh.
# Medians of five are compared: one of them may have met a machine that others keep busy.

# account NAME [MORE]: the spec of an account without sites and databases, and what MORE says.
account() { printf 'kind: account\nname: %s\n%s\n' "$1" "${2:-}"; }
site() { printf 'sites: [{domain: %s.example, php: {}%s}]' "$1" "${2:-}"; }
database() { printf 'databases: [{name: shop, users: [{name: web, password: "pw-of-the-%s"}]}]' "${1:-web}"; }

# ready_ms OBJECT: applies the specs on standard input and prints the milliseconds from then until the object was ready,
# as the condition itself says. Fails where it is not ready within a minute.
ready_ms() {
    in_lab_sh '
        cat >/root/measured.yaml
        since=$(date +%s%3N)
        genesisctl apply -f /root/measured.yaml >/dev/null
        genesisctl wait "$1" --for=ready --timeout 60s >/dev/null 2>&1
        at=$(genesisctl get "$1" -o json | tr -d " \n" | grep -oE "\{[^{}]*\"type\":\"ready\"[^{}]*\}" |
            sed -E "s/.*\"changed_at\":\"([^\"]*)\".*/\1/")
        echo "$(($(date -d "$at" +%s%3N) - since))"' "$1"
}

# median_ready_ms PREFIX HOW [OTHER]: of five new accounts PREFIX1, PREFIX2 …; HOW NAME prints the rest of the spec. With
# OTHER each is applied together with another new account, of which OTHER NAME prints the rest.
median_ready_ms() {
    local i
    for i in 1 2 3 4 5; do
        {
            account "$1$i" "$("$2" "$1$i")"
            [[ -z ${3:-} ]] || { echo ---; account "${1}other$i" "$("$3" "${1}other$i")"; }
        } | ready_ms "account/$1$i" || return
    done | sort -n | sed -n 3p
}
nothing_more() { :; }

# check_as_fast SENTENCE BESIDE BEFORE AFTER: beside the fault it took at most one and a half times what it took without, of
# the times before and after the longer. What others do on the machine meanwhile may add BESIDE_MS, which is less than
# waiting for any of these faults would add. tests/bench/beside measures the ratio itself, and allows for nothing.
check_as_fast() {
    local without=$(($3 > $4 ? $3 : $4))
    printf '# %s ms beside the fault, %s ms before, %s ms after\n' "$2" "$3" "$4"
    check "$1" test "$2" -le "$((without * 3 / 2 + ${BESIDE_MS:-600}))"
}

# answers_within_a_second COMMAND...: at least one of five answers does; a drift (exit code 3) is an answer.
answers_within_a_second() {
    local i code since said=""
    for i in 1 2 3 4 5; do
        code=0 since=$(date +%s%3N)
        in_lab timeout 20 "$@" >/dev/null 2>&1 || code=$?
        [[ $code == 0 || $code == 3 ]] || { echo "exit code $code"; return 1; }
        (($(date +%s%3N) - since > 1000)) || return 0
        said+=" $(($(date +%s%3N) - since)) ms"
    done
    echo "took$said"
    return 1
}

all_ready() { in_lab_sh '[[ $(genesisctl get accounts --ready false 2>/dev/null | grep -c ^account/) == 0 ]]'; }
no_drift() { in_lab genesisctl drift; }
