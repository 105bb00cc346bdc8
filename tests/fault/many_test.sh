#!/bin/bash
# Two hundred accounts are removed, and two hundred suspended, at once: a new account beside them is soon ready.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$(dirname -- "$(readlink -f -- "$0")")/measure.sh"
[[ -n ${DEB:-} ]] || { skip "two hundred removals and suspensions" "no package was built"; finish; }
accounts=200

# all STATE: the spec of every account, in that state.
all() { for i in $(seq "$accounts"); do account "many$i" "state: $1"; echo ---; done; }
apply_all() { all "$1" | in_lab_sh 'cat >/root/all.yaml; genesisctl apply -f /root/all.yaml "$@" >/dev/null' "${@:2}"; }
left() { in_lab_sh 'grep -c "^many" /etc/passwd || true'; }
unexpired() { in_lab_sh 'grep "^many" /etc/shadow | grep -vc ":1:$" || true'; }
# beside PREFIX COUNT: new accounts one after the other for as long as COUNT says more than none; the longest time until
# one was ready, in milliseconds, their number, and the milliseconds until the end.
beside() {
    local i=0 took longest=0 since
    since=$(date +%s%3N)
    while [[ $("$2") != 0 && $i -lt 200 ]]; do
        i=$((i + 1))
        took=$(account "$1$i" | ready_ms "account/$1$i")
        longest=$((took > longest ? took : longest))
    done
    echo "$longest $i $(($(date +%s%3N) - since))"
}
# check_beside SENTENCE MS: no longer than ten times as long as alone, of which less than 400 ms counts as 400.
check_beside() { check "$1" test "$2" -le "$((10 * (alone > 400 ? alone : 400)))"; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
check "$accounts accounts are made" apply_all active --wait --timeout 300s
alone=$(median_ready_ms alone nothing_more)

apply_all suspended
read -r longest count took <<<"$(beside during unexpired)"
echo "# alone $alone ms; beside $accounts suspensions ($took ms) $longest ms at most of $count accounts"
check_beside "a new account beside the suspensions is soon ready" "$longest"
check_is "all are suspended" 0 "$(unexpired)"

in_lab genesisctl pause --all >/dev/null
in_lab_sh 'seq "$1" | xargs -P 4 -I{} genesisctl delete account/many{} --purge >/dev/null' "$accounts"
in_lab genesisctl resume --all >/dev/null
in_lab genesisctl reconcile --all --confirm-removals >/dev/null
read -r longest count took <<<"$(beside meanwhile left)"
echo "# alone $alone ms; beside $accounts removals ($took ms) $longest ms at most of $count accounts"
check_beside "a new account beside the removals is soon ready" "$longest"
check_is "all are removed" 0 "$(left)"
check "and nothing differs" within 20 no_drift
finish
