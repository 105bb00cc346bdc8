#!/bin/bash
# A MariaDB that hangs holds up what needs it and nothing else: other accounts, plans, drift and all other requests go on,
# and plans that are waited for when the daemon ends are answered at once.
# shellcheck disable=SC2016
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
check_answers "a plan is answered within a second" genesisctl plan account/with
check_has "and says what cannot be observed" "mariadb" "$(g plan account/with 2>&1)"
check_answers "a dry run of a put is answered within a second" genesisctl plan -f /root/spec.yaml
check_answers "drift of everything is answered within a second" genesisctl drift
check "the service hangs still" hung
in_lab kill -CONT "$mariadb"
check_ready_again "once it answers all is ready within ten seconds"
check_is "and nothing was doubled" "acme" "$(in_lab mariadb -NBe "SELECT IF(COUNT(*) = 1, 'acme', COUNT(*)) FROM mysql.global_priv WHERE User = 'with_report'")"
check "and nothing differs" within 10 no_drift
check_as_fast "accounts without databases were ready meanwhile as fast as without" "$beside" "$before" "$(median_ready_ms after nothing_more database)"

# What needs no driver is answered as ever.
for i in 1 2 3 4 5; do g keys add --kid "billing$i" --scopes read >/dev/null 2>&1; done
in_lab kill -STOP "$mariadb"
check_answers "a list is answered within a second" genesisctl get accounts
check_answers "a revocation of a key is answered within a second" genesisctl keys revoke --kid 'billing{}'
check_answers "a pause is answered within a second" genesisctl pause account/with
in_lab kill -CONT "$mariadb"
check "the service is observed again" within 10 no_drift

# The daemon's end, while as many plans wait for the service as one user may ask for, and what is asked after it began.
in_lab_sh 'kill -STOP "$1"
    asked() {
        local code=0
        timeout 60 "${@:2}" >"/root/$1.said" 2>&1 || code=$?
        echo "$1 $code $(($(date +%s%3N) - stopped))" >>/root/ends
    }
    : >/root/ends
    stopped=$(date +%s%3N)
    for i in 1 2 3 4; do asked "plan$i" genesisctl plan account/with & done
    until (($(ss -Hxn state established | grep -c genesis.sock) >= 4)) || (($(date +%s%3N) - stopped > 500)); do sleep 0.02; done
    systemctl stop genesisd & stop=$!
    wait $(jobs -p | grep -vx "$stop")
    asked late genesisctl get accounts
    ! kill -0 "$stop" 2>/dev/null || echo "stopping 0 0" >>/root/ends
    wait "$stop"
    echo "stop 0 $(($(date +%s%3N) - stopped))" >>/root/ends' "$mariadb"
ends=$(in_lab cat /root/ends)
sed 's/^/# /' <<<"$ends"
ended() { awk -v what="$1" '$1 ~ what && $3 > most { most = $3 } END { print most + 0 }' <<<"$ends"; }
check_is "all plans that were waited for when the daemon was to end are answered with the reason" 4 \
    "$(in_lab_sh 'grep -l stopping /root/plan?.said | wc -l')"
check_ms "each of them at once" "$(ended plan)" 1000
check_has "the daemon had not ended when something more was asked" "stopping 0 0" "$ends"
check_ms "what is asked later is not left waiting" "$(ended late)" 2000
check_ms "the daemon ends while it hangs, after ten seconds at most" "$(ended stop)" 11000
check_is "and has not failed" inactive "$(in_lab systemctl is-active genesisd || true)"
in_lab kill -CONT "$mariadb"
in_lab systemctl start genesisd
check "started again it has the pause" within 20 in_lab_sh 'genesisctl get account/with -o json | grep -q "\"paused\": *true"'
check "and nothing differs" within 20 no_drift
finish
