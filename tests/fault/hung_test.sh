#!/bin/bash
# A service that hangs: plans wait for it, and nothing else does, not even the daemon's end.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a hung service" "no package was built"; finish; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
in_lab_sh 'cat >/root/acme.yaml <<<"{kind: account, name: acme, databases: [{name: shop, users: [{name: web, password: pw-of-acme}]}]}"
    genesisctl apply -f /root/acme.yaml --wait --timeout 300s >/dev/null 2>&1
    genesisctl keys add --kid billing --scopes read >/dev/null 2>&1'
mariadb=$(in_lab systemctl show -p MainPID --value mariadb)
in_lab kill -STOP "$mariadb"

# shellcheck disable=SC2016
in_lab_sh 'for i in {1..12}; do (genesisctl plan account/acme >/dev/null 2>"/root/plan$i" || true; touch "/root/told$i") & done
    asked() { ss -Hxn state established | grep -c genesis.sock; }
    until (($(asked) >= 12)); do sleep 0.05; done
    answered() { "$@" >/dev/null && ! ls /root/told* >/dev/null 2>&1 && echo "answered $2"; }
    answered genesisctl get accounts || true
    answered genesisctl keys revoke --kid billing || true
    answered genesisctl pause account/acme || true
    systemctl stop genesisd & stop=$!
    stopping() { kill -0 "$stop" 2>/dev/null; }
    while (($(ls /root | grep -c ^told) < 11)) && stopping; do sleep 0.05; done
    genesisctl get accounts >/dev/null && stopping && echo "answered stopping" || true
    echo "told $(stopping && ls /root | grep -c ^told)"
    wait "$stop"' >"$scratch/took" 2>&1 || true
sed 's/^/# /' "$scratch/took"
# Before any of the plans is: the order shows it, on a busy machine too.
for what in get keys pause stopping; do check "while it hangs this is answered: $what" grep -qx "answered $what" "$scratch/took"; done
# The one plan that is being made waits for the service like the daemon's end; both have the driver's deadline.
check "whoever waits for a plan is told at once that the daemon stops" test "$(number_of told "$(<"$scratch/took")")" -ge 11
check_has "and why" stopping "$(in_lab_sh 'cat /root/plan*')"

in_lab kill -CONT "$mariadb"
in_lab systemctl start genesisd
check "started again it has the pause" in_lab_sh 'genesisctl get account/acme -o json | grep -q "\"paused\": *true"'
check "and nothing differs" within 20 in_lab genesisctl drift account/acme
finish
