# shellcheck shell=bash
# How long an account takes to be ready, and how fast questions are answered, beside a fault and after it; sourced after
# tap.sh. Medians of five are taken: one of them may have met a machine that others keep busy.

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

# check_ms SENTENCE MS LIMIT: no longer than that. What others do on the machine meanwhile may add BESIDE_MS to each second.
check_ms() { check "$1" test "$2" -le "$(($3 + $3 * ${BESIDE_MS:-600} / 1000))"; }

# answer_ms COMMAND...: the milliseconds of each of five answers, in order; a drift (exit code 3) is an answer. Fails where
# one is none. {} in the command is the number of the time.
answer_ms() {
    in_lab_sh '
        for i in 1 2 3 4 5; do
            code=0 since=$(date +%s%3N)
            timeout 20 "${@//\{\}/$i}" >/root/answer 2>&1 || code=$?
            [[ $code == 0 || $code == 3 ]] || { echo "exit code $code: $(</root/answer)" >&2; exit 1; }
            echo "$(($(date +%s%3N) - since))"
        done' "$@" | sort -n
}
# check_answers SENTENCE COMMAND...: the median of five answers takes no longer than a second.
check_answers() {
    local sentence=$1 took
    shift
    took=$(answer_ms "$@" 2>&1) || { not_ok "$sentence" "$took"; return 0; }
    printf '# %s ms until it was answered: %s\n' "$(sed -n 3p <<<"$took")" "$*"
    check_ms "$sentence" "$(sed -n 3p <<<"$took")" 1000
}

# check_ready_again SENTENCE: from now on it takes no longer than ten seconds until every account is ready.
check_ready_again() {
    local since took
    since=$(date +%s%3N)
    within 10 all_ready >/dev/null || true
    took=$(($(date +%s%3N) - since))
    printf '# %s ms until all was ready again\n' "$took"
    check_ms "$1" "$took" 10000
}

all_ready() { in_lab_sh '[[ $(genesisctl get accounts --ready false 2>/dev/null | grep -c ^account/) == 0 ]]'; }
no_drift() { in_lab genesisctl drift; }
