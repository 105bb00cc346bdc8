#!/bin/bash
# A MariaDB that hangs holds up what needs it and nothing else: other accounts, plans and drift go on, and so does the
# daemon's end for those who wait for an answer.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$here/measure.sh"
[[ -n ${DEB:-} ]] || { skip "a hung service" "no package was built"; finish; }

g() { in_lab genesisctl "$@"; }
apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml' >/dev/null 2>&1; }
page() { curl -sk --max-time 60 --resolve "$1.example:443:$("$LAB" address "$NAME")" "https://$1.example/" | grep -q "as $1<"; }
not_ready() { in_lab_sh 'genesisctl get accounts --ready false | grep -q "^account/$1 "' "$1"; }
users() { printf 'databases: [{name: shop, users: [{name: web, password: pw-of-the-web}%s]}]' "${1:-}"; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
account with "$(site with)"$'\n'"$(users)" | apply
check "an account with a database is ready" g wait account/with --for=ready --timeout 120s
before=$(median_ready_ms before nothing_more database)

# Slow, but it answers: of each 1.3 s it stands still for 1.2.
mariadb=$(in_lab systemctl show -p MainPID --value mariadb)
slow=$(in_lab_sh 'setsid bash -c "while kill -STOP $1; do sleep 1.2; kill -CONT $1; sleep 0.1; done" >/dev/null 2>&1 & echo $!' "$mariadb")
beside=$(median_ready_ms slow nothing_more database)
in_lab_sh 'kill "$1"; kill -CONT "$2"' "$slow" "$mariadb"
check "what needed the slow service is ready" within 20 all_ready
check_as_fast "accounts that came together with such that need a slow MariaDB were ready as fast as without" \
    "$beside" "$before" "$(median_ready_ms quick nothing_more database)"

in_lab kill -STOP "$mariadb"
beside=$(median_ready_ms beside nothing_more database)
hung() { [[ $(in_lab ps -o state= -p "$mariadb") == T* ]]; }
report=', {name: report, password: pw-of-report}'
account with "$(site with)"$'\n'"$(users "$report")" | apply
check "what needs it is not ready" within 20 not_ready with
account fresh "$(site fresh)" | apply
check "an account that does not need it is made and ready meanwhile" g wait account/fresh --for=ready --timeout 60s
check "and serves its page" within 20 page fresh
account with "$(site with ', redirects: [{from: /old, to: "https://with.example/new", code: 302}]')"$'\n'"$(users "$report")" | apply
redirected() { [[ $(curl -sk -o /dev/null -w '%{http_code}' --resolve "with.example:443:$("$LAB" address "$NAME")" https://with.example/old) == 302 ]]; }
check "so does the rest of the account that needs it: a new redirect is live" within 30 redirected
check "a plan is answered within a second" answers_within_a_second genesisctl plan account/with
check_has "and says what cannot be observed" "mariadb" "$(g plan account/with 2>&1)"
check "drift of everything is answered within a second" answers_within_a_second genesisctl drift
check "the service hangs still" hung
in_lab kill -CONT "$mariadb"
check "once it answers all is ready" within 10 all_ready
check_is "and nothing was doubled" "acme" "$(in_lab mariadb -NBe "SELECT IF(COUNT(*) = 1, 'acme', COUNT(*)) FROM mysql.global_priv WHERE User = 'with_report'")"
check "and nothing differs" within 10 no_drift
check_as_fast "accounts without databases were ready meanwhile as fast as without" "$beside" "$before" "$(median_ready_ms after nothing_more database)"

# The daemon's end: callers that wait meanwhile are answered, and the pause of an object is kept.
in_lab kill -STOP "$mariadb"
g pause account/with >/dev/null
in_lab_sh 'systemctl stop genesisd'
check_is "the daemon ends while it hangs" inactive "$(in_lab systemctl is-active genesisd || true)"
in_lab kill -CONT "$mariadb"
in_lab systemctl start genesisd
check "started again it has the pause" within 20 in_lab_sh 'genesisctl get account/with -o json | grep -q "\"paused\": *true"'
check "and nothing differs" within 20 no_drift
finish
