#!/bin/bash
# systemd's bus that answers nobody holds up what systemd must be asked for, and nothing else.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$here/measure.sh"
[[ -n ${DEB:-} ]] || { skip "a bus that hangs" "no package was built"; finish; }

g() { in_lab genesisctl "$@"; }
apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml' >/dev/null 2>&1; }
page() { curl -sk --max-time 60 --resolve "$1.example:443:$("$LAB" address "$NAME")" "https://$1.example/" | grep -q "as $1<"; }
not_ready() { in_lab_sh 'genesisctl get accounts --ready false | grep -q "^account/$1 "' "$1"; }
# Each account has a slice, which systemd must be asked about when it is new. So what is measured here is a change of
# one that exists: a database more, with its user and grant.
with_database() {
    local i took least=""
    for i in 1 2 3 4 5; do
        took=$(account "plain$i" "$1" | ready_ms "account/plain$i") || return
        [[ -n $least && $least -le $took ]] || least=$took
    done
    echo "$least"
}
databases() { printf 'databases: ['; printf '{name: %s, users: [{name: web, password: "pw-of-the-web"}]},' "$@"; printf ']\n'; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
account sited "$(site sited)" | apply
for i in 1 2 3 4 5; do account "plain$i" | apply; done
check "six accounts are ready" within 60 all_ready
undisturbed=$(with_database "$(databases one)")

bus=$(in_lab_sh 'pgrep -x dbus-daemon -u messagebus | head -n 1')
in_lab kill -STOP "$bus"
hung() { [[ $(in_lab ps -o state= -p "$bus") == T* ]]; }
account fresh "$(site fresh)"$'\n'"$(database)" | apply
check "what needs systemd is not ready" within 20 not_ready fresh
check "a change that does not need it is ready as fast as without" as_fast "$(with_database "$(databases one two)")" "$undisturbed"
home() { in_lab test -d /home/fresh; }
password() { in_lab mariadb -u fresh_web -ppw-of-the-web -e 'SELECT 1'; }
check "a new account has its home" within 20 home
check "and its database" within 20 password
check "a plan is answered within a second" answers_within_a_second genesisctl plan account/plain1
check "drift of everything is answered within a second" answers_within_a_second genesisctl drift
check "sites that were there are served" page sited
check "the bus hangs still" hung

in_lab kill -CONT "$bus"
check "once it answers all is ready" within 10 all_ready
check "the new site is served" within 10 page fresh
check_is "and its socket is there once" 1 "$(in_lab_sh 'systemctl list-units --plain --no-legend "genesis-php*fresh*.socket" | wc -l')"
check "and nothing differs" within 10 no_drift
finish
