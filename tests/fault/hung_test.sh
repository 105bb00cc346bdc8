#!/bin/bash
# A service that hangs holds up what needs it and nothing else: other accounts, plans and drift go on, and so does the
# daemon's end for those who ask.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a hung service" "no package was built"; finish; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
g() { in_lab genesisctl "$@"; }
# account NAME [DATABASE USERS]
account() {
    printf 'kind: account\nname: %s\nsites: [{domain: %s.example, php: {}%s}]\n' "$1" "$1" "${3:-}"
    [[ -z ${2:-} ]] || printf 'databases: [{name: shop, users: [%s]}]\n' "$2"
}
apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml "$@"' "$@"; }
one='{name: web, password: pw-of-the-web}' two=', {name: report, password: pw-of-report}'
page() { curl -sk --max-time 60 --resolve "$1.example:443:$("$LAB" address "$NAME")" "https://$1.example/" | grep -q "as $1<"; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
for name in with without; do
    if [[ $name == with ]]; then account with "$one"; else account without; fi | apply --wait --timeout 300s >"$scratch/made" 2>&1
done
check "two accounts are ready" g wait account/with --for=ready --timeout 60s

mariadb=$(in_lab systemctl show -p MainPID --value mariadb)
in_lab kill -STOP "$mariadb"
hung() { [[ $(in_lab ps -o state= -p "$mariadb") == T* ]]; }
account with "$one$two" | apply >/dev/null 2>&1
check "what needs it is not ready" within 20 in_lab_sh 'genesisctl get accounts --ready false | grep -q "^account/with "'
check "an account that does not need it is made and ready meanwhile" \
    bash -c 'exec "$@"' - "$LAB" exec "$NAME" -- bash -c 'printf "kind: account\nname: fresh\nsites: [{domain: fresh.example, php: {}}]\n" >/root/fresh.yaml; genesisctl apply -f /root/fresh.yaml --wait --timeout 60s'
check "and serves its page" within 20 page fresh
account with "$one$two" ', redirects: [{from: /old, to: "https://with.example/new", code: 302}]' | apply >/dev/null 2>&1
redirected() { [[ $(curl -sk -o /dev/null -w '%{http_code}' --resolve "with.example:443:$("$LAB" address "$NAME")" https://with.example/old) == 302 ]]; }
check "so does the rest of the account that needs it: a new redirect is live" within 30 redirected
check "a plan is answered" in_lab timeout 10 genesisctl plan account/with
check_has "and says what cannot be observed" "mariadb" "$(g plan account/with 2>&1)"
drift() { local code=0; in_lab timeout 10 genesisctl drift >"$scratch/drift" 2>&1 || code=$?; [[ $code == 3 ]]; }
check "drift of everything is answered" drift
check "the service hangs still" hung
in_lab kill -CONT "$mariadb"
check "once it answers all is ready" within 30 in_lab_sh '[[ $(genesisctl get accounts --ready false | grep -c ^account/) == 0 ]]'
check_is "and nothing was doubled" "acme" "$(in_lab mariadb -NBe "SELECT IF(COUNT(*) = 1, 'acme', COUNT(*)) FROM mysql.global_priv WHERE User = 'with_report'")"
check "and nothing differs" within 20 g drift

# The daemon's end: callers that wait meanwhile are answered, and the pause of an object is kept.
in_lab kill -STOP "$mariadb"
g pause account/with >/dev/null
in_lab_sh 'systemctl stop genesisd'
check_is "the daemon ends while it hangs" inactive "$(in_lab systemctl is-active genesisd || true)"
in_lab kill -CONT "$mariadb"
in_lab systemctl start genesisd
check "started again it has the pause" within 20 in_lab_sh 'genesisctl get account/with -o json | grep -q "\"paused\": *true"'
check "and nothing differs" within 20 g drift
finish
